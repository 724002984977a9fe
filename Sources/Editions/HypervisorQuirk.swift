/// Known deviations of Xen's hypervisor from the repaired design.
public enum HypervisorQuirk: UInt8, StageQuirk {
  /// At boot every scoped device counts as existing.
  case existenceCheckDead
  /// A unit of absent devices may not overlap one before it.
  case overlapsJudgedBeforeUse
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
  /// A failed assignment gives up all units of the device, also those it never mapped.
  case rollbackUnmapsEverything
  /// A strict assignment joins a record without a look at the pages.
  case strictJoinsRelaxed
  /// Relaxed devices of one unit may be in different guests.
  case relaxedSharesAcrossGuests
  /// Of devices that share a range some can be a guest's while the hardware domain has others.
  case groupsSplit
  /// The last unmap clears every identity page in the range.
  case lastUnmapClearsAll
  /// memory_mapping removes pages of living records.
  case mappingRemovalIgnoresRecords
  /// Populating or mapping over an identity page crashes the guest.
  case guardsCrash
  /// Pages of a failing extent stay charged.
  case failedExtentCharged
  /// Populating over RAM keeps the old page charged.
  case replacedRAMCharged
  /// memory_mapping takes RAM away.
  case mappingReplacesRAM
  /// A range operation that fails midway keeps its first part.
  case partialRangesStay
  /// A record that only overlaps makes an unmap request fail.
  case overlapStopsUnmap
  /// A refused phantom function moves the device to quarantine.
  case phantomFailureMovesDevice
  /// A refused assignment leaves its quarantine table.
  case refusedAssignLeavesTable
  /// A quarantine table is built even where it is thrown away.
  case quarantineTableAlwaysBuilt
  /// A failed entry in separate IOMMU tables crashes the guest.
  case mirrorFailureCrashes
  /// A bridge that is added later keeps a device in its guest.
  case bridgeAddedLaterHoldsDevice
  /// A device whose announcement failed stays listed without an owner.
  case failedAddStaysListed
  /// A refused announcement keeps dom0's count.
  case failedAddKeepsCount
  /// An announcement succeeds though its units could not be mapped.
  case addIgnoresMappingError
  /// dom0's counts only grow.
  case hardwareDomainCountGrows
  /// A failing removal frees the device and keeps its records.
  case failedRemoveFreesDevice
  /// A domain that cannot be destroyed is dying for ever.
  case failedDestroyStaysDying
  /// A refused createdomain uses a domain number up.
  case failedCreateTakesNumber
  /// There is no shadow paging.
  case shadowPagingMissing

  // Rules of single releases.

  /// A malformed SATC structure turns VT-d off.
  case satcParsed
  /// A range is judged by the host's E820 before anyone asks for its devices.
  case rangesJudgedBeforeUse
  /// A range over a page that is RAM in part turns VT-d off.
  case partialRAMRefused
  /// A range over an E820 entry of unknown type turns VT-d off.
  case unknownTypesRefused
  /// Only E820 type reserved spares a range the warning.
  case onlyReservedCounts
  /// A range in the upper half of all addresses hangs the boot.
  case upperHalfHangs
  /// A record is made after its pages.
  case recordAfterPages
  /// An extent that cannot be added counts as done.
  case failedAddCounted
  /// A phantom function that is refused is left behind.
  case phantomFailureIgnored
  /// test_assign_device for nobody crashes the host.
  case testForNobodyCrashes
  /// Removing a device without an owner crashes the host.
  case ownerlessRemovalCrashes
  /// Removing a device without an owner is refused.
  case ownerlessRemovalRefused
  /// A source page that is no RAM answers EACCES.
  case sourceNeedsAccess
  /// A foreign page is looked at before it is refused.
  case foreignPageLookedAt

  // The past: `HypervisorQuirk+History.swift`.

