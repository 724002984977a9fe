extension HypervisorQuirk {
  /// What is known of the quirks of the past: bugs that are fixed by now, some in releases older than all editions, and
  /// rules that changed. The test of the catalogue finds one that is missing here.
  var pastEntry: QuirkEntry {
    switch self {
    case .identityInIOMMUOnly:
      QuirkEntry(
        "identity-in-iommu-only", "BUG-7, HV-S6, HV-151", in: .only(.xen4_5),
        "Reserved ranges are mapped in separate IOMMU tables only, over whatever is there; with shared tables nothing is mapped."
      )
    case .identityNotMirrored:
      QuirkEntry(
        "identity-not-mirrored", "BUG-12, HV-S6", in: .from(.rfc2015, through: .xen4_6),
        "Where the IOMMU has tables of its own an identity page exists for the CPU only: the device faults.")
    case .identityByTableMode:
      QuirkEntry(
        "identity-by-table-mode", "design mail of 2014, 1 and 2.1; HV-117", in: .only(.rfc2014),
        "Separate tables get a range whatever the CPU has there; only shared ones are checked (a rule of the proposal)."
      )
    case .populateSkipsRanges:
      QuirkEntry(
        "populate-skips-ranges", "design mail of 2014, 2.2 2> #2; HV-122", in: [],
        "Populating passes over the host's ranges: the pages are allocated and in no place (a way nobody built).")
    case .sharedUnitRuleMissing:
      QuirkEntry(
        "shared-unit-rule-missing", "BUG-9, HV-86", in: .only(.xen4_5),
        "A device can be taken out of a unit that others share, whatever the policy.")
    case .usbRangesIgnored:
      QuirkEntry(
        "usb-ranges-ignored", "BUG-8, HV-98", in: .only(.xen4_5),
        "The ranges of a USB controller are not mapped for the guest that gets it.")
    case .deassignShortCircuit:
      QuirkEntry(
        "deassign-short-circuit", "BUG-16, HV-S1", in: .through(.xen4_9),
        "Deassigning a device returns success after its first unit is unmapped, and the device stays where it is."
      )
    case .contextBeforeMapping:
      QuirkEntry(
        "context-before-mapping", "BUG-20, HV-93", in: .through(.xen4_9),
        "A device is moved before its units are mapped, and moved back by the way of deassignment if that fails."
      )
    case .quarantineMissing:
      QuirkEntry(
        "quarantine-missing", "BUG-14, HV-74", in: .through(.xen4_6),
        "A device that leaves a guest goes back to the hardware domain at once, its DMA still under way.")
    case .quarantineLosesRanges:
      QuirkEntry(
        "quarantine-loses-ranges", "BUG-20, HV-95", in: .only(.xen4_9),
        "In quarantine a device loses its reserved ranges: what firmware lets it do faults.")
    case .populateReplacesIdentity:
      QuirkEntry(
        "populate-replaces-identity", "BUG-17, HV-121", in: .through(.xen4_9),
        "Populating a frame with an identity page replaces it silently.")
    case .balloonRemovesIdentity:
      QuirkEntry(
        "balloon-removes-identity", "BUG-17, HV-121", in: .through(.xen4_9),
        "Ballooning out a frame with an identity page removes the mapping and counts as done.")
    case .moveReplacesIdentity:
      QuirkEntry(
        "move-replaces-identity", "BUG-17, HV-121", in: .through(.xen4_9),
        "add_to_physmap over an identity page replaces it.")
    case .mappingReplacesIdentity:
      QuirkEntry(
        "mapping-replaces-identity", "BUG-17, HV-121", in: .through(.xen4_9),
        "memory_mapping of another machine frame over an identity page replaces it.")
    case .conventionalMovesFreely:
      QuirkEntry(
        "conventional-moves-freely", "HV-69, HV-152", in: .through(.xen4_9),
        "A conventional function with a unit behind a bridge may change owner though it shares its requestor id; a rule."
      )
    case .teardownLoops:
      QuirkEntry(
        "teardown-loops", "BUG-15, HV-78", in: .through(.xen4_9),
        "Destroying a domain tries to take a device back until it succeeds: if it never does the host hangs.")
    case .testAssignIgnoresDomain:
      QuirkEntry(
        "test-assign-ignores-domain", "BUG-32, HV-81", in: .through(.xen4_9),
        "test_assign_device answers for any domain, one that does not exist included.")
    case .selfAssignment:
      QuirkEntry(
        "self-assignment", "BUG-32", in: .through(.xen4_6),
        "The control domain may assign a device to itself and take it back from itself.")
    case .memoryMapsOfPVOnly:
      QuirkEntry(
        "memory-maps-of-pv-only", "BUG-33, HV-61, HV-62", in: .only(.xen4_5),
        "set_memory_map for an HVM domain answers EPERM and its own question ENOSYS: nothing can tell its firmware of ranges."
      )
    case .optionMissing:
      QuirkEntry(
        "option-missing", "HV-27; section 10", in: .through(.xen4_6),
        "The option rmrr= is not known and says nothing; a rule.")
    case .optionLimitLate:
      QuirkEntry(
        "option-limit-late", "BUG-23, HV-29", in: .from(.xen4_9, through: .xen4_16),
        "An rmrr= unit of more than 16 pages does not end the option: it alone is skipped, when it is registered."
      )
    case .onlyEndsJudged:
      QuirkEntry(
        "only-ends-judged", "BUG-29, HV-17", in: .through(.xen4_9),
        "Only the first and the last page of a range must be reserved to spare it the warning.")
    case .absentRemappedDevicesFatal:
      QuirkEntry(
        "absent-remapped-devices-fatal", "HV-23; section 10", in: .through(.xen4_9),
        "A remapping unit that lists an absent device turns VT-d off, once the segment is known.")
    case .zeroPageUnitsReported:
      QuirkEntry(
        "zero-page-units-reported", "HV-50", in: .through(.xen4_14),
        "A unit that covers no page is reported with 0 pages.")
    case .shortMemoryMap:
      QuirkEntry(
        "short-memory-map", "HV-58", in: .through(.xen4_6),
        "A memory map of more than 128 records is refused.")
    case .unknownDeviceBusy:
      QuirkEntry(
        "unknown-device-busy", "HV-64; section 10", in: .through(.xen4_6),
        "Assigning a device that Xen does not know answers EBUSY; a rule.")
    case .promisesAllowDevices:
      QuirkEntry(
        "promises-allow-devices", "HV-65, HV-137", in: .through(.xen4_14),
        "A device can be assigned to a domain with populate-on-demand memory, where its DMA meets no page.")
    case .queryMissing:
      QuirkEntry(
        "query-missing", "HV-45; section 10", in: .only(.xen4_5),
        "reserved_device_memory_map does not exist: ENOSYS.")
    case .anybodyMayQuery:
      QuirkEntry(
        "anybody-may-query", "G-11, HV-46", in: .from(.rfc2014),
        "reserved_device_memory_map asks for no privilege: every guest can read the host's layout.")
    case .virtualNeedsPhysical:
      QuirkEntry(
        "virtual-needs-physical", "HV-145; section 10", in: .from(.xen4_20),
        "Announcing a virtual function whose physical function is unknown answers ENODEV; a rule.")
    case .physicalKeptByVirtuals:
      QuirkEntry(
        "physical-kept-by-virtuals", "HV-146; section 10", in: .from(.xen4_20),
        "Removing a physical function with virtual ones answers EBUSY and marks all of them broken.")
    case .equalBDFFound:
      QuirkEntry(
        "equal-bdf-found", "BUG-34", in: .through(.xen4_16),
        "A call that names an unknown device finds one with the same bus, device and function on a later segment."
      )
    case .addMapsFirstUnit:
      QuirkEntry(
        "add-maps-first-unit", "BUG-1, HV-142", in: [],
        "pci_device_add maps only the first of the device's units for the hardware domain.")
    case .lastPageExclusive:
      QuirkEntry(
        "last-page-exclusive", "BUG-3, HV-17", in: [],
        "The test for reserved memory looks at the page before the last: a range of one page is warned of wrongly."
      )
    case .farSegmentsAbsent:
      QuirkEntry(
        "far-segments-absent", "BUG-4, HV-15", in: [],
        "Units whose segment is not reachable while the table is parsed are ignored as if their devices were absent."
      )
    case .uncountedRecords:
      QuirkEntry(
        "uncounted-records", "BUG-5, HV-100, HV-S5", in: [],
        "The first device that leaves a shared unit takes its pages and its record along.")
    case .overlapsRegistered:
      QuirkEntry(
        "overlaps-registered", "BUG-5, HV-14, HV-19", in: [],
        "A range of the table that overlaps another is registered all the same.")
    case .failedMappingKeepsDevice:
      QuirkEntry(
        "failed-mapping-keeps-device", "BUG-6, HV-91", in: [],
        "An assignment whose mapping fails reports it, but the device stays with the guest and nothing is undone."
      )
    case .deassignNeverUnmaps:
      QuirkEntry(
        "deassign-never-unmaps", "BUG-6, HV-92", in: [],
        "A device leaves a guest, its reserved ranges stay mapped there.")
    case .strayUnmapCrashes:
      QuirkEntry(
        "stray-unmap-crashes", "BUG-10, HV-113, HV-S10", in: [],
        "Taking back a relaxed device crashes the host if a page of its range held something else.")
    case .pvDomainsUnmapped:
      QuirkEntry(
        "pv-domains-unmapped", "BUG-11, HV-112", in: [],
        "Mapping a unit for a PV domain does nothing, the hardware domain included.")
    default: preconditionFailure("a quirk without an entry")
    }
  }
}
