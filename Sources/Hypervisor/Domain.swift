import AddressSpace
import Editions
import Hypercalls
import Sharing

/// A domain as the hypervisor keeps it.
public struct Domain: Equatable, Sendable {
  /// Where the DMA of its devices is looked up (HV-116).
  public enum DMATables: Hashable, Sendable {
    /// It has no IOMMU: no device can be assigned.
    case none
    /// In the p2m itself.
    case shared
    /// In tables of its own, written with every change of the p2m.
    case separate
  }

  /// Pages it was promised and does not have (PoD).
  public struct Promise: Equatable, Sendable {
    /// Frames marked populate-on-demand.
    public internal(set) var entries: UInt64 = 0
    /// Pages kept to back them; charged to the domain.
    public internal(set) var cache: UInt64 = 0

    /// True while either is outstanding (HV-65).
    public var isActive: Bool { entries != 0 || cache != 0 }
  }

  /// Its number.
  public let id: DomainID
  /// HVM (translated: it has a p2m) or PV.
  public let kind: DomainCreation.Kind
  /// True if it has a p2m.
  public let isTranslated: Bool
  /// Hardware-assisted paging.
  public let hap: Bool
  /// Where the DMA of its devices is looked up.
  public let dmaTables: DMATables

  /// What its frames hold; empty for PV.
  public private(set) var p2m = RangeMap<P2MEntry>()
  /// IOMMU tables of its own: of an HVM domain with separate tables everything its devices see, of a PV domain (HV-112)
  /// and of the hardware domain the identity mappings only.
  public private(set) var dmaTable = RangeMap<DMAEntry>()
  /// Around the machine frames of all direct mappings that were ever made in it: who reaches none of them reaches nothing.
  private var everReached = Hull()
  /// Where identity mappings are made in it (HV-151).
  let identityPlace: HypervisorDecisions.IdentityPlace
  /// Its identity records (5.1).
  public internal(set) var records = IdentityRecords()

  /// Limit of `totalPages`.
  public internal(set) var maxPages: UInt64 = 0
  /// Pages charged to it: in the p2m, in the PoD cache, or unreachable.
  public internal(set) var totalPages: UInt64 = 0
  /// Charged pages that no guest frame leads to (HV-131, HV-132, D-6, remove_from_physmap).
  public internal(set) var unreachablePages: UInt64 = 0
  /// Frames of the host claimed and not yet populated.
  public internal(set) var claimedPages: UInt64 = 0
  /// Populate-on-demand.
  public internal(set) var promise = Promise()
  /// Pages of Xen's in its p2m.
  var xenPages: [XenPage] = []

  /// The memory map stored for it (HV-57).
  public internal(set) var memoryMap: [E820Entry] = []
  /// Machine frames it may map.
  public internal(set) var ioMemory = RangeMap<Permission>()
  /// I/O ports it may use.
  public internal(set) var ioPorts = RangeMap<Permission>()
  /// Its HVM parameters.
  var parameters = Parameters()
  /// Virtual CPUs.
  public internal(set) var vcpus: UInt32 = 0
  /// Memory for its page tables in MiB.
  public internal(set) var pagingMiB: UInt64 = 0
  /// Global log-dirty mode.
  public internal(set) var logDirty = false

  /// The rule by which the hypervisor crashed it, nil if it did not.
  public internal(set) var crash: Rule?
  /// True while its destruction has begun and could not be completed (HV-78).
  public internal(set) var isDying = false

  init(
    _ id: DomainID, kind: DomainCreation.Kind, hap: Bool, dmaTables: DMATables,
    identityPlace: HypervisorDecisions.IdentityPlace
  ) {
    self.identityPlace = identityPlace.resolved(for: dmaTables)
    self.id = id
    self.kind = kind
    isTranslated = kind == .hvm
    self.hap = hap
    self.dmaTables = dmaTables
  }

