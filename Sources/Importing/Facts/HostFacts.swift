import AddressSpace
import Platform
import Tracing

/// What an input says of the host.
public struct HostFacts: Hashable, Sendable {
  /// The machine's name, as DMI has it.
  public var name: String?
  /// The host's E820, in the order in which it was told; no entry twice.
  public var e820: [E820Entry] = []
  /// DMAR and IVRS tables as bytes; no table twice.
  public var tables: [[UInt8]] = []
  /// Structures of the DMAR table that logs tell one by one, in the order in which they were told; none twice.
  public var structures: [StructureFacts] = []
  /// First bytes of RMRRs whose line breaks off before the end.
  public var openRanges: [UInt64] = []
  /// Ranges that an operating system mapped 1:1 for devices.
  public var identityMaps: [IdentityMap] = []
  /// Memory that firmware took away for graphics.
  public var stolenGraphics: [AddressRange] = []
  /// PCI functions by place; never iterated but through `functions`.
  private var functionsByPlace: [SBDF: FunctionFacts] = [:]
  /// Root buses with their bus numbers.
  public var rootBuses: [RootBus] = []
  /// Bits of physical addresses, as the CPU says.
  public var addressBits: UInt8?
  /// Bits of addresses that the DMAR table tells (`Host address width`), which need not be the CPU's.
  public var tableAddressBits: UInt8?
  /// Bytes of RAM, if they are told otherwise than by the E820.
  public var memory: UInt64?
  /// Values of `rmrr=` on Xen's command line.
  public var rmrrOptions: [String] = []
  /// Values of `ivmd=` on Xen's command line.
  public var ivmdOptions: [String] = []
  /// Whether the IOMMU may use the p2m's tables.
  public var sharesPageTables: Bool?
  /// Which IOMMU there is.
  public var iommu: Machine.IOMMU?
  /// What becomes of a device that leaves a guest.
  public var quarantine: Machine.Quarantine?
  /// Whether Xen panics without an IOMMU.
  public var requiresIOMMU: Bool?

  /// Functions that are there, of which nothing else need be known: guests were given them.
  public var namedDevices: [SBDF] = []
  /// Functions that are named and not there.
  public var absentDevices: [SBDF] = []
  /// What happened to the host beside its guests' lives, in order.
  public var steps: [ToldStep] = []

  /// Most entries of each list: real ones have some dozens, and each line is compared with all.
  public static let limit = 1_024

  /// Most PCI functions: large servers have some hundreds.
  public static let functionLimit = 16_384

  /// Nothing.
  public init() {}

  /// Adds an entry of the E820 unless it is there.
  public mutating func add(_ entry: E820Entry) {
    if e820.count < HostFacts.limit, !e820.contains(entry) { e820.append(entry) }
  }

  /// Adds a structure; one that is there already learns its scopes.
  public mutating func add(_ fact: StructureFacts) {
    guard structures.count < HostFacts.limit else { return }
    if let index = structures.firstIndex(where: { $0.isSame(as: fact) }) {
      if !structures[index].tellsScopes, fact.tellsScopes { structures[index] = fact }
    } else {
      structures.append(fact)
    }
  }

  /// Adds a 1:1 mapping unless it is there.
  public mutating func add(_ map: IdentityMap) {
    if identityMaps.count < HostFacts.limit, !identityMaps.contains(map) { identityMaps.append(map) }
  }

  /// Adds a step unless it is there.
  mutating func tell(_ step: ToldStep) {
    guard steps.count < HostFacts.limit, !steps.contains(where: { $0.event == step.event }) else { return }
    steps.append(step)
  }

  /// PCI functions, each once, ascending.
  public var functions: [FunctionFacts] { functionsByPlace.values.sorted { $0.sbdf < $1.sbdf } }

  /// How many functions are known.
  public var functionCount: Int { functionsByPlace.count }

  /// True if no function is known.
  public var hasNoFunctions: Bool { functionsByPlace.isEmpty }

  /// True if something is known of the function at `sbdf`.
  public func knows(_ sbdf: SBDF) -> Bool { functionsByPlace[sbdf] != nil }

  /// The facts of the function at `sbdf`; what is set on them is kept, a function that is not there yet is
  /// added, up to the limit.
  public subscript(sbdf: SBDF) -> FunctionFacts {
    get { functionsByPlace[sbdf] ?? FunctionFacts(sbdf) }
    set {
      if functionsByPlace.count < HostFacts.functionLimit || functionsByPlace[sbdf] != nil {
        functionsByPlace[sbdf] = newValue
      }
    }
  }

  /// Forgets all functions.
  public mutating func removeFunctions() { functionsByPlace.removeAll() }
}

/// A structure of the DMAR table as a log tells it.
public struct StructureFacts: Hashable, Sendable {
  /// What was told; without scopes if the log has none.
  public var structure: RemappingStructure
  /// True if the log tells the devices too, also if there are none.
  public var tellsScopes: Bool

  /// `structure`, with or without its scopes.
  public init(_ structure: RemappingStructure, tellsScopes: Bool) {
    self.structure = structure
    self.tellsScopes = tellsScopes
  }

  /// True if `other` is about the same unit or range: scopes aside, they are equal, or one has none.
  func isSame(as other: StructureFacts) -> Bool {
    if tellsScopes, other.tellsScopes { return structure == other.structure }
    switch (structure, other.structure) {
    case (.drhd(let left), .drhd(let right)):
      return left.registerBase == right.registerBase && left.segment == right.segment
    case (.rmrr(let left), .rmrr(let right)):
      return left.base == right.base && left.end == right.end && left.segment == right.segment
    default:
      // Root ports and skipped structures are not told apart by logs: each line is one.
      return false
    }
  }
}

/// A range that an operating system mapped 1:1 for a device, because an RMRR names both.
public struct IdentityMap: Hashable, Sendable {
  /// The device.
  public var device: SBDF
  /// First byte.
  public var base: UInt64
  /// Last byte, inclusive.
  public var end: UInt64

  /// `base` to `end` for `device`.
  public init(_ device: SBDF, base: UInt64, end: UInt64) {
    self.device = device
    self.base = base
    self.end = end
  }
}

/// The buses below a host bridge.
public struct RootBus: Hashable, Sendable {
  /// PCI segment.
  public var segment: UInt16
  /// The root bus.
  public var first: UInt8
  /// The last bus below it, inclusive.
  public var last: UInt8

  /// Buses `first` to `last` of `segment`.
  public init(segment: UInt16, first: UInt8, last: UInt8) {
    self.segment = segment
    self.first = first
    self.last = last
  }
}
