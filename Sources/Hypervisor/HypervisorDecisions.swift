import Editions

/// What the quirks decide about the running hypervisor. The values a fresh one holds are the repaired design.
struct HypervisorDecisions: Hashable, Sendable {
  /// What a unit that cannot be mapped means for an assignment (HV-89, D-1).
  enum UnitFailure: Hashable, Sendable { case stops, lastUnitDecides }
  /// Where a phantom function is taken to come from (HV-92, C-1).
  enum PhantomSource: Hashable, Sendable { case whereTheDeviceWas, ownerByNow }
  /// What a refused assignment unmaps (HV-91, G-5).
  enum Rollback: Hashable, Sendable { case whatItMapped, everyUnit }
  /// When a strict assignment may join a record (HV-107, G-6).
  enum StrictJoin: Hashable, Sendable { case allPagesMapped, always }
  /// How many guests may have a reserved page (HV-86, G-4).
  enum Reach: Hashable, Sendable { case oneGuest, anyNumber }
  /// Whether the hardware domain may keep a device of a range that a guest's device has too (G-4).
  enum Groups: Hashable, Sendable { case together, split }
  /// What goes with the last count of a record (HV-113, G-7).
  enum LastUnmap: Hashable, Sendable { case ownPages, everyIdentityPage }
  /// What memory_mapping does to the pages of records (G-3).
  enum RecordedPages: Hashable, Sendable { case left, changed }
  /// What happens at a special page (HV-121, G-9).
  enum Guard: Hashable, Sendable { case refuses, crashes }
  /// What becomes of the pages of an extent that cannot be added (HV-131).
  enum FailedExtent: Hashable, Sendable { case givenBack, staysCharged }
  /// What becomes of a page whose frame is populated again (HV-132).
  enum ReplacedRAM: Hashable, Sendable { case kept, staysCharged }
  /// What memory_mapping does where there is RAM (D-6).
  enum MappingOverRAM: Hashable, Sendable { case refused, replaces }
  /// What becomes of the first part of a range that fails midway (HV-136, HV-138, HV-139).
  enum PartialRange: Hashable, Sendable { case undone, stays }
  /// What a record that overlaps without being equal does to an unmap request (HV-100, G-13).
  enum OverlapOnUnmap: Hashable, Sendable { case ignored, fails }
  /// Where a device goes when a phantom function of it is refused (HV-83, C-2).
  enum PhantomFailure: Hashable, Sendable { case staysWhereItWas, isDeassigned, ignored }
  /// Which quarantine tables are built (HV-95).
  enum QuarantineTables: Hashable, Sendable { case thoseKept, always }
  /// What becomes of a quarantine table when the assignment is refused.
  enum RefusedTable: Hashable, Sendable { case undone, stays }
  /// What happens when an entry in separate tables cannot be made (HV-118).
  enum MirrorFailure: Hashable, Sendable { case refused, crashes }
  /// Which moves the rule on conventional functions behind bridges refuses (HV-69, C-3).
  enum BridgeRule: Hashable, Sendable { case assignments, everyMove, noMove }
  /// What becomes of a device whose announcement is refused (D-4, HV-142).
  enum FailedAdd: Hashable, Sendable { case undone, stays }
  /// What a unit that cannot be mapped means for an announcement (HV-143).
  enum AddMappingError: Hashable, Sendable { case refused, ignored }
  /// What the counts of the hardware domain's records count (HV-106, HV-148).
  enum HardwareDomainCounts: Hashable, Sendable { case presentFunctions, everythingListed }
  /// What becomes of a domain that cannot be destroyed (HV-78).
  enum FailedDestruction: Hashable, Sendable { case undone, staysDying }
  /// What a removal does when the IOMMU refuses (HV-146).
  enum FailedRemoval: Hashable, Sendable { case goesThrough, freesDevice }
  /// When a domain number counts as used.
  enum DomainNumbers: Hashable, Sendable { case takenOnSuccess, takenAtOnce }
  /// When a record is made (HV-101, BUG-25).
  enum RecordOrder: Hashable, Sendable { case beforePages, afterPages }
  /// What an extent that cannot be added counts as (C-13).
  enum FailedAddition: Hashable, Sendable { case ends, countsAsDone }
  /// What test_assign_device does without a domain (D-12).
  enum TestForNobody: Hashable, Sendable { case answers, crashesHost }
  /// What a removal does with a device that nobody owns (D-4, C-14).
  enum OwnerlessRemoval: Hashable, Sendable { case succeeds, refused, crashesHost }
  /// What a move from a frame without RAM answers (D-11).
  enum MoveSource: Hashable, Sendable { case invalid, denied }
  /// What a foreign page is refused with (D-5, C-14).
  enum ForeignPage: Hashable, Sendable { case refusedAtOnce, lookedAt }
  /// Where identity mappings of translated domains are made (HV-151).
  enum IdentityPlace: Hashable, Sendable {
    case p2m, p2mAlone, iommuOnly
    /// The p2m where the tables are shared, else the IOMMU's.
    case byTables