  /// The same domain with no right to any I/O memory or port, and nothing at `frames`.
  public func withoutRights(nothingAt frames: [FrameRange]) -> Domain {
    var domain = self
    for range in frames {
      domain.p2m.set(range, to: nil)
      domain.dmaTable.set(range, to: nil)
    }
    domain.ioMemory = RangeMap()
    domain.ioPorts = RangeMap()
    return domain
  }

  /// True if it has I/O memory or ports (HV-129, HV-137).
  var hasIOResources: Bool { !ioMemory.isEmpty || !ioPorts.isEmpty }

  /// A range around others. What it is around is state, it itself is none: all are equal.
  private struct Hull: Equatable, Sendable {
    private(set) var frames = FrameRange(0, 0)

    mutating func include(_ other: FrameRange) {
      if other.isEmpty { return }
      frames = frames.isEmpty ? other : FrameRange(min(frames.start, other.start), max(frames.end, other.end))
    }

    static func == (left: Hull, right: Hull) -> Bool { true }
  }

  /// A right a domain has or not.
  public enum Permission: Hashable, Sendable {
    /// It has it.
    case granted
  }

  /// HVM parameters by their numbers.
  struct Parameters: Hashable, Sendable {
    /// Bit n: parameter n was set.
    private var known: UInt64 = 0
    /// All of them once one was set.
    private var values: [UInt64] = []

    /// The parameter with number `index`, which is below `Hypervisor.parameterLimit`; 0 if it was not set.
    subscript(index: UInt32) -> UInt64 {
      get { values.isEmpty ? 0 : values[Int(index)] }
      set {
        if values.isEmpty { values = [UInt64](repeating: 0, count: Int(Hypervisor.parameterLimit)) }
        values[Int(index)] = newValue
        known |= 1 << UInt64(index)
      }
    }
  }

  /// A page of Xen's and where the domain sees it.
  struct XenPage: Hashable, Sendable {
    var space: PhysmapSpace
    var index: UInt64
    var gfn: GFN
  }
}

extension Domain {
  /// Writes an entry, in separate tables too; nil makes holes. Nothing is checked or counted.
  mutating func write(_ entry: P2MEntry?, at frames: FrameRange) {
    writeP2M(entry, at: frames)
    if dmaTables == .separate { dmaTable.set(frames, to: mirrored(entry)) }
  }

  /// The same in the p2m alone.
  mutating func writeP2M(_ entry: P2MEntry?, at frames: FrameRange) {
    p2m.set(frames, to: entry)
    if case .direct(let mapping)? = entry { everReached.include(mapping.machineFrames(of: frames)) }
  }

  /// The same in the IOMMU's tables alone.
  mutating func writeDMATable(_ entry: DMAEntry?, at frames: FrameRange) {
    dmaTable.set(frames, to: entry)
    if case .direct(let offset, let access)? = entry {
      let mapping = DirectMapping(offset: offset, access: access, origin: .record)
      everReached.include(mapping.machineFrames(of: frames))
    }
  }

  /// Puts back what both were at an earlier time.
  mutating func restore(p2m: RangeMap<P2MEntry>, dmaTable: RangeMap<DMAEntry>) {
    self.p2m = p2m
    self.dmaTable = dmaTable
  }

  /// What separate tables hold for an entry of the p2m: of old no direct mappings (BUG-12).
  func mirrored(_ entry: P2MEntry?) -> DMAEntry? {
    identityPlace != .p2m && entry?.direct != nil ? nil : entry?.mirrored
  }

  /// Forgets Xen's pages in `frames`, whose entries go.
  mutating func unhookXenPages(in frames: FrameRange) {
    xenPages.removeAll { frames.contains($0.gfn) }
  }

  /// What its devices see at `frame`, nil if they fault.
  public func deviceView(of frame: DFN) -> DMAEntry? {
    switch dmaTables {
    case .none: nil
    case .shared: p2m[frame]?.mirrored
    case .separate: dmaTable[frame]
    }
  }

