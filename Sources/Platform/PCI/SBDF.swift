/// The address of a PCI function: segment, bus, device, function.
public struct SBDF: Hashable, Comparable, Sendable {
  /// segment << 16 | bus << 8 | device << 3 | function.
  public let rawValue: UInt32

  /// The function at a raw number.
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The function `bdf` (bus << 8 | device << 3 | function) of `segment`.
  @inlinable
  public init(segment: UInt16, bdf: UInt16) { rawValue = UInt32(segment) << 16 | UInt32(bdf) }

  /// The function at segment:bus:device.function; device is taken modulo 32, function modulo 8.
  @inlinable
  public init(_ segment: UInt16, _ bus: UInt8, _ device: UInt8, _ function: UInt8) {
    self.init(segment: segment, bdf: UInt16(bus) << 8 | UInt16(device & 31) << 3 | UInt16(function & 7))
  }

  /// PCI segment (domain).
  @inlinable
  public var segment: UInt16 { UInt16(rawValue >> 16) }
  /// bus << 8 | device << 3 | function.
  @inlinable
  public var bdf: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
  /// Bus number.
  @inlinable
  public var bus: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 8) }
  /// device << 3 | function.
  @inlinable
  public var devfn: UInt8 { UInt8(truncatingIfNeeded: rawValue) }
  /// Device number, 0 to 31.
  @inlinable
  public var device: UInt8 { devfn >> 3 }
  /// Function number, 0 to 7.
  @inlinable
  public var function: UInt8 { devfn & 7 }

  /// Order by segment, bus, device, function.
  @inlinable
  public static func < (left: SBDF, right: SBDF) -> Bool { left.rawValue < right.rawValue }
}

extension SBDF: CustomStringConvertible {
  /// `0000:00:02.0`.
  public var description: String {
    func padded(_ value: some BinaryInteger, _ width: Int) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return "\(padded(segment, 4)):\(padded(bus, 2)):\(padded(device, 2)).\(function)"
  }

  /// Reads `SSSS:BB:DD.F`, or `BB:DD.F` for segment 0, in hexadecimal with exactly these digits.
  public init?(_ text: some StringProtocol) {
    var bytes = Array(text.utf8)
    if bytes.count == 7 { bytes = Array("0000:".utf8) + bytes }
    guard bytes.count == 12, bytes[4] == UInt8(ascii: ":"), bytes[7] == UInt8(ascii: ":"),
      bytes[10] == UInt8(ascii: ".")
    else { return nil }
    func number(_ range: Range<Int>) -> UInt32? {
      var value: UInt32 = 0
      for byte in bytes[range] {
        guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else { return nil }
        value = value << 4 | UInt32(digit)
      }
      return value
    }
    guard let segment = number(0..<4), let bus = number(5..<7), let device = number(8..<10), device < 32,
      let function = number(11..<12), function < 8
    else { return nil }
    self.init(UInt16(segment), UInt8(bus), UInt8(device), UInt8(function))
  }
}
