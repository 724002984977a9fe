import AddressSpace
import Editions

/// What the `rmrr=` options of Xen's command line define: units in frames, in the order written.
///
///     rmrr = unit *( ";" unit )
///     unit = start [ "-" end ] [ "=" sbdf *( "," sbdf ) ]
///     sbdf = [ segment ":" ] bus ":" device "." function
///
/// Frame numbers and device numbers are hexadecimal, a function number is octal after `0` and decimal otherwise; `0x`
/// may stand in front of all. A number without digits is 0 except at the start of a range or its end (C-7), and one
/// that is too large wraps modulo 2^64. Several options accumulate (D-3). Units completed before an error stay (HV-29).
public struct RMRROption: Hashable, Sendable {
  /// Most units of all options together (HV-28).
  public static let unitLimit = 10
  /// Most frames of a unit (HV-28).
  public static let frameLimit: UInt64 = 16
  /// Most devices of a unit (HV-28).
  public static let deviceLimit = 20
  /// Characters of an option that Xen keeps, `rmrr=` included (D-3).
  public static let lengthKept = 127

  /// A unit as written, not yet registered.
  public struct Unit: Hashable, Sendable {
    /// First frame.
    public var first: MFN
    /// Last frame, inclusive; below `first` only where 16 frames wrap at 2^64.
    public var last: MFN
    /// The devices, never empty. Segments may differ: registration judges that (HV-31).
    public var devices: [SBDF]

    /// Frames `first` to `last`, both inclusive, for `devices`.
    public init(first: MFN, last: MFN, devices: [SBDF]) {
      self.first = first
      self.last = last
      self.devices = devices
    }
  }

  /// Why the rest of an option was not read.
  public struct Refusal: Error, Hashable, Sendable {
    /// E2BIG or EINVAL, as HV-29 lists them.
    public let error: Errno
    /// HV-28 for a limit that is passed, HV-29 for a malformed option.
    public let rule: Rule
    /// Where, in bytes from the start of the value.
    public let offset: Int
  }

  /// The units so far, in the order written.
  public private(set) var units: [Unit] = []

  /// No option yet.
  public init() {}

  /// Reads one option's `value` (what follows `rmrr=`), of which Xen sees the first `kept` bytes.
  ///
  /// Units in front of an error are added all the same.
  ///
  /// With `anySize` units may have any number of pages, and end before they start: whoever registers them looks.
  public mutating func read(_ value: String, kept: Int = .max, anySize: Bool = false) throws(Refusal) {
    var text = OptionText(value.utf8.prefix(max(0, kept)))
    repeat {
      guard units.count < RMRROption.unitLimit else { throw text.refusal(.E2BIG, .hv(28)) }
      guard let first = text.number() else { throw text.refusal(.EINVAL, .hv(29)) }
      var last = first
      if text.take("-") {
        guard let end = text.number() else { throw text.refusal(.EINVAL, .hv(29)) }
        last = end
      }
      // Unsigned: an end below the start is too large as well (HV-29).
      guard anySize || last &- first < RMRROption.frameLimit else { throw text.refusal(.E2BIG, .hv(28)) }
      // Without devices the unit vanishes without a word (HV-29).
      guard text.take("=") else { continue }
      var unit = Unit(first: first, last: last, devices: [])
      repeat {
        guard let device = text.device(defaultSegment: unit.devices.first?.segment ?? 0) else {
          throw text.refusal(.EINVAL, .hv(29))
        }
        unit.devices.append(device)
      } while unit.devices.count < RMRROption.deviceLimit && text.take(",")
      // The unit stands even if what follows is an error (D-10).
      units.append(unit)
    } while text.take(";")
    guard text.isAtEnd else { throw text.refusal(.EINVAL, .hv(29)) }
  }
}

/// The value of an option with a place in it.
private struct OptionText {
  private let bytes: [UInt8]
  private var position = 0

  init(_ text: some Sequence<UInt8>) {
    // A command line is a C string.
    bytes = Array(text.prefix { $0 != 0 })
  }

  var isAtEnd: Bool { position == bytes.count }

  func refusal(_ error: Errno, _ rule: Rule) -> RMRROption.Refusal {
    RMRROption.Refusal(error: error, rule: rule, offset: position)
  }

  private func byte(ahead: Int = 0) -> UInt8 {
    position + ahead < bytes.count ? bytes[position + ahead] : 0
  }

  mutating func take(_ character: Character) -> Bool {
    guard byte() == character.asciiValue else { return false }
    position += 1
    return true
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  private func hasPrefix0x(digitNeeded: Bool) -> Bool {
    byte() == UInt8(ascii: "0") && byte(ahead: 1) | 0x20 == UInt8(ascii: "x")
      && (!digitNeeded || OptionText.digit(byte(ahead: 2)) != nil)
  }

  /// The digits of `base` from here, modulo 2^64; 0 if there are none.
  private mutating func digits(base: UInt64) -> UInt64 {
    var value: UInt64 = 0
    while let digit = OptionText.digit(byte()), digit < base {
      value = value &* base &+ digit
      position += 1
    }
    return value
  }

  private mutating func hexadecimal() -> UInt64 {
    if hasPrefix0x(digitNeeded: false) { position += 2 }
    return digits(base: 16)
  }

  /// A hexadecimal number of at least one character; a bare `0x` counts as 0.
  mutating func number() -> UInt64? {
    let start = position
    let value = hexadecimal()
    return position == start ? nil : value
  }

  /// A device; nil if it is malformed (HV-29). Empty parts are 0 (C-7); its segment may be left out (HV-30).
  mutating func device(defaultSegment: UInt16) -> SBDF? {
    var parts = [hexadecimal()]
    while parts.count < 3, take(":") { parts.append(hexadecimal()) }
    guard parts.count > 1, take(".") else { return nil }
    let function: UInt64
    if hasPrefix0x(digitNeeded: true) {
      function = hexadecimal()
    } else {
      function = digits(base: byte() == UInt8(ascii: "0") ? 8 : 10)
    }
    let segment = parts.count == 3 ? UInt16(exactly: parts[0]) : defaultSegment
    guard let segment, let bus = UInt8(exactly: parts[parts.count - 2]),
      let device = UInt8(exactly: parts[parts.count - 1]), device < 32, function < 8
    else { return nil }
    return SBDF(segment, bus, UInt8(device), UInt8(function))
  }
}
