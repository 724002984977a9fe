/// The type of an E820 entry. Any 32-bit number can stand in a raw map.
public struct E820Type: RawRepresentable, Hashable, Sendable {
  /// The number in the table.
  public let rawValue: UInt32

  /// The type with this number.
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Usable memory.
  @inlinable
  public static var ram: E820Type { E820Type(rawValue: 1) }
  /// Not to be used: RMRRs, firmware, MMIO.
  @inlinable
  public static var reserved: E820Type { E820Type(rawValue: 2) }
  /// ACPI tables, reclaimable.
  @inlinable
  public static var acpi: E820Type { E820Type(rawValue: 3) }
  /// ACPI memory to be preserved.
  @inlinable
  public static var nvs: E820Type { E820Type(rawValue: 4) }
  /// Defective memory.
  @inlinable
  public static var unusable: E820Type { E820Type(rawValue: 5) }

  /// True if it is one of the types above.
  public var isKnown: Bool { 1...5 ~= rawValue }
}

extension E820Type: CustomStringConvertible {
  /// `ram`, `reserved`, `acpi`, `nvs`, `unusable`, or the number.
  public var description: String {
    switch self {
    case .ram: "ram"
    case .reserved: "reserved"
    case .acpi: "acpi"
    case .nvs: "nvs"
    case .unusable: "unusable"
    default: String(rawValue)
    }
  }

  /// The type that `description` prints as `text`, nil if there is none.
  public init?(_ text: some StringProtocol) {
    switch text {
    case "ram": self = .ram
    case "reserved": self = .reserved
    case "acpi": self = .acpi
    case "nvs": self = .nvs
    case "unusable": self = .unusable
    default:
      guard let number = UInt32(text) else { return nil }
      self.init(rawValue: number)
    }
  }
}

/// One record of an E820 table or of a guest memory map, exactly as stored: nothing is validated.
///
/// Binary form: packed 20 bytes {u64 addr, u64 size, u32 type}.
public struct E820Entry: Hashable, Sendable {
  /// First byte.
  public var start: UInt64
  /// Bytes; `start + size` may wrap in a broken map.
  public var size: UInt64
  /// What the bytes are.
  public var type: E820Type

  /// The entry as stored.
  @inlinable
  public init(start: UInt64, size: UInt64, type: E820Type) {
    self.start = start
    self.size = size
    self.type = type
  }

  /// The entry over `range`.
  @inlinable
  public init(_ range: AddressRange, _ type: E820Type) {
    self.init(start: range.start, size: range.count, type: type)
  }

  /// `start + size` modulo 2^64.
  @inlinable
  public var end: UInt64 { start &+ size }

  /// The bytes, nil if they pass 2^64.
  @inlinable
  public var range: AddressRange? { AddressRange(start: start, size: size) }
}

extension E820Entry: CustomStringConvertible {
  /// `0x100000-0x80000000:ram`, the end exclusive.
  public var description: String { "\(hex(start))-\(hex(end)):\(type)" }
}
