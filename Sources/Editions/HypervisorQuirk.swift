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
  /// A failed assignment gives up all units of the device, also those it never mapped.
  case rollbackUnmapsEverything
  /// A strict assignment joins a record without a look at the pages.
  case strictJoinsRelaxed
  /// Relaxed devices of one unit may be in different guests.
  case relaxedSharesAcrossGuests
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
  /// A refused createdomain uses a domain number up.
  case failedCreateTakesNumber
  /// There is no shadow paging.
  case shadowPagingMissing

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
    case .rollbackUnmapsEverything: "rollback-unmaps-everything"
    case .strictJoinsRelaxed: "strict-joins-relaxed"
    case .relaxedSharesAcrossGuests: "relaxed-shares-across-guests"
    case .lastUnmapClearsAll: "last-unmap-clears-all"
    case .mappingRemovalIgnoresRecords: "mapping-removal-ignores-records"
    case .guardsCrash: "guards-crash"
    case .failedExtentCharged: "failed-extent-charged"
    case .replacedRAMCharged: "replaced-ram-charged"
    case .mappingReplacesRAM: "mapping-replaces-ram"
    case .partialRangesStay: "partial-ranges-stay"
    case .overlapStopsUnmap: "overlap-stops-unmap"
    case .phantomFailureMovesDevice: "phantom-failure-moves-device"
    case .refusedAssignLeavesTable: "refused-assign-leaves-table"
    case .quarantineTableAlwaysBuilt: "quarantine-table-always-built"
    case .mirrorFailureCrashes: "mirror-failure-crashes"
    case .bridgeAddedLaterHoldsDevice: "bridge-added-later-holds-device"
    case .failedAddStaysListed: "failed-add-stays-listed"
    case .failedAddKeepsCount: "failed-add-keeps-count"
    case .addIgnoresMappingError: "add-ignores-mapping-error"
    case .hardwareDomainCountGrows: "hardware-domain-count-grows"
    case .failedRemoveFreesDevice: "failed-remove-frees-device"
    case .failedCreateTakesNumber: "failed-create-takes-number"
    case .shadowPagingMissing: "shadow-paging-missing"
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
    case .rollbackUnmapsEverything:
      "A refused assignment asks to unmap every unit of the device, and so takes a count from records that another device holds."
    case .strictJoinsRelaxed:
      "A strict assignment joins a record that a relaxed one made, though some of its pages are not mapped."
    case .relaxedSharesAcrossGuests:
      "With the relaxed flag or by memory_mapping the same reserved page can be mapped in two guests."
    case .lastUnmapClearsAll:
      "When a record ends, identity pages go that memory_mapping made or that another record needs."
    case .mappingRemovalIgnoresRecords:
      "A memory_mapping removal deletes identity pages of a device that is still assigned."
    case .guardsCrash:
      "Populating an identity page, or mapping another frame there, crashes the domain instead of being refused softly."
    case .failedExtentCharged:
      "Pages allocated for an extent that could not be added stay charged to the domain until it dies."
    case .replacedRAMCharged:
      "A page that is replaced by populating its frame again is not freed: it stays charged and unreachable."
    case .mappingReplacesRAM:
      "Mapping machine frames over guest RAM replaces the RAM, which stays charged, and forgets to count down PoD entries."
    case .partialRangesStay:
      "Pages of an extent or range done before the one that fails stay changed though they are not counted as done."
    case .overlapStopsUnmap:
      "An unmap request fails at a record that only overlaps it, after the device has already moved."
    case .phantomFailureMovesDevice:
      "When a phantom function is refused the device is deassigned: it ends in quarantine, not where it came from."
    case .refusedAssignLeavesTable:
      "The quarantine table that an assignment prepares stays when the assignment is refused."
    case .quarantineTableAlwaysBuilt:
      "Leaving a guest allocates a quarantine table even for a device that keeps none, and so can fail for lack of memory."
    case .mirrorFailureCrashes:
      "When the entry in separate IOMMU tables cannot be made the p2m entry stays and the domain is crashed."
    case .bridgeAddedLaterHoldsDevice:
      "A conventional function with a unit cannot leave its guest once a bridge above it has been announced."
    case .failedAddStaysListed:
      "A refused pci_device_add leaves the device listed without an owner, and removing it crashes the host."
    case .failedAddKeepsCount:
      "The count that a refused pci_device_add took in the hardware domain's record is not given back."
    case .addIgnoresMappingError:
      "pci_device_add succeeds though a reserved range of the device could not be mapped for the hardware domain."
    case .hardwareDomainCountGrows:
      "Counts of the hardware domain's records include absent devices and only grow when an assigned device is unplugged."
    case .failedRemoveFreesDevice:
      "A pci_device_remove that fails forgets the device all the same, and its records stay behind."
    case .failedCreateTakesNumber:
      "A refused createdomain uses up a domain number."
    case .shadowPagingMissing:
      "The build has no shadow paging: an HVM domain without hardware-assisted paging cannot be created."
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
    case .rollbackUnmapsEverything: "G-5, HV-91"
    case .strictJoinsRelaxed: "G-6, HV-107"
    case .relaxedSharesAcrossGuests: "G-4, HV-86"
    case .lastUnmapClearsAll: "G-7, D-7, HV-113"
    case .mappingRemovalIgnoresRecords: "G-3, HV-121"
    case .guardsCrash: "G-9, HV-121"
    case .failedExtentCharged: "HV-131"
    case .replacedRAMCharged: "HV-130, HV-132"
    case .mappingReplacesRAM: "D-6"
    case .partialRangesStay: "HV-136, HV-138, HV-139"
    case .overlapStopsUnmap: "G-13, HV-92, HV-100"
    case .phantomFailureMovesDevice: "HV-83, HV-S12"
    case .refusedAssignLeavesTable: "HV-95, I-14"
    case .quarantineTableAlwaysBuilt: "HV-78, HV-95, HV-96"
    case .mirrorFailureCrashes: "HV-118"
    case .bridgeAddedLaterHoldsDevice: "HV-69, G-14"
    case .failedAddStaysListed: "D-4, HV-142"
    case .failedAddKeepsCount: "HV-142"
    case .addIgnoresMappingError: "HV-143"
    case .hardwareDomainCountGrows: "HV-106, HV-148"
    case .failedRemoveFreesDevice: "HV-146"
    case .failedCreateTakesNumber: "recorded: numbers after a refused creation"
    case .shadowPagingMissing: "recorded: createdomain answers EOPNOTSUPP"
    }
  }
}
