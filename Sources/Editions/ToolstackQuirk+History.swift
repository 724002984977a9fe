extension ToolstackQuirk {
  /// What is known of a quirk that was mended, or of a rule that changed; nil for others.
  var historyEntry: QuirkEntry? {
    switch self {
    case .firstRangeOfDevice:
      QuirkEntry(
        "first-range-of-device", "BL-57, 3bdb073643", in: .from(.rfc2015, through: .xen4_13),
        "Of a device with several ranges only the first is kept clear.")
    case .policyDefaultLate:
      QuirkEntry(
        "policy-default-late", "BL-51, BL-57, 6fdb8eef87", in: .from(.rfc2015, through: .xen4_13),
        "A device without a policy becomes strict only at its assignment: when the guest is built its ranges are dropped."
      )
    case .superpagesSplit:
      QuirkEntry(
        "superpages-split", "BL-59, H-22, 5f29f34981", in: .from(.rfc2015, through: .xen4_13),
        "RAM moved down for a range ends right at it, in the middle of a superpage.")
    case .highMemoryForced:
      QuirkEntry(
        "high-memory-forced", "BL-91, I-2, 3840e98f3e", in: .from(.rfc2015, through: .xen4_13),
        "A guest with a device and no RAM above 4G gets an empty entry for it, which a range across 4G conflicts with.")
    case .policyLostOnReboot:
      QuirkEntry(
        "policy-lost-on-reboot", "BL-128, d8cba539f2", in: .from(.xen4_13, through: .xen4_14),
        "The policy of a device is not written down, and after a reboot a relaxed one is strict.")
    case .devicesLostOnReboot:
      QuirkEntry(
        "devices-lost-on-reboot", "BL-128, 99a9c70583", in: .only(.xen4_9),
        "A guest comes back from a reboot without its devices.")
    case .oneDeviceRebooted:
      QuirkEntry(
        "one-device-rebooted", "BL-128, c19434d928", in: [],
        "A guest comes back from a reboot with the first of its devices only (4.12, which is no edition here).")
    case .attachFailureIgnored:
      QuirkEntry(
        "attach-failure-ignored", "section 8.2, 7988902b93", in: .through(.xen4_9),
        "A guest is created although a device of its could not be attached.")
    case .populateOnDemandUnchecked:
      QuirkEntry(
        "pod-check-needs-devices", "BL-131", in: .through(.xen4_13),
        "A guest that may get devices later can be populated on demand, and then gets none.")
    case .displayClassMissed:
      QuirkEntry(
        "display-class-missed", "BL-18, section 9", in: .through(.xen4_17),
        "An Intel adapter of class 0380 does not count as a graphics adapter.")
    case .memoryMapNotStored:
      QuirkEntry(
        "memory-map-not-stored", "BL-83, HV-61, H-4", in: .only(.xen4_5),
        "The builder stores no memory map of the guest: its firmware has hvm_info alone (a rule of the release).")
    case .iommuForAll:
      QuirkEntry(
        "iommu-for-all", "BL-12, section 9", in: .through(.xen4_9),
        "Where the host has an IOMMU every guest has it, with devices or without (a rule of the release).")
    case .ramAroundRanges:
      QuirkEntry(
        "ram-around-ranges", "design mail of 2014, 2.2 2> #1; section 9", in: .only(.rfc2014),
        "RAM is populated on both sides of a range, and hvm_info has no word for the gap (a rule of the proposal).")
    case .relaxedUnknown:
      QuirkEntry(
        "relaxed-unknown", "section 9, design mail 2.1", in: .only(.rfc2014),
        "Nothing is relaxed: a conflict fails the operation (a rule of the proposal).")
    default: nil
    }
  }
}
