import AddressSpace
import Platform

/// What can be read of a DMAR table: all of it, or the structures in front of a fault; or of an IVRS table, all or nothing.
struct DecodedTable: Hashable {
  /// The structures, in table order.
  private(set) var structures: [RemappingStructure] = []
  /// The width of the host's addresses, in bits.
  let addressBits: UInt8
  /// True if nothing but the structures is needed to say what Xen makes of the table.
  private(set) var isComplete = false

  /// The blocks of an IVRS table; nil for a DMAR table, and for an IVRS table that Xen rejects.
  private(set) var blocks: [IVRSBlock]?
  /// True for an IVRS table.
  let isAMD: Bool

  /// A DMAR table of `structures` that was told otherwise than as bytes.
  init(structures: [RemappingStructure], addressBits: UInt8) {
    self.structures = structures
    self.addressBits = addressBits
    isAMD = false
    isComplete = true
  }

  /// Decodes `bytes`; nil if the signature is neither `DMAR` nor `IVRS`.
  init?(_ bytes: [UInt8]) {
    isAMD = IVRSTable.isTable(bytes)
    if isAMD {
      let table = try? IVRSTable(decoding: bytes)
      blocks = table?.blocks
      addressBits = table?.addressBits ?? 48
      isComplete = table != nil
      structures = (table?.blocks ?? []).compactMap(DecodedTable.structure)
      return
    }
    guard var reader = DMARReader(bytes) else { return nil }
    addressBits = reader.width &+ 1
    do throws(DMARFault) {
      while let entry = try reader.next() {
        structures.append(entry.structure)
        if let fault = entry.fault { throw fault }
      }
      // A machine described by structures without a remapping unit is assumed to have one; one whose table has none is
      // not (HV-84).
      isComplete = structures.contains { if case .drhd = $0 { true } else { false } }
    } catch {
      // The structures so far stand: registration sees them before the fault (HV-4).
    }
  }

  /// A block as the structure that says the same of functions and memory: those are assumed by the rule for DMAR tables.
  private static func structure(_ block: IVRSBlock) -> RemappingStructure? {
    func scopes(_ bdfs: [UInt16]) -> [DeviceScope] { bdfs.map { DeviceScope(endpoint: SBDF(segment: 0, bdf: $0)) } }
    switch block {
    case .ivhd(let record):
      return .drhd(DRHDRecord(segment: record.segment, registerBase: record.registerBase, includeAll: true))
    case .ivmd(let record):
      let devices: [UInt16] =
        switch record.target {
        case .device(let bdf): [bdf]
        case .devices(let first, let last): [first, last]
        case .all, .iommu: []
        }
      return .rmrr(RMRRRecord(base: record.start, end: record.end, scopes: scopes(devices)))
    }
  }

  /// The reserved ranges, in table order.
  var reservedRanges: [RMRRRecord] {
    structures.compactMap { if case .rmrr(let record) = $0 { record } else { nil } }
  }

  /// All device scopes with their segments, in table order.
  var scopes: [(segment: UInt16, scope: DeviceScope)] {
    structures.flatMap { structure -> [(segment: UInt16, scope: DeviceScope)] in
      switch structure {
      case .drhd(let record): record.scopes.map { (record.segment, $0) }
      case .rmrr(let record): record.scopes.map { (record.segment, $0) }
      case .atsr(let record): record.scopes.map { (record.segment, $0) }
      case .skipped: []
      }
    }
  }
}

extension RMRRRecord {
  /// All pages with a byte of the range; nil if it is inverted or lies where x86 has no addresses.
  var pages: FrameRange? {
    guard base <= end, end >> 52 == 0 else { return nil }
    return FrameRange(Page.frame(of: base), Page.frame(of: end) + 1)
  }
}
