import Editions
import Platform

/// Tables for devices that belong to nobody (4.11).
extension Hypervisor {
  /// Makes sure that a device which leaves its owner has a quarantine table if it needs one (HV-95): with its own
  /// reserved ranges in it, and in scratch-page mode with a page of its own everywhere else.
  mutating func prepareQuarantine(of device: Int) -> Refused? {
    if decisions.quarantineRanges == .lost && quarantine == .basic { return nil }
    if quarantine == .none || devices[device].hasQuarantineTable { return nil }
    guard devices[device].isRemapped else { return Refused(.ENODEV, .hv(96)) }
    let matches = units.matching(devices[device].sbdf)
    let isKept = quarantine == .scratchPage || !matches.isEmpty
    if !isKept && decisions.quarantineTables == .thoseKept { return nil }
    guard budget.allocate() else { return Refused(.ENOMEM, .hv(96)) }
    // Its units are mapped in dom_io for a moment, strictly; a device's own units can be in each other's way there.
    var records = IdentityRecords()
    for unit in matches {
      let record = IdentityRecord(units.units[unit], access: .readWrite)
      if records.position(of: record.base, record.end) != nil { continue }
      if records.overlaps(record.base, record.end) { return Refused(.EADDRINUSE, .hv(96)) }
      if budget.allocate(times: 2) != 2 { return Refused(.ENOMEM, .hv(96)) }
      records.insert(record)
    }
    devices[device].hasQuarantineTable = isKept
    return nil
  }
}
