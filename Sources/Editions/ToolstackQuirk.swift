/// Known deviations of libxl and the domain builder from the repaired design.
public enum ToolstackQuirk: UInt8, StageQuirk {
  /// Reserved ranges are matched by their start only.
  case rdmMatchedByStart
  /// The policy of the last device replaces any earlier one.
  case lastPolicyWins
  /// The host's ranges are taken as reported, repetitions included.
  case hostRangesRepeated
  /// The memory map keeps the order of discovery and overlapping ranges.
  case memoryMapUnordered
  /// A device given by name takes no part in the construction of ranges.
  case namedDeviceUnresolved
  /// Of a device given with all its functions only function 0 is asked for ranges.
  case firstFunctionAsked
  /// Of a device given with all its functions only the highest is attached.
  case highestFunctionAttached
  /// The end of low memory may fall below what hvmloader needs.
  case lowMemoryUnchecked
  /// A second build takes over the ranges of the first.
  case rangesOutliveBuild
  /// A range that starts exactly at the boundary is not relocated.
  case boundaryExcluded
  /// A relaxed range moves RAM even where that makes a strict one fail.
  case relaxedMovesMemory
  /// Ranges are not held against the firmware's fixed areas.
  case fixedAreasUnchecked
  /// An ACPI module gets an entry at address 0 in the memory map.
  case moduleMappedAtZero
  /// Pages of an ACPI module are populated although they are RAM already.
  case modulePopulatedTwice
  /// The page taken for an ACPI module in need is computed in bytes.
  case moduleFallbackInBytes
  /// Pages are counted in whole MiB, ranges in bytes.
  case memoryCountedTwice
  /// The device model splits RAM by its size, not by the layout.
  case deviceModelKeepsSplit
  /// A failing test of assignment removes the record of the device's owner.
  case failedTestForgetsOwner
  /// What a failing operation did before it failed stays done.
  case failureLeavesTraces
  /// I/O permissions are kept when a device is detached.
  case permissionsSurviveDetach
  /// A failing deassignment counts as a detach.
  case detachFailureIgnored
  /// Devices are taken from a guest before it is certain that it goes.
  case destroyDetachesFirst
  /// The device model's name of a device has no PCI segment.
  case deviceNameWithoutSegment
  /// A device is plugged into a guest that was never told of its ranges.
  case hotplugUnannounced
  /// A query whose answer grows between its two calls fails.
  case growingQueryFails
  /// BARs smaller than a page are shown to the guest as they are.
  case subPageBARsShown
  /// The devices of a new guest leave the hardware domain one at a time.
  case devicesAttachedSingly

  // MARK: Mended, or changed

  /// Only a device's first range is looked at.
  case firstRangeOfDevice
  /// A device's default policy comes too late for the builder.
  case policyDefaultLate
  /// Low memory may end inside a superpage.
  case superpagesSplit
  /// There is always an entry for memory above 4G.
  case highMemoryForced
  /// A reboot forgets policies.
  case policyLostOnReboot
  /// A reboot forgets devices.
  case devicesLostOnReboot
  /// A reboot forgets all devices but one.
  case oneDeviceRebooted
  /// Creation goes on when a device cannot be attached.
  case attachFailureIgnored
  /// Populate on demand is refused only with devices.
  case populateOnDemandUnchecked
  /// Only class 0300 is a graphics adapter.
  case displayClassMissed
  /// No memory map is stored.
  case memoryMapNotStored
  /// Guests without devices have an IOMMU too.
  case iommuForAll
  /// RAM lies on both sides of ranges.
  case ramAroundRanges
  /// There is no relaxed policy.
  case relaxedUnknown

  // MARK: Configuration text

