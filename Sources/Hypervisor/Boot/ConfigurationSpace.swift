import Platform

/// What Xen reads from PCI configuration space while it parses the DMAR table.
///
/// A machine that states no function at all has an unknown configuration space: every device counts as existing.
struct ConfigurationSpace {
  private let functions: [PCIFunction]
  private let segments: BootDecisions.Segments
  private let farSegments: BootDecisions.FarSegments

  init(_ machine: borrowing Machine, _ decisions: BootDecisions) {
    segments = decisions.segments
    farSegments = decisions.farSegments
    functions = machine.ascendingFunctions
  }

  /// The function that answers at `sbdf`: one with an id (HV-15).
  private func function(at sbdf: SBDF) -> PCIFunction? {
    let low = place(of: sbdf)
    guard low < functions.count, functions[low].sbdf == sbdf else { return nil }
    switch (functions[low].vendor, functions[low].device) {
    case (0, 0), (0, 0xFFFF), (0xFFFF, 0), (0xFFFF, 0xFFFF): return nil
    default: return functions[low]
    }
  }

  /// Where the function at `sbdf` stands in `functions`, or would.
  private func place(of sbdf: SBDF) -> Int {
    var low = 0
    var high = functions.count
    while low < high {
      let middle = (low + high) / 2
      if functions[middle].sbdf < sbdf { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// True if a function of the segment answers, or if it is the first.
  private func isKnown(_ segment: UInt16) -> Bool {
    let first = place(of: SBDF(segment: segment, bdf: 0))
    return segment == 0 || first < functions.count && functions[first].sbdf.segment == segment
  }

  /// False only for a device known to be absent (HV-15, D-2).
  func exists(_ sbdf: SBDF) -> Bool {
    if segments == .unknown || functions.isEmpty || function(at: sbdf) != nil { return true }
    return farSegments == .present && !isKnown(sbdf.segment)
  }

  /// True if an existing function surely answers at `sbdf`.
  func answers(_ sbdf: SBDF) -> Bool { function(at: sbdf) != nil }

  /// The secondary and subordinate bus registers of whatever is at `sbdf`: ones if nothing is, the middle bytes of
  /// BAR 2 if it is no bridge (HV-9).
  func buses(at sbdf: SBDF) -> PCIFunction.Buses {
    // Segments above 0 are reached through MCFG only, which is set up when the segments become known.
    guard segments == .known || sbdf.segment == 0, let function = function(at: sbdf) else {
      return .init(secondary: 0xFF, subordinate: 0xFF)
    }
    if let buses = function.buses { return buses }
    let register = function.bars.first { $0.index == 2 }?.hostAddress ?? 0
    return .init(
      secondary: UInt8(truncatingIfNeeded: register >> 8), subordinate: UInt8(truncatingIfNeeded: register >> 16))
  }

  /// The function that a scope entry names: its path is walked through secondary bus numbers without a check of what is
  /// there (HV-9).
  func target(of scope: DeviceScope, in segment: UInt16) -> SBDF {
    var bus = scope.startBus
    for hop in scope.path.dropLast() {
      bus = buses(at: SBDF(segment, bus, hop.device, hop.function)).secondary
    }
    guard let last = scope.path.last else { return SBDF(segment, bus, 0, 0) }
    return SBDF(segment, bus, last.device, last.function)
  }
}