  /// Identity mappings are made in separate IOMMU tables only.
  case identityInIOMMUOnly
  /// Separate IOMMU tables have no direct mappings.
  case identityNotMirrored
  /// Separate tables get identity mappings of their own.
  case identityByTableMode
  /// Populating passes over the host's ranges.
  case populateSkipsRanges
  /// Nobody asks how many devices share a unit.
  case sharedUnitRuleMissing
  /// USB controllers go without their units.
  case usbRangesIgnored
  /// An unmap that succeeds ends a deassignment.
  case deassignShortCircuit
  /// A device moves first and is mapped then.
  case contextBeforeMapping
  /// There is no quarantine.
  case quarantineMissing
  /// A device in quarantine has no ranges.
  case quarantineLosesRanges
  /// Populating replaces identity pages.
  case populateReplacesIdentity
  /// Ballooning out removes identity pages.
  case balloonRemovesIdentity
  /// A moved page replaces an identity page.
  case moveReplacesIdentity
  /// memory_mapping replaces identity pages.
  case mappingReplacesIdentity
  /// Conventional functions behind bridges move like others.
  case conventionalMovesFreely
  /// A deassignment that fails is tried for ever.
  case teardownLoops
  /// test_assign_device does not look at the domain.
  case testAssignIgnoresDomain
  /// A domain may be given devices by itself.
  case selfAssignment
  /// HVM domains have no memory map.
  case memoryMapsOfPVOnly
  /// There is no rmrr= option.
  case optionMissing
  /// A unit of too many pages is skipped when it is registered.
  case optionLimitLate
  /// Only the first and the last page of a range are looked at.
  case onlyEndsJudged
  /// Absent devices of a remapping unit turn VT-d off.
  case absentRemappedDevicesFatal
  /// Units without a page are reported.
  case zeroPageUnitsReported
  /// A memory map has 128 records at most.
  case shortMemoryMap
  /// A device that is not known is busy.
  case unknownDeviceBusy
  /// Populate-on-demand and devices do not exclude each other.
  case promisesAllowDevices
  /// The reserved ranges cannot be asked for.
  case queryMissing
  /// Any domain may ask for the host's ranges.
  case anybodyMayQuery
  /// A virtual function needs its physical one.
  case virtualNeedsPhysical
  /// A physical function stays while it has virtual ones.
  case physicalKeptByVirtuals
  /// A device is looked for on other segments too.
  case equalBDFFound
  /// An announced device gets its first unit only.
  case addMapsFirstUnit
  /// The last page of a range is not looked at.
  case lastPageExclusive
  /// Devices of unknown segments count as absent.
  case farSegmentsAbsent
  /// Records are not counted.
  case uncountedRecords
  /// Overlapping ranges of the table are registered.
  case overlapsRegistered
  /// A unit that cannot be mapped does not stop the move.
  case failedMappingKeepsDevice
  /// Deassignment leaves the units mapped.
  case deassignNeverUnmaps
  /// Unmapping a page that was never mapped crashes the host.
  case strayUnmapCrashes
  /// PV domains get no identity mappings.
  case pvDomainsUnmapped

