import Platform
import Sharing
import Storage

/// Real devices with their base address registers, by class: what an assumed device is taken from.
///
/// Read from text with tabs whose first line names the columns; these three count:
///
///     vendor:device   class_code   bars(reg:kind,size,width,pref)
///     8086:1616       030000       10:mem,16M,64bit; 18:mem,256M,64bit,pref; 20:io,64
public struct BARCatalogue: Hashable, Sendable {
  /// A device.
  public struct Device: Hashable, Sendable {
    /// Vendor id.
    public var vendor: UInt16
    /// Device id.
    public var device: UInt16
    /// Base class << 16 | subclass << 8 | interface.
    public var classCode: UInt32
    /// Its registers, ascending by index, none with an address.
    public var bars: [BAR]

    /// True if each register fits: memory above 4 GiB of at most `high` bytes, other memory of at most `low`.
    func fits(low: UInt64, high: UInt64) -> Bool {
      bars.allSatisfy { $0.size <= ($0.kind == .m64p ? high : low) }
    }
  }

  /// All devices by class, those of one class in the order of the file.
  private let devices: [Device]

  /// No device at all.
  init() { devices = [] }

  /// Reads the file at `path`, plain or gzip.
  public init(path: String) throws(ImportError) {
    try self.init(TabSeparated(path: path, columns: BARCatalogue.columns))
  }

  /// Reads `bytes`, plain or gzip; errors name them `name`.
  public init(bytes: [UInt8], name: String) throws(ImportError) {
    try self.init(TabSeparated(bytes: bytes, name: name, columns: BARCatalogue.columns))
  }

  private static let columns = ["vendor:device", "class_code", "bars(reg:kind,size,width,pref)"]

  private init(_ rows: consuming TabSeparated) throws(ImportError) {
    var rows = rows
    var devices: [(order: Int, device: Device)] = []
    while let row = try rows.next() {
      let ids = row[0].split(separator: ":", omittingEmptySubsequences: false)
      guard ids.count == 2, let vendor: UInt16 = digits(ids[0], 4), let device: UInt16 = digits(ids[1], 4) else {
        throw rows.error("expected vendor and device such as 8086:1616, found \(quoted(row[0]))")
      }
      guard let classCode: UInt32 = digits(row[1], 6) else {
        throw rows.error("expected a class code such as 030000, found \(quoted(row[1]))")
      }
      let bars: [BAR]
      do { bars = try BARCatalogue.bars(row[2]) } catch { throw rows.error(error.message) }
      devices.append(
        (devices.count, Device(vendor: vendor, device: device, classCode: classCode, bars: bars)))
    }
    if devices.isEmpty { throw rows.error("expected at least one device") }
    devices.sort { ($0.device.classCode, $0.order) < ($1.device.classCode, $1.order) }
    self.devices = devices.map(\.device)
  }

  /// How many devices there are.
  public var count: Int { devices.count }

  /// The devices of the 16-bit class `classCode` (base class << 8 | subclass), of all interfaces, or of `interface`;
  /// ascending by interface, then in the order of the file.
  public func devices(ofClass classCode: UInt16, interface: UInt8? = nil) -> ArraySlice<Device> {
    let first = UInt32(classCode) << 8 | UInt32(interface ?? 0)
    let last = UInt32(classCode) << 8 | UInt32(interface ?? 0xFF)
    return devices[index(notBelow: first)..<index(notBelow: last + 1)]
  }

  private func index(notBelow classCode: UInt32) -> Int {
    devices.partitionIndex { $0.classCode >= classCode }
  }

  /// What is wrong with a list of registers.
  private struct Malformed: Error {
    let message: String
    init(_ what: String, _ found: some StringProtocol) { message = "expected \(what), found \(quoted(found))" }
  }

  /// `10:mem,16M,64bit; 18:mem,256M,64bit,pref; 20:io,64`, the registers ascending.
  private static func bars(_ text: String) throws(Malformed) -> [BAR] {
    var bars: [BAR] = []
    for part in text.split(separator: ";", omittingEmptySubsequences: false) {
      let bar = try bar(part.drop { $0 == " " })
      if let before = bars.last {
        let first = before.index + (before.kind.is64Bit ? 2 : 1)
        guard first <= bar.index else { throw Malformed("registers in order, none in the half of another", text) }
      }
      bars.append(bar)
    }
    return bars
  }

  private static func bar(_ text: Substring) throws(Malformed) -> BAR {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let register: UInt8 = digits(parts[0], 2), let index = index(of: register) else {
      throw Malformed("a register from 10 to 24 or 30, and what it decodes", text)
    }
    let words = parts[1].split(separator: ",", omittingEmptySubsequences: false)
    let kind: BAR.Kind
    switch (words[0], words.dropFirst(2).joined(separator: ",")) {
    case ("io", ""): kind = .io
    case ("mem", "32bit"): kind = .m32
    case ("mem", "32bit,pref"): kind = .m32p
    case ("mem", "64bit"): kind = .m64
    case ("mem", "64bit,pref"): kind = .m64p
    default: throw Malformed("io,64 or mem,16M,32bit or mem,256M,64bit,pref", parts[1])
    }
    guard words.count > 1, let size = size(words[1]), size.nonzeroBitCount == 1, size >= (kind == .io ? 4 : 16) else {
      throw Malformed("a size such as 16M that is a power of two", parts[1])
    }
    if index == 6 {
      guard !kind.is64Bit, kind != .io else { throw Malformed("32 bits of memory for a ROM", text) }
      return BAR(index, .rom, size: size)
    }
    guard !kind.is64Bit || index < 5 else { throw Malformed("a register that has an upper half", text) }
    guard kind.is64Bit || size <= 1 << 31 else { throw Malformed("at most 2G in 32 bits", text) }
    return BAR(index, kind, size: size)
  }

  private static func index(of register: UInt8) -> UInt8? {
    switch register {
    case 0x30: 6
    case 0x10...0x24 where register & 3 == 0: (register - 0x10) / 4
    default: nil
    }
  }

  /// Decimal, with `K`, `M` or `G`; nil if it is anything else.
  private static func size(_ text: Substring) -> UInt64? {
    let shift: UInt64 =
      switch text.last {
      case "K": 10
      case "M": 20
      case "G": 30
      default: 0
      }
    let digits = shift == 0 ? text : text.dropLast()
    guard digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let value = UInt64(digits),
      value <= 1 << 20
    else { return nil }
    return value << shift
  }
}

/// The number of exactly `count` hexadecimal digits, nil if it is anything else.
private func digits<Value: FixedWidthInteger>(_ text: some StringProtocol, _ count: Int) -> Value? {
  guard text.utf8.count == count, text.first != "+", text.first != "-" else { return nil }
  return Value(text, radix: 16)
}