  /// Calls `body` for the pieces of `range` as its devices see them, ascending; frames without an entry are left out.
  ///
  /// Where devices use the p2m's tables, neighbours that differ for the CPU alone are one piece.
  public func forEachDevicePiece(in range: FrameRange, _ body: (FrameRange, DMAEntry) -> Void) {
    switch dmaTables {
    case .none: break
    case .shared:
      var last: (frames: FrameRange, entry: DMAEntry)?
      p2m.forEachPiece(in: range) { frames, entry in
        guard let mirrored = entry?.mirrored else { return true }
        if let before = last, before.frames.end == frames.start, before.entry == mirrored {
          last = (FrameRange(before.frames.start, frames.end), mirrored)
        } else {
          if let last { body(last.frames, last.entry) }
          last = (frames, mirrored)
        }
        return true
      }
      if let last { body(last.frames, last.entry) }
    case .separate:
      dmaTable.forEachPiece(in: range) { frames, entry in
        if let entry { body(frames, entry) }
        return true
      }
    }
  }

  /// True if the CPUs or the devices of the domain that lies at `domain` reach one of these machine frames by a direct
  /// mapping.
  static func reaches(_ machineFrames: FrameRange, by domain: UnsafePointer<Domain>) -> Bool {
    guard domain.pointee.everReached.frames.overlaps(machineFrames) else { return false }
    let isMapped = domain.pointee.p2m.runs.contains { run in
      guard case .direct(let mapping) = run.value else { return false }
      return mapping.machineFrames(of: run.frames).overlaps(machineFrames)
    }
    if isMapped { return true }
    // Separate tables of an HVM domain follow its p2m.
    if domain.pointee.isTranslated && domain.pointee.identityPlace != .iommuOnly { return false }
    return domain.pointee.dmaTable.runs.contains { run in
      guard case .direct(let offset, _) = run.value else { return false }
      return DirectMapping(offset: offset, access: [], origin: .record).machineFrames(of: run.frames)
        .overlaps(machineFrames)
    }
  }

  /// Calls `body` with the parts of `machineFrames` that its CPUs or its devices reach by direct mappings; false from it ends the walk.
  public func forEachReached(of machineFrames: FrameRange, _ body: (FrameRange) -> Bool) {
    for run in p2m.runs {
      if case .direct(let mapping) = run.value,
        let part = mapping.machineFrames(of: run.frames).intersection(machineFrames), !body(part)
      {
        return
      }
    }
    // Separate tables of an HVM domain follow its p2m.
    if isTranslated && identityPlace != .iommuOnly { return }
    for run in dmaTable.runs {
      if case .direct(let offset, _) = run.value,
        let part = DirectMapping(offset: offset, access: [], origin: .record).machineFrames(of: run.frames)
          .intersection(machineFrames), !body(part)
      {
        return
      }
    }
  }

  /// Brings `reached` up to date: the machine frames that the CPUs and the devices of the domain that lies at `domain`
  /// reach by direct mappings, run by run, as `forEachReached` finds them. True if they were others.
  public static func update(_ reached: inout [FrameRange], of domain: UnsafePointer<Domain>) -> Bool {
    var count = 0
    var differs = false
    func take(_ frames: FrameRange) {
      if count < reached.count {
        if reached[count] != frames {
          reached[count] = frames
          differs = true
        }
      } else {
        if reached.capacity == 0 { reached.reserveCapacity(16) }
        reached.append(frames)
        differs = true
      }
      count += 1
    }
    for run in domain.pointee.p2m.runs {
      if case .direct(let mapping) = run.value { take(mapping.machineFrames(of: run.frames)) }
    }
    // Separate tables of an HVM domain follow its p2m.
    if !domain.pointee.isTranslated || domain.pointee.identityPlace == .iommuOnly {
      for run in domain.pointee.dmaTable.runs {
        if case .direct(let offset, _) = run.value {
          take(DirectMapping(offset: offset, access: [], origin: .record).machineFrames(of: run.frames))
        }
      }
    }
    if count < reached.count {
      reached.removeSubrange(count...)
      differs = true
    }
    return differs
  }
}
