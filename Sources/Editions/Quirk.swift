/// A named deviation of one stage from the repaired design: a known bug of a Xen release, or a rule of an older one.
///
/// A stage's quirks are the cases of one enumeration (`HypervisorQuirk`, …). A stage resolves its set once into
/// named decisions; no algorithm tests a quirk. Switching a quirk on in `repaired` plants a known bug.
public protocol StageQuirk: RawRepresentable, CaseIterable, Hashable, Sendable
where RawValue == UInt8, AllCases == [Self] {
  /// What is known of it.
  var entry: QuirkEntry { get }
}

extension StageQuirk {
  /// The stable name, unique over all stages.
  public var name: String { entry.name }
}

/// A set of quirks of one stage; at most 128 quirks a stage.
public struct QuirkSet<Quirk: StageQuirk>: Hashable, Sendable, ExpressibleByArrayLiteral {
  // Two words and not a wide one: what holds a set would have to lie at multiples of 16, which costs the allocator more.
  @usableFromInline var low: UInt64 = 0
  @usableFromInline var high: UInt64 = 0

  /// The set of the quirks listed.
  public init(arrayLiteral quirks: Quirk...) {
    for quirk in quirks { insert(quirk) }
  }

  /// The set of `quirks`.
  public init(_ quirks: some Sequence<Quirk>) {
    for quirk in quirks { insert(quirk) }
  }

  /// True if `quirk` is in the set.
  @inlinable
  public func contains(_ quirk: Quirk) -> Bool {
    (quirk.rawValue < 64 ? low : high) >> UInt64(quirk.rawValue & 63) & 1 != 0
  }

  /// Adds `quirk`.
  public mutating func insert(_ quirk: Quirk) {
    let bit: UInt64 = 1 << UInt64(quirk.rawValue & 63)
    if quirk.rawValue < 64 { low |= bit } else { high |= bit }
  }

  /// Takes `quirk` out.
  public mutating func remove(_ quirk: Quirk) {
    let bit: UInt64 = 1 << UInt64(quirk.rawValue & 63)
    if quirk.rawValue < 64 { low &= ~bit } else { high &= ~bit }
  }

  /// True if there is none.
  public var isEmpty: Bool { low | high == 0 }

  /// The quirks in order of declaration.
  public var members: [Quirk] { Quirk.allCases.filter(contains) }
}

/// A quirk of any stage.
public enum Quirk: Hashable, Sendable {
  /// A quirk of the hypervisor, boot-time table parsing included.
  case hypervisor(HypervisorQuirk)
  /// A quirk of the toolstack and the domain builder.
  case toolstack(ToolstackQuirk)
  /// A quirk of hvmloader.
  case firmware(FirmwareQuirk)

  /// Every quirk there is: hypervisor, toolstack, firmware, in order of declaration.
  public static let all: [Quirk] =
    HypervisorQuirk.allCases.map(Quirk.hypervisor) + ToolstackQuirk.allCases.map(Quirk.toolstack)
    + FirmwareQuirk.allCases.map(Quirk.firmware)

  /// What is known of it; the name is unique over all stages.
  public var entry: QuirkEntry {
    switch self {
    case .hypervisor(let quirk): quirk.entry
    case .toolstack(let quirk): quirk.entry
    case .firmware(let quirk): quirk.entry
    }
  }

  /// The stable name, unique over all stages.
  public var name: String { entry.name }

  /// The stage it belongs to.
  public var stage: String {
    switch self {
    case .hypervisor: "hypervisor"
    case .toolstack: "toolstack"
    case .firmware: "firmware"
    }
  }

  /// The quirk named `name`.
  public init?(name: some StringProtocol) {
    guard let found = Quirk.named[String(name)] else { return nil }
    self = found
  }

  private static let named = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}
