import Editions

/// How the toolstack behaves where editions differ: its quirks, resolved once.
struct ToolstackDecisions: Hashable, Sendable {
  /// When two ranges count as one (BL-55).
  enum RangeMatch { case byStart, byRange }
  /// Which policy holds for a range that several name (BL-53).
  enum PolicyMerge { case lastWins, strictWins }
  /// What becomes of the host's ranges (BL-50).
  enum HostRanges { case asReported, distinct }
  /// The shape of the memory map (BL-81).
  enum MapShape { case asDiscovered, sortedDisjoint }
  /// When a range may push low memory down (BL-58).
  enum Boundary { case above, atOrAbove }
  /// Whether relaxed ranges move RAM (BL-62).
  enum RelaxedRanges { case alwaysMove, moveUnlessHarmful }
  /// What ranges conflict with (BL-69).
  enum Conflicts { case ramOnly, ramAndFirmware }
  /// How far down low memory may end (BL-86).
  enum LowMemory { case unchecked, floored }
  /// What becomes of ranges left from an earlier build (BL-47).
  enum EarlierRanges { case kept, discarded }
  /// How memory sizes become pages (BL-74).
  enum MemoryUnit { case bytesBesideMiB, wholeMiB }
  /// Entries for ACPI modules in the memory map (BL-87).
  enum ModuleEntry { case atZero, none }
  /// How an ACPI module's pages come to be (BL-103).
  enum ModulePages { case populated, inPlace }
  /// What happens when such a page cannot be populated (LB-8).
  enum ModuleFallback { case bytesAsFrame, fail }
  /// Which address of a device given by name is asked for ranges (BL-56).
  enum NamedDevice { case zeroAddress, resolved }
  /// Which functions of a `*` device are asked for ranges (LB-3).
  enum AskedFunctions { case first, all }
  /// Which functions of a `*` device are attached (LB-10).
  enum AttachedFunctions { case highest, all }
  /// Where the device model takes its split of RAM from (BL-76).
  enum ModelSplit { case fromSize, fromLayout }
  /// The device model's name of a device (LB-17).
  enum DeviceName { case busAndDevice, withSegment }
  /// What a failing test of assignment does to the owner's record (LB-11).
  enum FailedTest { case removesRecord, keepsRecord }
  /// What a failing operation does about its earlier steps (BL-127).
  enum Failure { case leavesTraces, undoes }
  /// What becomes of I/O permissions on detach (BL-124).
  enum DetachedPermissions { case kept, revoked }
  /// What a failing deassignment does to a detach (BL-122).
  enum FailedDeassign { case ignored, refuses }
  /// What destroying a guest starts with (BL-122).
  enum DestroyOrder { case devicesFirst, domainFirst }
  /// What a strict hotplug asks of the guest's memory map (BL-121).
  enum Hotplug { case unannounced, announcedOnly }

  /// Whether the builder knows of reserved ranges at all.
  enum Ranges { case unknown, known }
  /// How many of a device's ranges are looked at (BL-57).
  enum DeviceRanges { case first, all }
  /// When a device without a policy becomes strict (BL-51).
  enum DefaultPolicy { case atAssignment, atOnce }
  /// Whether low memory ends between superpages (BL-59).
  enum LowMemoryEnd { case anywhere, atSuperpage }
  /// When there is an entry for RAM above 4G (I-2).
  enum HighMemory { case always, whereNeeded }
  /// Which boundary holds (BL-7).
  enum BoundarySetting { case fixed, configured }
  /// What a range in the way of RAM does (BL-58).
  enum Avoidance { case ramAround, movesRAM }
  /// Whether the hypervisor gets the guest's memory map (BL-83).
  enum StoredMap { case none, whole }
  /// Which guests have an IOMMU unless something else is said (BL-12).
  enum DefaultPassthrough { case everybody, withDevices }
  /// Which policies there are.
  enum Policies { case strictOnly, both }
  /// Whose populate on demand is refused (BL-131).
  enum PopulateOnDemand { case refusedWithDevices, refusedWithIOMMU }
  /// Which device models there are (BL-14).
  enum DeviceModels { case upstreamOnly, both }
  /// Which classes are graphics adapters (BL-18).
  enum GraphicsClasses { case vgaOnly, allDisplays }
  /// What a device that cannot be attached does to a creation.
  enum FailedAttach { case ignored, failsCreation }
  /// Which devices come back from a reboot (BL-128).
  enum RebootedDevices { case none, first, all }
  /// What becomes of their policies.
  enum RebootedPolicies { case forgotten, kept }

  /// What a query for ranges does when there are more of them at its second call (BL-42).
  enum GrowingQuery { case repeated, fails }
  /// How large a passed-through BAR smaller than a page is for the guest.
  enum SmallBARs { case wholePages, trueSize }
  /// How the devices of a new guest are attached (G-4).
  enum Attachment { case quarantinedFirst, oneByOne }

