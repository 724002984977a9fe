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

    fileprivate init(_ error: Errno, _ rule: Rule, _ text: OptionText) {
      self.error = error
      self.rule = rule
      offset = text.position
    }
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
      guard units.count < RMRROption.unitLimit else { throw Refusal(.E2BIG, .hv(28), text) }
      guard let first = text.number() else { throw Refusal(.EINVAL, .hv(29), text) }
      var last = first
      if text.take("-") {
        guard let end = text.number() else { throw Refusal(.EINVAL, .hv(29), text) }
        last = end
      }
      // Unsigned: an end below the start is too large as well (HV-29).
      guard anySize || last &- first < RMRROption.frameLimit else { throw Refusal(.E2BIG, .hv(28), text) }
      // Without devices the unit vanishes without a word (HV-29).
      guard text.take("=") else { continue }
      var unit = Unit(first: first, last: last, devices: [])
      repeat {
        guard let device = text.device(defaultSegment: unit.devices.first?.segment ?? 0) else {
          throw Refusal(.EINVAL, .hv(29), text)
        }
        unit.devices.append(device)
      } while unit.devices.count < RMRROption.deviceLimit && text.take(",")
      // The unit stands even if what follows is an error (D-10).
      units.append(unit)
    } while text.take(";")
    guard text.isAtEnd else { throw Refusal(.EINVAL, .hv(29), text) }
  }
}
