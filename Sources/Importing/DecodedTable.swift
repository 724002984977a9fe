import AddressSpace
import Platform

/// What can be read of a table: all of it, or the structures in front of a fault.
struct DecodedTable {
  /// The structures, in table order.
  private(set) var structures: [RemappingStructure] = []
  /// The width of the host's addresses, in bits.
  let addressBits: UInt8
  /// True if nothing but the structures is needed to say what Xen makes of the table.
  private(set) var isComplete = false

  /// Decodes `bytes`; nil if the signature is not `DMAR`.
  init?(_ bytes: [UInt8]) {
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
