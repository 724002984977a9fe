/// A Xen domain number, ordinary or one of the reserved ones.
public struct DomainID: RawRepresentable, Hashable, Comparable, Sendable {
  /// The number.
  public let rawValue: UInt16

  /// The domain with this number.
  @inlinable
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The domain with this number.
  @inlinable
  public init(_ number: UInt16) { rawValue = number }

  /// The hardware domain, which is also the control domain and runs the toolstack.
  @inlinable
  public static var dom0: DomainID { DomainID(0) }
  /// DOMID_SELF: the caller.
  @inlinable
  public static var itself: DomainID { DomainID(0x7FF0) }
  /// DOMID_IO: owner of quarantined devices.
  @inlinable
  public static var io: DomainID { DomainID(0x7FF1) }
  /// DOMID_XEN: owner of hidden devices.
  @inlinable
  public static var xen: DomainID { DomainID(0x7FF2) }
  /// DOMID_INVALID.
  @inlinable
  public static var invalid: DomainID { DomainID(0x7FF4) }

  /// First number that no ordinary domain has.
  @inlinable
  public static var firstReserved: DomainID { DomainID(0x7FF0) }

  /// Order by number.
  @inlinable
  public static func < (left: DomainID, right: DomainID) -> Bool { left.rawValue < right.rawValue }
}

extension DomainID: CustomStringConvertible {
  /// `dom3`, `dom_io`, `dom_xen`, `dom_self`, `dom_invalid`.
  public var description: String {
    switch self {
    case .itself: "dom_self"
    case .io: "dom_io"
    case .xen: "dom_xen"
    case .invalid: "dom_invalid"
    default: "dom\(rawValue)"
    }
  }

  /// The domain that `description` prints as `text`, nil if there is none.
  public init?(_ text: some StringProtocol) {
    switch text {
    case "dom_self": self = .itself
    case "dom_io": self = .io
    case "dom_xen": self = .xen
    case "dom_invalid": self = .invalid
    default:
      guard text.hasPrefix("dom"), let number = UInt16(text.dropFirst(3)),
        text == "dom\(number)"
      else { return nil }
      self.init(number)
    }
  }
}