  /// The test of the global policy goes the wrong way.
  case rangePolicyTestInverted
  /// What the global setting leaves out is undefined.
  case rangeResultUninitialised
  /// A global setting that cannot be read counts as none.
  case rangeFailureIgnored
  /// The global setting has a fixed order.
  case rangeWordsInOrder
  /// The words of the proposal of 2015.
  case reserveWords
  /// The word of the design mail.
  case forceCheckWord
  /// No words about ranges.
  case rangeWordsUnknown
  /// Policies are compared with their case.
  case policyWordsExact
  /// `invalid` is a policy.
  case invalidIsAPolicy
  /// Devices do not get the global policy.
  case globalPolicyReadLast
  /// Devices are read after all else.
  case devicesReadLast
  /// The grammar of devices up to 4.14.
  case deviceGrammarOlder
  /// An address without a dot is read on at an offset nobody wrote.
  case addressWithoutDot
  /// `*` for the function ends in an assertion.
  case allFunctionsDie
  /// `*` for the function leaves it undefined.
  case allFunctionsUninitialised
  /// A device that cannot be read is left out.
  case badDeviceSkipped
  /// The kind of guest may be cut short.
  case guestKindByPrefix
  /// The kind of guest is told by `builder`.
  case typeWordUnknown
  /// No `+=`.
  case additionUnknown
  /// No lists in lists.
  case nestedListsRefused
  /// The page about Python code is named by http.
  case wikiByHTTP
  /// No `passthrough`.
  case passthroughWordUnknown
  /// No kinds of graphics adapters.
  case graphicsKindUnknown
  /// No `rdm_mem_boundary`.
  case boundaryWordUnknown
  /// Only the upstream device model.
  case traditionalModelGone

  /// What is known of it.
  public var entry: QuirkEntry {
    guard let entry = builderEntry ?? historyEntry ?? textEntry else { preconditionFailure("a quirk without an entry") }
    return entry
  }

