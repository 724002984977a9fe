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
  /// What goes with the last count of a record (HV-113, G-7).
  enum LastUnmap: Hashable, Sendable { case ownPages, everyIdentityPage }
  /// What a memory_mapping removal may remove (G-3).
  enum MappingRemoval: Hashable, Sendable { case sparesRecords, anyPage }
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
  /// Where a device goes when a phantom function of it is refused (HV-83).
  enum PhantomFailure: Hashable, Sendable { case staysWhereItWas, isDeassigned, ignored }
  /// Which quarantine tables are built (HV-95).
  enum QuarantineTables: Hashable, Sendable { case thoseKept, always }
  /// What becomes of a quarantine table when the assignment is refused.
  enum RefusedTable: Hashable, Sendable { case undone, stays }
  /// What happens when an entry in separate tables cannot be made (HV-118).
  enum MirrorFailure: Hashable, Sendable { case refused, crashes }
  /// Which moves the rule on conventional functions behind bridges refuses (HV-69).
  enum BridgeRule: Hashable, Sendable { case assignments, everyMove }
  /// What becomes of a device whose announcement is refused (D-4, HV-142).
  enum FailedAdd: Hashable, Sendable { case undone, stays }
  /// What a unit that cannot be mapped means for an announcement (HV-143).
  enum AddMappingError: Hashable, Sendable { case refused, ignored }
  /// What the counts of the hardware domain's records count (HV-106, HV-148).
  enum HardwareDomainCounts: Hashable, Sendable { case presentFunctions, everythingListed }
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
  /// Whether HVM domains can do without hardware-assisted paging.
  enum ShadowPaging: Hashable, Sendable { case available, missing }

  var unitFailure = UnitFailure.stops
  var phantomSource = PhantomSource.whereTheDeviceWas
  var rollback = Rollback.whatItMapped
  var strictJoin = StrictJoin.allPagesMapped
  var reach = Reach.oneGuest
  var lastUnmap = LastUnmap.ownPages
  var mappingRemoval = MappingRemoval.sparesRecords
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
  var failedRemoval = FailedRemoval.goesThrough
  var domainNumbers = DomainNumbers.takenOnSuccess
  var recordOrder = RecordOrder.beforePages
  var failedAddition = FailedAddition.ends
  var testForNobody = TestForNobody.answers
  var ownerlessRemoval = OwnerlessRemoval.succeeds
  var moveSource = MoveSource.invalid
  var foreignPage = ForeignPage.refusedAtOnce
  var shadowPaging = ShadowPaging.available

  /// The decisions under `quirks`.
  init(_ quirks: QuirkSet<HypervisorQuirk>) {
    if quirks.contains(.lastUnitDecides) { unitFailure = .lastUnitDecides }
    if quirks.contains(.phantomUnitUnmapped) { phantomSource = .ownerByNow }
    if quirks.contains(.rollbackUnmapsEverything) { rollback = .everyUnit }
    if quirks.contains(.strictJoinsRelaxed) { strictJoin = .always }
    if quirks.contains(.relaxedSharesAcrossGuests) { reach = .anyNumber }
    if quirks.contains(.lastUnmapClearsAll) { lastUnmap = .everyIdentityPage }
    if quirks.contains(.mappingRemovalIgnoresRecords) { mappingRemoval = .anyPage }
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
    if quirks.contains(.quarantineTableAlwaysBuilt) { quarantineTables = .always }
    if quirks.contains(.refusedAssignLeavesTable) { refusedTable = .stays }
    if quirks.contains(.mirrorFailureCrashes) { mirrorFailure = .crashes }
    if quirks.contains(.bridgeAddedLaterHoldsDevice) { bridgeRule = .everyMove }
    if quirks.contains(.failedAddStaysListed) { failedAddListing = .stays }
    if quirks.contains(.failedAddKeepsCount) { failedAddCount = .stays }
    if quirks.contains(.addIgnoresMappingError) { addMappingError = .ignored }
    if quirks.contains(.hardwareDomainCountGrows) { hardwareDomainCounts = .everythingListed }
    if quirks.contains(.failedRemoveFreesDevice) { failedRemoval = .freesDevice }
    if quirks.contains(.failedCreateTakesNumber) { domainNumbers = .takenAtOnce }
    if quirks.contains(.shadowPagingMissing) { shadowPaging = .missing }
  }
}