  var rangeMatch: RangeMatch
  var policyMerge: PolicyMerge
  var hostRanges: HostRanges
  var mapShape: MapShape
  var boundary: Boundary
  var relaxedRanges: RelaxedRanges
  var conflicts: Conflicts
  var lowMemory: LowMemory
  var earlierRanges: EarlierRanges
  var memoryUnit: MemoryUnit
  var moduleEntry: ModuleEntry
  var modulePages: ModulePages
  var moduleFallback: ModuleFallback
  var namedDevice: NamedDevice
  var askedFunctions: AskedFunctions
  var attachedFunctions: AttachedFunctions
  var modelSplit: ModelSplit
  var deviceName: DeviceName
  var failedTest: FailedTest
  var failure: Failure
  var detachedPermissions: DetachedPermissions
  var failedDeassign: FailedDeassign
  var destroyOrder: DestroyOrder
  var hotplug: Hotplug
  var ranges: Ranges
  var deviceRanges: DeviceRanges
  var defaultPolicy: DefaultPolicy
  var lowMemoryEnd: LowMemoryEnd
  var highMemory: HighMemory
  var boundarySetting: BoundarySetting
  var avoidance: Avoidance
  var storedMap: StoredMap
  var defaultPassthrough: DefaultPassthrough
  var policies: Policies
  var populateOnDemand: PopulateOnDemand
  var deviceModels: DeviceModels
  var graphicsClasses: GraphicsClasses
  var failedAttach: FailedAttach
  var rebootedDevices: RebootedDevices
  var rebootedPolicies: RebootedPolicies
  var growingQuery: GrowingQuery
  var smallBARs: SmallBARs
  var attachment: Attachment

  init(_ quirks: QuirkSet<ToolstackQuirk>) {
    func choose<Decision>(_ quirk: ToolstackQuirk, _ odd: Decision, else sound: Decision) -> Decision {
      quirks.contains(quirk) ? odd : sound
    }
    rangeMatch = choose(.rdmMatchedByStart, .byStart, else: .byRange)
    policyMerge = choose(.lastPolicyWins, .lastWins, else: .strictWins)
    hostRanges = choose(.hostRangesRepeated, .asReported, else: .distinct)
    mapShape = choose(.memoryMapUnordered, .asDiscovered, else: .sortedDisjoint)
    boundary = choose(.boundaryExcluded, .above, else: .atOrAbove)
    relaxedRanges = choose(.relaxedMovesMemory, .alwaysMove, else: .moveUnlessHarmful)
    conflicts = choose(.fixedAreasUnchecked, .ramOnly, else: .ramAndFirmware)
    lowMemory = choose(.lowMemoryUnchecked, .unchecked, else: .floored)
    earlierRanges = choose(.rangesOutliveBuild, .kept, else: .discarded)
    memoryUnit = choose(.memoryCountedTwice, .bytesBesideMiB, else: .wholeMiB)
    moduleEntry = choose(.moduleMappedAtZero, .atZero, else: .none)
    modulePages = choose(.modulePopulatedTwice, .populated, else: .inPlace)
    moduleFallback = choose(.moduleFallbackInBytes, .bytesAsFrame, else: .fail)
    namedDevice = choose(.namedDeviceUnresolved, .zeroAddress, else: .resolved)
    askedFunctions = choose(.firstFunctionAsked, .first, else: .all)
    attachedFunctions = choose(.highestFunctionAttached, .highest, else: .all)
    modelSplit = choose(.deviceModelKeepsSplit, .fromSize, else: .fromLayout)
    deviceName = choose(.deviceNameWithoutSegment, .busAndDevice, else: .withSegment)
    failedTest = choose(.failedTestForgetsOwner, .removesRecord, else: .keepsRecord)
    failure = choose(.failureLeavesTraces, .leavesTraces, else: .undoes)
    detachedPermissions = choose(.permissionsSurviveDetach, .kept, else: .revoked)
    failedDeassign = choose(.detachFailureIgnored, .ignored, else: .refuses)
    destroyOrder = choose(.destroyDetachesFirst, .devicesFirst, else: .domainFirst)
    growingQuery = choose(.growingQueryFails, .fails, else: .repeated)
    smallBARs = choose(.subPageBARsShown, .trueSize, else: .wholePages)
    attachment = choose(.devicesAttachedSingly, .oneByOne, else: .quarantinedFirst)
    hotplug = choose(.hotplugUnannounced, .unannounced, else: .announcedOnly)
    ranges = choose(.rangeWordsUnknown, .unknown, else: .known)
    deviceRanges = choose(.firstRangeOfDevice, .first, else: .all)
    defaultPolicy = choose(.policyDefaultLate, .atAssignment, else: .atOnce)
    lowMemoryEnd = choose(.superpagesSplit, .anywhere, else: .atSuperpage)
    highMemory = choose(.highMemoryForced, .always, else: .whereNeeded)
    boundarySetting = choose(.boundaryWordUnknown, .fixed, else: .configured)
    avoidance = choose(.ramAroundRanges, .ramAround, else: .movesRAM)
    storedMap = choose(.memoryMapNotStored, .none, else: .whole)
    defaultPassthrough = choose(.iommuForAll, .everybody, else: .withDevices)
    policies = choose(.relaxedUnknown, .strictOnly, else: .both)
    populateOnDemand = choose(.populateOnDemandUnchecked, .refusedWithDevices, else: .refusedWithIOMMU)
    deviceModels = choose(.traditionalModelGone, .upstreamOnly, else: .both)
    graphicsClasses = choose(.displayClassMissed, .vgaOnly, else: .allDisplays)
    failedAttach = choose(.attachFailureIgnored, .ignored, else: .failsCreation)
    rebootedDevices = choose(
      .devicesLostOnReboot, .none, else: choose(.oneDeviceRebooted, .first, else: .all))
    rebootedPolicies = choose(.policyLostOnReboot, .forgotten, else: .kept)
  }
}