    /// The place in a domain with these tables.
    func resolved(for tables: Domain.DMATables) -> IdentityPlace {
      if self != .byTables { return self }
      return tables == .separate ? .iommuOnly : .p2m
    }
  }
  /// What populating does at a range of the host.
  enum PopulateAtRanges: Hashable, Sendable { case fills, skips }
  /// Whether the number of a unit's devices matters (HV-86, BUG-9).
  enum SharedUnits: Hashable, Sendable { case strictRefused, allowed }
  /// Whether USB controllers get their units (HV-98, BUG-8).
  enum USBRanges: Hashable, Sendable { case mapped, ignored }
  /// What a unit that is unmapped means for a move (BUG-16).
  enum UnmapSuccess: Hashable, Sendable { case goesOn, ends }
  /// What comes first in an assignment (HV-93, BUG-20).
  enum MoveOrder: Hashable, Sendable { case mapping, context }
  /// What a device in quarantine sees (HV-95, BUG-14, BUG-20).
  enum QuarantineRanges: Hashable, Sendable { case kept, lost, noQuarantine }
  /// What populating does to an identity page (HV-121, BUG-17).
  enum OverIdentity: Hashable, Sendable { case guarded, replaced }
  /// How often destruction tries to take a device back (HV-78, BUG-15).
  enum Teardown: Hashable, Sendable { case once, forEver }
  /// Whether test_assign_device looks at the domain (BUG-32).
  enum TestTarget: Hashable, Sendable { case checked, ignored }
  /// Whether a domain may be given devices by itself (BUG-32).
  enum SelfAssignment: Hashable, Sendable { case refused, allowed }
  /// Which domains have memory maps (HV-61).
  enum MemoryMaps: Hashable, Sendable { case all, pvOnly }
  /// What an unknown device answers.
  enum UnknownDevice: Hashable, Sendable { case absent, busy }
  /// Whether devices and populate-on-demand exclude each other (HV-65, HV-137).
  enum Promises: Hashable, Sendable { case excludeDevices, allowDevices }
  /// Who may ask for the reserved ranges (HV-46, G-11).
  enum Query: Hashable, Sendable { case controlDomain, anybody, nobody }
  /// What comes of a virtual function without its physical one (HV-145).
  enum VirtualFunctions: Hashable, Sendable { case bringTheirParent, needTheirParent }
  /// Whether a physical function with virtual ones can be removed.
  enum PhysicalRemoval: Hashable, Sendable { case goesAlone, refused }
  /// Where devices are looked for (BUG-34).
  enum DeviceLookup: Hashable, Sendable { case ownSegment, laterSegments }
  /// Which units an announced device gets (BUG-1).
  enum AddedUnits: Hashable, Sendable { case all, first }
  /// Whether records are counted (BUG-5).
  enum RecordCounts: Hashable, Sendable { case counted, single }
  /// What a failed mapping does to the move (BUG-6).
  enum FailedMapping: Hashable, Sendable { case undone, moves }
  /// Whether a move unmaps (BUG-6).
  enum Unmapping: Hashable, Sendable { case always, never }
  /// What a page in the range means that is no identity page (HV-113, BUG-10).
  enum StrayUnmap: Hashable, Sendable { case passedOver, crashesHost }
  /// Whether PV domains get identity mappings (HV-112, BUG-11).
  enum PVIdentity: Hashable, Sendable { case mapped, missing }
  /// Whether HVM domains can do without hardware-assisted paging.
  enum ShadowPaging: Hashable, Sendable { case available, missing }
  /// Which rights AMD's unity maps get (HV-42).
  enum UnityAccess: Hashable, Sendable { case stated, swapped }
  /// Where AMD's unity maps are made (BUG-18).
  enum UnityPlace: Hashable, Sendable { case likeOthers, iommuOnly }
  /// Whether AMD's unity maps are taken back (BUG-18).
  enum UnityUnmapping: Hashable, Sendable { case always, never }
  /// What AMD's query tells (HV-54, BUG-36).
  enum UnityReport: Hashable, Sendable { case each, eachOfEveryFunction, nothing }
  /// Whether the hardware domain has unity maps (BUG-36).
  enum UnityInDom0: Hashable, Sendable { case mapped, missing }
  /// Whether a quarantine table has unity maps (HV-95).
  enum UnityInQuarantine: Hashable, Sendable { case mapped, missing }