  /// What is known of it.
  public var entry: QuirkEntry {
    switch self {
    case .lastUnitDecides:
      QuirkEntry(
        "last-unit-decides", "D-1, HV-89",
        "The loop that maps a device's units goes on after a failure, and only the last unit's result counts.")
    case .phantomUnitUnmapped:
      QuirkEntry(
        "phantom-unit-unmapped", "C-1, HV-83", in: .from(.xen4_9),
        "After a strict assignment a phantom function's own unit is mapped and at once unmapped in the target.")
    case .rollbackUnmapsEverything:
      QuirkEntry(
        "rollback-unmaps-everything", "G-5, HV-91",
        "A refused assignment asks to unmap every unit of the device, and so takes a count from records that another device holds."
      )
    case .strictJoinsRelaxed:
      QuirkEntry(
        "strict-joins-relaxed", "G-6, HV-107",
        "A strict assignment joins a record that a relaxed one made, though some of its pages are not mapped.")
    case .relaxedSharesAcrossGuests:
      QuirkEntry(
        "relaxed-shares-across-guests", "G-4, HV-86",
        "With the relaxed flag or by memory_mapping the same reserved page can be mapped in two guests.")
    case .groupsSplit:
      QuirkEntry(
        "groups-split", "G-4, HV-86",
        "With the relaxed flag a guest can get a device while the hardware domain has another of the same range.")
    case .lastUnmapClearsAll:
      QuirkEntry(
        "last-unmap-clears-all", "G-7, D-7, HV-113",
        "When a record ends, identity pages go that memory_mapping made or that another record needs.")
    case .mappingRemovalIgnoresRecords:
      QuirkEntry(
        "mapping-removal-ignores-records", "G-3, HV-121",
        "A memory_mapping removal deletes identity pages of a device that is still assigned.")
    case .guardsCrash:
      QuirkEntry(
        "guards-crash", "G-9, HV-121",
        "Populating an identity page, or mapping another frame there, crashes the domain instead of being refused softly."
      )
    case .failedExtentCharged:
      QuirkEntry(
        "failed-extent-charged", "HV-131",
        "Pages allocated for an extent that could not be added stay charged to the domain until it dies.")
    case .replacedRAMCharged:
      QuirkEntry(
        "replaced-ram-charged", "HV-130, HV-132",
        "A page that is replaced by populating its frame again is not freed: it stays charged and unreachable.")
    case .mappingReplacesRAM:
      QuirkEntry(
        "mapping-replaces-ram", "D-6",
        "Mapping machine frames over guest RAM replaces the RAM, which stays charged, and forgets to count down PoD entries."
      )
    case .partialRangesStay:
      QuirkEntry(
        "partial-ranges-stay", "HV-136, HV-138, HV-139",
        "Pages of an extent or range done before the one that fails stay changed though they are not counted as done.")
    case .overlapStopsUnmap:
      QuirkEntry(
        "overlap-stops-unmap", "G-13, HV-92, HV-100",
        "An unmap request fails at a record that only overlaps it, after the device has already moved.")
    case .phantomFailureMovesDevice:
      QuirkEntry(
        "phantom-failure-moves-device", "HV-83, HV-S12", in: .from(.xen4_16),
        "When a phantom function is refused the device is deassigned: it ends in quarantine, not where it came from.")
    case .refusedAssignLeavesTable:
      QuirkEntry(
        "refused-assign-leaves-table", "HV-95, I-14",
        "The quarantine table that an assignment prepares stays when the assignment is refused.")
    case .quarantineTableAlwaysBuilt:
      QuirkEntry(
        "quarantine-table-always-built", "HV-78, HV-95, HV-96",
        "Leaving a guest allocates a quarantine table even for a device that keeps none, and so can fail for lack of memory."
      )
    case .mirrorFailureCrashes:
      QuirkEntry(
        "mirror-failure-crashes", "HV-118",
        "When the entry in separate IOMMU tables cannot be made the p2m entry stays and the domain is crashed.")
    case .bridgeAddedLaterHoldsDevice:
      QuirkEntry(
        "bridge-added-later-holds-device", "HV-69, G-14",
        "A conventional function with a unit cannot leave its guest once a bridge above it has been announced.")
    case .failedAddStaysListed:
      QuirkEntry(
        "failed-add-stays-listed", "D-4, HV-142",
        "A refused pci_device_add leaves the device listed without an owner.")
    case .failedAddKeepsCount:
      QuirkEntry(
        "failed-add-keeps-count", "HV-142",
        "The count that a refused pci_device_add took in the hardware domain's record is not given back.")
    case .addIgnoresMappingError:
      QuirkEntry(
        "add-ignores-mapping-error", "HV-143",
        "pci_device_add succeeds though a reserved range of the device could not be mapped for the hardware domain.")
    case .hardwareDomainCountGrows:
      QuirkEntry(
        "hardware-domain-count-grows", "HV-106, HV-148",
        "Counts of the hardware domain's records include absent devices and only grow when an assigned device is unplugged."
      )
    case .failedDestroyStaysDying:
      QuirkEntry(
        "failed-destroy-stays-dying", "HV-78",
        "If a device cannot be taken back, the domain stays, dying, without the devices that could.")
    case .failedRemoveFreesDevice:
      QuirkEntry(
        "failed-remove-frees-device", "HV-146",
        "A pci_device_remove that fails forgets the device all the same, and its records stay behind.")
    case .failedCreateTakesNumber:
      QuirkEntry(
        "failed-create-takes-number", "recorded: numbers after a refused creation",
        "A refused createdomain uses up a domain number.")
    case .shadowPagingMissing:
      QuirkEntry(
        "shadow-paging-missing", "recorded: createdomain answers EOPNOTSUPP",
        "The build has no shadow paging: an HVM domain without hardware-assisted paging cannot be created.")
    case .satcParsed:
      QuirkEntry(
        "satc-parsed", "HV-2, HV-8; section 10", in: .from(.xen4_20),
        "SATC structures are parsed: a malformed one turns VT-d off for the whole host.")
    case .rangesJudgedBeforeUse:
      QuirkEntry(
        "ranges-judged-before-use", "HV-14, HV-17, BUG-28", in: .from(.xen4_20),
        "A range in RAM turns VT-d off even if it lists no device or none that exists.")
    case .partialRAMRefused:
      QuirkEntry(
        "partial-ram-refused", "HV-17, BUG-28", in: .from(.xen4_20),
        "A range over a page that is RAM in part turns VT-d off, though Xen never uses such a page.")
    case .unknownTypesRefused:
      QuirkEntry(
        "unknown-types-refused", "C-9, HV-17", in: .from(.xen4_20),
        "A range over an E820 entry of a type that Xen does not know turns VT-d off.")
    case .onlyReservedCounts:
      QuirkEntry(
        "only-reserved-counts", "HV-17, BUG-29", in: [.through(.xen4_13), .from(.xen4_20)],
        "ACPI memory does not count as reserved: a range there is warned of.")
    case .upperHalfHangs:
      QuirkEntry(
        "upper-half-hangs", "C-10, D-12, HV-22", in: .from(.xen4_20),
        "A range in the upper half of all addresses hangs the host at boot, however short it is.")
    case .recordAfterPages:
      QuirkEntry(
        "record-after-pages", "BUG-25, C-13", in: .through(.xen4_14),
        "A record is made when all its pages are there: pages set before a failing one stay for ever.")
    case .failedAddCounted:
      QuirkEntry(
        "failed-add-counted", "C-13, HV-133", in: .through(.xen4_14),
        "An extent that could not be added counts as done, and the call goes on after the domain has crashed.")
    case .phantomFailureIgnored:
      QuirkEntry(
        "phantom-failure-ignored", "BUG-24, HV-83", in: .through(.xen4_14),
        "A phantom function that cannot be assigned is left behind, and the assignment succeeds.")
    case .testForNobodyCrashes:
      QuirkEntry(
        "test-for-nobody-crashes", "D-12", in: .from(.xen4_13, through: .xen4_14),
        "test_assign_device without a domain follows a null pointer: the host crashes.")
    case .ownerlessRemovalCrashes:
      QuirkEntry(
        "ownerless-removal-crashes", "D-4", in: .from(.xen4_16, through: .xen4_17),
        "pci_device_remove of a device without an owner follows a null pointer: the host crashes.")
    case .ownerlessRemovalRefused:
      QuirkEntry(
        "ownerless-removal-refused", "C-14", in: [.through(.xen4_14), .from(.xen4_20)],
        "pci_device_remove of a device without an owner answers EINVAL and forgets the device all the same.")
    case .sourceNeedsAccess:
      QuirkEntry(
        "source-needs-access", "D-11", in: .from(.xen4_20),
        "add_to_physmap from a frame that holds no RAM answers EACCES instead of EINVAL; a rule, no bug.")
    case .foreignPageLookedAt:
      QuirkEntry(
        "foreign-page-looked-at", "C-14, D-5", in: .from(.xen4_20),
        "Mapping a page of the domain's own as a foreign one answers EINVAL instead of EPERM; a rule, no bug.")
    default: bootEntry ?? pastEntry
    }
  }
}
