import AddressSpace
import Platform

/// What a CPU or a device may do with a page.
public struct PageAccess: OptionSet, Hashable, Sendable {
  /// The bits.
  public let rawValue: UInt8
  /// The rights with these bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// May read.
  public static let read = PageAccess(rawValue: 1)
  /// May write.
  public static let write = PageAccess(rawValue: 2)
  /// May fetch instructions.
  public static let execute = PageAccess(rawValue: 4)
  /// What an identity mapping gives (HV-89).
  public static let readWrite: PageAccess = [.read, .write]
  /// Everything: what RAM and memory_mapping give.
  public static let all: PageAccess = [.read, .write, .execute]
}

extension RMRRUnit {
  /// What firmware lets its devices do.
  public var access: PageAccess {
    var access: PageAccess = []
    if isReadable { access.insert(.read) }
    if isWritable { access.insert(.write) }
    return access
  }
}

/// What a guest frame holds; a hole has no entry.
///
/// An entry is the same for all frames of a run: RAM needs no machine frame here, and direct mappings keep the distance
/// between machine and guest frame.
public enum P2MEntry: Hashable, Sendable {
  /// A page of the domain's own memory.
  case ram
  /// Memory that is promised and not yet there (PoD).
  case populateOnDemand
  /// A page of Xen's that the domain sees: shared info or grant table. Not charged.
  case xenPage
  /// Machine frames mapped directly (`mmio_direct`).
  case direct(DirectMapping)

  /// The direct mapping if it is one.
  @inlinable
  public var direct: DirectMapping? {
    if case .direct(let mapping) = self { mapping } else { nil }
  }

  /// What devices see where the IOMMU has tables of its own (HV-116).
  var mirrored: DMAEntry? {
    switch self {
    case .ram, .xenPage: .ram
    case .populateOnDemand: nil
    case .direct(let mapping): .direct(offset: mapping.offset, access: mapping.deviceAccess)
    }
  }
}

/// Machine frames mapped directly into a guest.
public struct DirectMapping: Hashable, Sendable {
  /// Who made a direct mapping.
  public enum Origin: UInt8, Sendable {
    /// A request for a reserved range (section 5): an identity record holds it.
    case record
    /// XEN_DOMCTL_memory_mapping.
    case memoryMapping
  }

  /// Machine frame minus guest frame modulo 2^64; 0 = identity.
  public var offset: UInt64
  /// What the CPU may do.
  public var access: PageAccess
  /// What devices may do where the IOMMU has tables of its own. Nested paging keeps no rights for the CPU (C-5), the
  /// IOMMU gets those that were asked for all the same.
  public var deviceAccess: PageAccess
  /// Who made it. Xen does not know; rules of the repaired edition and invariants do.
  public var origin: Origin

  /// A mapping at a distance of `offset`.
  public init(offset: UInt64 = 0, access: PageAccess, deviceAccess: PageAccess? = nil, origin: Origin) {
    self.offset = offset
    self.access = access
    self.deviceAccess = deviceAccess ?? access.intersection(.readWrite)
    self.origin = origin
  }

  /// True if machine and guest frame are the same.
  public var isIdentity: Bool { offset == 0 }

  /// The machine frames behind guest frames.
  public func machineFrames(of frames: FrameRange) -> FrameRange {
    let first = frames.start &+ offset
    return FrameRange(start: first, count: frames.count) ?? FrameRange(first, .max)
  }
}

/// What the IOMMU shows a domain's devices at a frame; a hole has no entry and faults.
public enum DMAEntry: Hashable, Sendable {
  /// The page the CPU sees there.
  case ram
  /// The machine frame at this distance (modulo 2^64), with these rights.
  case direct(offset: UInt64, access: PageAccess)
}