  var unitFailure = UnitFailure.stops
  var phantomSource = PhantomSource.whereTheDeviceWas
  var rollback = Rollback.whatItMapped
  var strictJoin = StrictJoin.allPagesMapped
  var reach = Reach.oneGuest
  var groups = Groups.together
  var lastUnmap = LastUnmap.ownPages
  var recordedPages = RecordedPages.left
  var specialPages = Guard.refuses
  var failedExtent = FailedExtent.givenBack
  var replacedRAM = ReplacedRAM.kept
  var mappingOverRAM = MappingOverRAM.refused
  var partialRange = PartialRange.undone
  var overlapOnUnmap = OverlapOnUnmap.ignored
  var phantomFailure = PhantomFailure.staysWhereItWas
  var quarantineTables = QuarantineTables.thoseKept
  var refusedTable = RefusedTable.undone
  var mirrorFailure = MirrorFailure.refused
  var bridgeRule = BridgeRule.assignments
  var failedAddListing = FailedAdd.undone
  var failedAddCount = FailedAdd.undone
  var addMappingError = AddMappingError.refused
  var hardwareDomainCounts = HardwareDomainCounts.presentFunctions
  var failedDestruction = FailedDestruction.undone
  var failedRemoval = FailedRemoval.goesThrough
  var domainNumbers = DomainNumbers.takenOnSuccess
  var recordOrder = RecordOrder.beforePages
  var failedAddition = FailedAddition.ends
  var testForNobody = TestForNobody.answers
  var ownerlessRemoval = OwnerlessRemoval.succeeds
  var moveSource = MoveSource.invalid
  var foreignPage = ForeignPage.refusedAtOnce
  var identityPlace = IdentityPlace.p2m
  var populateAtRanges = PopulateAtRanges.fills
  var sharedUnits = SharedUnits.strictRefused
  var usbRanges = USBRanges.mapped
  var unmapSuccess = UnmapSuccess.goesOn
  var moveOrder = MoveOrder.mapping
  var quarantineRanges = QuarantineRanges.kept
  var populateOverIdentity = OverIdentity.guarded
  var balloonOverIdentity = OverIdentity.guarded
  var moveOverIdentity = OverIdentity.guarded
  var mappingOverIdentity = OverIdentity.guarded
  var teardown = Teardown.once
  var testTarget = TestTarget.checked
  var selfAssignment = SelfAssignment.refused
  var memoryMaps = MemoryMaps.all
  var unknownDevice = UnknownDevice.absent
  var promises = Promises.excludeDevices
  var query = Query.controlDomain
  var virtualFunctions = VirtualFunctions.bringTheirParent
  var physicalRemoval = PhysicalRemoval.goesAlone
  var deviceLookup = DeviceLookup.ownSegment
  var addedUnits = AddedUnits.all
  var recordCounts = RecordCounts.counted
  var failedMapping = FailedMapping.undone
  var unmapping = Unmapping.always
  var strayUnmap = StrayUnmap.passedOver
  var pvIdentity = PVIdentity.mapped
  var memoryMapLimit: UInt32 = 1024
  var shadowPaging = ShadowPaging.available
  var unityAccess = UnityAccess.stated
  var unityPlace = UnityPlace.likeOthers
  var unityUnmapping = UnityUnmapping.always
  var unitySharing = SharedUnits.strictRefused
  var unityReport = UnityReport.each
  var unityInDom0 = UnityInDom0.mapped
  var unityInQuarantine = UnityInQuarantine.mapped