  /// What is known of a quirk of libxl and the builder; nil for others.
  private var builderEntry: QuirkEntry? {
    switch self {
    case .rdmMatchedByStart:
      QuirkEntry(
        "rdm-matched-by-start", "BL-55, LB-6", in: .from(.rfc2015),
        "Two ranges with one start count as the same, and the later one's size is lost.")
    case .lastPolicyWins:
      QuirkEntry(
        "last-policy-wins", "BL-53, LB-12", in: .from(.xen4_6),
        "Where devices share a range, the policy of the last in the list holds, even if that is the laxer one.")
    case .hostRangesRepeated:
      QuirkEntry(
        "host-ranges-repeated", "BL-50, LB-6b", in: .from(.rfc2015),
        "Under strategy host, a range that the hypervisor reports twice stands in the guest's list twice.")
    case .memoryMapUnordered:
      QuirkEntry(
        "memory-map-unordered", "BL-81, I-6", in: .from(.rfc2015),
        "The guest's memory map lists ranges in the order of discovery, also those that overlap.")
    case .namedDeviceUnresolved:
      QuirkEntry(
        "named-device-unresolved", "BL-56, LB-2", in: .from(.xen4_16),
        "Ranges are looked up for 0000:00:00.0 instead of a device given by its name.")
    case .firstFunctionAsked:
      QuirkEntry(
        "first-function-asked", "BL-56, LB-3", in: .from(.rfc2015),
        "Only function 0 of a device given with all functions is asked for its ranges.")
    case .highestFunctionAttached:
      QuirkEntry(
        "highest-function-attached", "BL-110, LB-10", in: .from(.xen4_13),
        "Of a device given with all functions only the highest is attached, and the guest does not find it.")
    case .lowMemoryUnchecked:
      QuirkEntry(
        "low-memory-unchecked", "BL-7, BL-86, LB-4",
        "A low boundary or a huge MMIO hole can leave less low memory than the legacy area and hvmloader take.")
    case .rangesOutliveBuild:
      QuirkEntry(
        "ranges-outlive-build", "BL-47, BL-129, LB-5", in: .from(.xen4_6),
        "A second build from the same configuration keeps the old ranges and does not move RAM away from them.",
        unreachable:
          "xl builds each domain from a structure of its own; only another user of libxl builds twice from one.")
    case .boundaryExcluded:
      QuirkEntry(
        "boundary-excluded", "BL-58, LB-13", in: .from(.rfc2015),
        "A range that starts exactly at rdm_mem_boundary counts as lying below it, and RAM is not moved.")
    case .relaxedMovesMemory:
      QuirkEntry(
        "relaxed-moves-memory", "BL-62, LB-18, LB-19", in: .from(.rfc2015),
        "RAM moved up for a relaxed range may land on a strict one, and the build fails.")
    case .fixedAreasUnchecked:
      QuirkEntry(
        "fixed-areas-unchecked", "BL-69, BL-101, LB-14",
        "Ranges inside the firmware's special area are accepted; hvmloader or the assignment fails later.")
    case .moduleMappedAtZero:
      QuirkEntry(
        "module-mapped-at-zero", "BL-87, LB-7, f76d81d6e8", in: .from(.xen4_13),
        "The memory map is made before an ACPI module has its address, so its entry lies at 0 over RAM.")
    case .modulePopulatedTwice:
      QuirkEntry(
        "module-populated-twice", "BL-103, LB-7", in: .from(.xen4_9),
        "Pages for an ACPI module are populated over the RAM that is there, which stays charged and lost.")
    case .moduleFallbackInBytes:
      QuirkEntry(
        "module-fallback-in-bytes", "BL-103, LB-8", in: .from(.xen4_9),
        "When a module's page cannot be populated, the end of RAM in bytes is handed on as a frame number.")
    case .memoryCountedTwice:
      QuirkEntry(
        "memory-counted-twice", "BL-74, LB-9", in: .from(.xen4_9),
        "Memory that is no whole number of MiB fails the build or ends in the middle of a page.")
    case .deviceModelKeepsSplit:
      QuirkEntry(
        "device-model-keeps-split", "BL-76, LB-1",
        "The device model is not told that RAM moved above 4G, and cannot reach what was moved.")
    case .failedTestForgetsOwner:
      QuirkEntry(
        "failed-test-forgets-owner", "BL-109, LB-11", in: .from(.xen4_16),
        "An attach refused because the device is taken removes the record of who has it.")
    case .failureLeavesTraces:
      QuirkEntry(
        "failure-leaves-traces", "BL-127, LB-11",
        "A failing operation leaves emulated devices, permissions, bindings and limits it made before.")
    case .permissionsSurviveDetach:
      QuirkEntry(
        "permissions-survive-detach", "BL-124, 39113a8a23", in: .through(.xen4_17),
        "A guest keeps its right to the ports and memory of a device that was detached.")
    case .detachFailureIgnored:
      QuirkEntry(
        "detach-failure-ignored", "BL-122",
        "When the hypervisor refuses to take a device away, the toolstack forgets it all the same.")
    case .destroyDetachesFirst:
      QuirkEntry(
        "destroy-detaches-first", "BL-108, BL-122",
        "Devices leave before the domain is destroyed; if that fails, the guest lives on without them.")
    case .deviceNameWithoutSegment:
      QuirkEntry(
        "device-name-without-segment", "BL-110, LB-17",
        "Two devices that differ only in their segment collide in the device model.")
    case .hotplugUnannounced:
      QuirkEntry(
        "hotplug-unannounced", "BL-121, I-4",
        "A strict device can be plugged in although its ranges are not reserved in the guest's memory map.")
    case .growingQueryFails:
      QuirkEntry(
        "growing-query-fails", "BL-42",
        "A query for reserved ranges fails if there is one more of them at its second call than at its first.")
    case .subPageBARsShown:
      QuirkEntry(
        "sub-page-bars-shown", "R10, LD-39", in: [],
        "The device model shows BARs smaller than a page as they are, so that those of two devices share a page (some of its releases; no edition)."
      )
    case .devicesAttachedSingly:
      QuirkEntry(
        "devices-attached-singly", "G-4, BL-125",
        "Devices of one range leave the hardware domain one after the other, when the guest has the first of them already."
      )
    default: nil
    }
  }
}
