/// Known deviations of Xen's hypervisor from the repaired design.
public enum HypervisorQuirk: UInt8, StageQuirk {
  /// At boot every scoped device counts as existing.
  case existenceCheckDead
  /// A BDF of 00:00.0 ends a unit's device list.
  case zeroBDFEndsScope
  /// A unit is shared if its device list is longer than 1.
  case sharedByListLength
  /// A range may reach beyond every address.
  case rangesUnbounded
  /// A range in the host's RAM only causes a warning.
  case rangesInRAMAccepted
  /// Two remapping units may state the same registers.
  case registersTakenTwice
  /// An `rmrr=` option is cut at 127 characters.
  case optionCut
  /// An `rmrr=` unit is compared by the start of its last page.
  case optionOverlapByLastPage
  /// An `rmrr=` unit may name devices of several segments.
  case optionSegmentsMixed
  /// Strict assignment looks at the result of the last matching unit only.
  case lastUnitDecides
  /// A phantom function's own unit is unmapped again by the ownership change of the main function.
  case phantomUnitUnmapped

  /// The stable name in traces and on the command line.
  public var name: String {
    switch self {
    case .existenceCheckDead: "existence-check-dead"
    case .zeroBDFEndsScope: "zero-bdf-ends-scope"
    case .sharedByListLength: "shared-by-list-length"
    case .rangesUnbounded: "ranges-unbounded"
    case .rangesInRAMAccepted: "ranges-in-ram-accepted"
    case .registersTakenTwice: "registers-taken-twice"
    case .optionCut: "option-cut"
    case .optionOverlapByLastPage: "option-overlap-by-last-page"
    case .optionSegmentsMixed: "option-segments-mixed"
    case .lastUnitDecides: "last-unit-decides"
    case .phantomUnitUnmapped: "phantom-unit-unmapped"
    }
  }

  /// One sentence that says what happens under the quirk.
  public var sentence: String {
    switch self {
    case .existenceCheckDead:
      "No PCI segment is known when the table is parsed, so units of absent devices are kept and reported."
    case .zeroBDFEndsScope:
      "A device 00:00.0 in a unit's list hides itself and all devices after it."
    case .sharedByListLength:
      "Whether a unit is shared is read off its own device list: a duplicate counts, another unit in the same page does not."
    case .rangesUnbounded:
      "A range beyond every physical address is registered: its page count wraps, or mapping it for dom0 never ends."
    case .rangesInRAMAccepted:
      "A range in the host's RAM only causes a warning, though Xen hands those frames to others as well."
    case .registersTakenTwice:
      "Two remapping units at the same registers are both registered, and setting up the second hangs the host."
    case .optionCut:
      "Of an rmrr= option only 127 characters are read, so that a unit can be lost or belong to another function."
    case .optionOverlapByLastPage:
      "An rmrr= unit may overlap another that begins inside its last page."
    case .optionSegmentsMixed:
      "Devices whose segment bits are among those of the first device's segment are taken over into that segment."
    case .lastUnitDecides:
      "The loop that maps a device's units goes on after a failure, and only the last unit's result counts."
    case .phantomUnitUnmapped:
      "After a strict assignment a phantom function's own unit is mapped and at once unmapped in the target."
    }
  }

  /// Where it is described.
  public var citation: String {
    switch self {
    case .existenceCheckDead: "D-2, HV-15"
    case .zeroBDFEndsScope: "G-1, HV-13"
    case .sharedByListLength: "HV-86, G-4"
    case .rangesUnbounded: "HV-16, HV-22, C-10"
    case .rangesInRAMAccepted: "HV-17, G-10, BUG-28"
    case .registersTakenTwice: "HV-23"
    case .optionCut: "D-3"
    case .optionOverlapByLastPage: "HV-31"
    case .optionSegmentsMixed: "HV-32, G-12"
    case .lastUnitDecides: "D-1, HV-89"
    case .phantomUnitUnmapped: "C-1, HV-83"
    }
  }
}