  /// The decisions under `quirks`.
  init(_ quirks: QuirkSet<HypervisorQuirk>) {
    if quirks.contains(.lastUnitDecides) { unitFailure = .lastUnitDecides }
    if quirks.contains(.phantomUnitUnmapped) { phantomSource = .ownerByNow }
    if quirks.contains(.rollbackUnmapsEverything) { rollback = .everyUnit }
    if quirks.contains(.strictJoinsRelaxed) { strictJoin = .always }
    if quirks.contains(.relaxedSharesAcrossGuests) { reach = .anyNumber }
    if quirks.contains(.groupsSplit) { groups = .split }
    if quirks.contains(.lastUnmapClearsAll) { lastUnmap = .everyIdentityPage }
    if quirks.contains(.mappingRemovalIgnoresRecords) { recordedPages = .changed }
    if quirks.contains(.guardsCrash) { specialPages = .crashes }
    if quirks.contains(.failedExtentCharged) { failedExtent = .staysCharged }
    if quirks.contains(.replacedRAMCharged) { replacedRAM = .staysCharged }
    if quirks.contains(.mappingReplacesRAM) { mappingOverRAM = .replaces }
    if quirks.contains(.partialRangesStay) { partialRange = .stays }
    if quirks.contains(.overlapStopsUnmap) { overlapOnUnmap = .fails }
    if quirks.contains(.phantomFailureMovesDevice) { phantomFailure = .isDeassigned }
    if quirks.contains(.phantomFailureIgnored) { phantomFailure = .ignored }
    if quirks.contains(.recordAfterPages) { recordOrder = .afterPages }
    if quirks.contains(.failedAddCounted) { failedAddition = .countsAsDone }
    if quirks.contains(.testForNobodyCrashes) { testForNobody = .crashesHost }
    if quirks.contains(.ownerlessRemovalRefused) { ownerlessRemoval = .refused }
    if quirks.contains(.ownerlessRemovalCrashes) { ownerlessRemoval = .crashesHost }
    if quirks.contains(.sourceNeedsAccess) { moveSource = .denied }
    if quirks.contains(.foreignPageLookedAt) { foreignPage = .lookedAt }
    if quirks.contains(.identityNotMirrored) { identityPlace = .p2mAlone }
    if quirks.contains(.identityByTableMode) { identityPlace = .byTables }
    if quirks.contains(.populateSkipsRanges) { populateAtRanges = .skips }
    if quirks.contains(.identityInIOMMUOnly) { identityPlace = .iommuOnly }
    if quirks.contains(.sharedUnitRuleMissing) { sharedUnits = .allowed }
    if quirks.contains(.usbRangesIgnored) { usbRanges = .ignored }
    if quirks.contains(.deassignShortCircuit) { unmapSuccess = .ends }
    if quirks.contains(.contextBeforeMapping) { moveOrder = .context }
    if quirks.contains(.quarantineLosesRanges) { quarantineRanges = .lost }
    if quirks.contains(.quarantineMissing) { quarantineRanges = .noQuarantine }
    if quirks.contains(.populateReplacesIdentity) { populateOverIdentity = .replaced }
    if quirks.contains(.balloonRemovesIdentity) { balloonOverIdentity = .replaced }
    if quirks.contains(.moveReplacesIdentity) { moveOverIdentity = .replaced }
    if quirks.contains(.mappingReplacesIdentity) { mappingOverIdentity = .replaced }
    if quirks.contains(.teardownLoops) { teardown = .forEver }
    if quirks.contains(.testAssignIgnoresDomain) { testTarget = .ignored }
    if quirks.contains(.selfAssignment) { selfAssignment = .allowed }
    if quirks.contains(.memoryMapsOfPVOnly) { memoryMaps = .pvOnly }
    if quirks.contains(.unknownDeviceBusy) { unknownDevice = .busy }
    if quirks.contains(.promisesAllowDevices) { promises = .allowDevices }
    if quirks.contains(.anybodyMayQuery) { query = .anybody }
    if quirks.contains(.queryMissing) { query = .nobody }
    if quirks.contains(.virtualNeedsPhysical) { virtualFunctions = .needTheirParent }
    if quirks.contains(.physicalKeptByVirtuals) { physicalRemoval = .refused }
    if quirks.contains(.equalBDFFound) { deviceLookup = .laterSegments }
    if quirks.contains(.addMapsFirstUnit) { addedUnits = .first }
    if quirks.contains(.uncountedRecords) { recordCounts = .single }
    if quirks.contains(.failedMappingKeepsDevice) { failedMapping = .moves }
    if quirks.contains(.deassignNeverUnmaps) { unmapping = .never }
    if quirks.contains(.strayUnmapCrashes) { strayUnmap = .crashesHost }
    if quirks.contains(.pvDomainsUnmapped) { pvIdentity = .missing }
    if quirks.contains(.shortMemoryMap) { memoryMapLimit = 128 }
    if quirks.contains(.quarantineTableAlwaysBuilt) { quarantineTables = .always }
    if quirks.contains(.refusedAssignLeavesTable) { refusedTable = .stays }
    if quirks.contains(.mirrorFailureCrashes) { mirrorFailure = .crashes }
    if quirks.contains(.bridgeAddedLaterHoldsDevice) { bridgeRule = .everyMove }
    if quirks.contains(.conventionalMovesFreely) { bridgeRule = .noMove }
    if quirks.contains(.failedAddStaysListed) { failedAddListing = .stays }
    if quirks.contains(.failedAddKeepsCount) { failedAddCount = .stays }
    if quirks.contains(.addIgnoresMappingError) { addMappingError = .ignored }
    if quirks.contains(.hardwareDomainCountGrows) { hardwareDomainCounts = .everythingListed }
    if quirks.contains(.failedDestroyStaysDying) { failedDestruction = .staysDying }
    if quirks.contains(.failedRemoveFreesDevice) { failedRemoval = .freesDevice }
    if quirks.contains(.failedCreateTakesNumber) { domainNumbers = .takenAtOnce }
    if quirks.contains(.shadowPagingMissing) { shadowPaging = .missing }
    if quirks.contains(.ivmdPermissionsSwapped) { unityAccess = .swapped }
    if quirks.contains(.unityMapsInIOMMUOnly) { unityPlace = .iommuOnly }
    if quirks.contains(.unityMapsStay) { unityUnmapping = .never }
    if quirks.contains(.unitySharingUnchecked) { unitySharing = .allowed }
    if quirks.contains(.unityMapsReportedRepeatedly) { unityReport = .eachOfEveryFunction }
    if quirks.contains(.unityMapsUnreported) { unityReport = .nothing }
    if quirks.contains(.unityMapsMissingInDom0) { unityInDom0 = .missing }
    if quirks.contains(.unityQuarantineEmpty) { unityInQuarantine = .missing }
  }
}
