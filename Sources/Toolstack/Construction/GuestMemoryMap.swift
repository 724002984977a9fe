import AddressSpace
import Editions

/// The memory map that the builder stores for the guest (BL-81…88).
enum GuestMemoryMap {
  /// Most entries libxl hands over (BL-82).
  static let limit = 127

  /// Fills `entries`; refused if there are too many.
  static func build(
    into entries: inout [E820Entry], layout: GuestLayout, rdms: [RDM], modules: [FirmwareModule], map: GuestMap,
    _ decisions: ToolstackDecisions
  ) throws(Refusal) {
    entries.removeAll(keepingCapacity: true)
    entries.reserveCapacity(layout.lowMemoryGaps.count + rdms.count + modules.count + 2)
    if layout.lowMemoryGaps.isEmpty {
      entries.append(
        E820Entry(start: map.lowMemoryStart, size: layout.lowMemoryEnd &- map.lowMemoryStart, type: .ram))
    }
    for part in layout.lowMemoryGaps.isEmpty ? [] : layout.lowMemoryParts(from: map.lowMemoryStart) {
      entries.append(E820Entry(start: part.start, size: part.end - part.start, type: .ram))
    }
    for rdm in rdms where rdm.policy != nil {
      entries.append(E820Entry(start: rdm.start, size: rdm.size, type: .reserved))
    }
    if decisions.moduleEntry == .atZero {
      // The module has no address yet at this point (BL-87).
      for module in modules where module.kind == .acpi {
        entries.append(E820Entry(start: 0, size: module.size, type: .acpi))
      }
    }
    if layout.highMemoryEnd != 0 {
      entries.append(
        E820Entry(start: map.fourGiB, size: layout.highMemoryEnd &- map.fourGiB, type: .ram))
    }
    if decisions.mapShape == .sortedDisjoint { sortAndMerge(&entries) }
    guard entries.count <= limit else { throw Refusal(.invalid, rule: .bl(82)) }
  }

  /// Sorts by start and joins reserved entries that overlap; those that only touch stay apart.
  private static func sortAndMerge(_ entries: inout [E820Entry]) {
    entries.sort { ($0.start, $0.size) < ($1.start, $1.size) }
    var kept = 0
    for index in entries.indices.dropFirst() {
      let entry = entries[index]
      if entry.type == .reserved, entries[kept].type == .reserved, entry.start < entries[kept].end {
        entries[kept].size = max(entries[kept].end, entry.end) &- entries[kept].start
      } else {
        kept += 1
        entries[kept] = entry
      }
    }
    entries.removeSubrange((kept + 1)...)
  }
}
