extension HypervisorQuirk {
  /// What is known of a quirk of the way from the table and the command line to the list of units; nil for others.
  var bootEntry: QuirkEntry? {
    switch self {
    case .existenceCheckDead:
      QuirkEntry(
        "existence-check-dead", "D-2, HV-15, BUG-2", in: [.through(.xen4_9), .only(.xen4_17)],
        "No PCI segment is known when the table is parsed, so units of absent devices are kept and reported.")
    case .overlapsJudgedBeforeUse:
      QuirkEntry(
        "overlaps-judged-before-use", "HV-14, HV-19, HV-S8",
        "A unit whose devices are all absent turns VT-d off if it overlaps one before it, and is ignored if it comes first."
      )
    case .zeroBDFEndsScope:
      QuirkEntry(
        "zero-bdf-ends-scope", "G-1, HV-13",
        "A device 00:00.0 in a unit's list hides itself and all devices after it.")
    case .sharedByListLength:
      QuirkEntry(
        "shared-by-list-length", "HV-86, G-4",
        "Whether a unit is shared is read off its own device list: a duplicate counts, another unit in the same page does not."
      )
    case .rangesUnbounded:
      QuirkEntry(
        "ranges-unbounded", "HV-16, HV-22, C-10",
        "A range beyond every physical address is registered: its page count wraps, or mapping it for dom0 never ends.")
    case .rangesInRAMAccepted:
      QuirkEntry(
        "ranges-in-ram-accepted", "HV-17, G-10, BUG-28", in: .through(.xen4_17),
        "A range in the host's RAM only causes a warning, though Xen hands those frames to others as well.")
    case .registersTakenTwice:
      QuirkEntry(
        "registers-taken-twice", "HV-23",
        "Two remapping units at the same registers are both registered, and setting up the second hangs the host.")
    case .optionCut:
      QuirkEntry(
        "option-cut", "D-3",
        "Of an rmrr= option only 127 characters are read, so that a unit can be lost or belong to another function.")
    case .optionOverlapByLastPage:
      QuirkEntry(
        "option-overlap-by-last-page", "HV-31",
        "An rmrr= unit may overlap another that begins inside its last page.")
    case .optionSegmentsMixed:
      QuirkEntry(
        "option-segments-mixed", "HV-32, G-12",
        "Devices whose segment bits are among those of the first device's segment are taken over into that segment.")
    default: nil
    }
  }
}
