extension HypervisorQuirk {
  /// What is known of the quirks of AMD hosts. There are no recordings of these: entries follow the specification, and three
  /// Xen's source alone (their citation says so). The test of the catalogue finds one that is missing here.
  var amdEntry: QuirkEntry {
    switch self {
    case .ivmdPermissionsSwapped:
      QuirkEntry(
        "ivmd-permissions-swapped", "HV-42",
        "A unity map's write permission is taken from the flag for reading and the other way round: a range to read only becomes one to write only."
      )
    case .exclusionRegisterUsed:
      QuirkEntry(
        "exclusion-register-used", "HV-39",
        "A device's exclusion range is left to the IOMMU's register: its DMA is not translated there, whatever the guest's CPU sees at the place."
      )
    case .exclusionRegisterExtended:
      QuirkEntry(
        "exclusion-register-extended", "BUG-18, HV-39, b02c5c8898", in: .through(.xen4_9),
        "A second exclusion range extends the first one over the gap between them, and to all devices if either is for all."
      )
    case .unityRangesMerged:
      QuirkEntry(
        "unity-ranges-merged", "BUG-18, HV-40, 8ea80530cd", in: .through(.xen4_9),
        "The unity ranges of a function become a single one: what lies between is mapped too, with the permissions of the last."
      )
    case .unityMapsInIOMMUOnly:
      QuirkEntry(
        "unity-maps-in-iommu-only", "BUG-18, HV-117, 34750a3eb0", in: .through(.xen4_9),
        "A device's unity ranges are written into the IOMMU table over whatever is there, and nothing into the p2m.")
    case .unityMapsStay:
      QuirkEntry(
        "unity-maps-stay", "BUG-18, 899272539c", in: .through(.xen4_9),
        "A device leaves a guest, its unity ranges stay mapped there.")
    case .unitySharingUnchecked:
      QuirkEntry(
        "unity-sharing-unchecked", "HV-44, HV-86",
        "On AMD hosts a device can be taken out of a range that others share, whatever the policy.")
    case .ivmdInRAMAccepted:
      QuirkEntry(
        "ivmd-in-ram-accepted", "BUG-27, HV-38, 83afa31358", in: .only(.xen4_16),
        "An IVMD range in the host's RAM is accepted, and one in ACPI memory turns the IOMMU off.")
    case .ivmdUnjudged:
      QuirkEntry(
        "ivmd-unjudged", "BUG-36, HV-37, HV-38, ed6c77ebf0", in: .through(.xen4_14),
        "Neither the host's E820 nor the IOMMU's address width is asked about an IVMD range.")
    case .ivmdJudgedByPages:
      QuirkEntry(
        "ivmd-judged-by-pages", "HV-38, C-9", in: .from(.xen4_16),
        "An IVMD range over a page that is RAM in part, or over an E820 entry of unknown type, turns the IOMMU off.")
    case .ivmdStrayDeviceFatal:
      QuirkEntry(
        "ivmd-stray-device-fatal", "BUG-30, HV-40, 2defb54490", in: .through(.xen4_17),
        "An IVMD block that names a function behind no IOMMU turns all of it off, though nothing could use the range.")
    case .ivrsReadInOrder:
      QuirkEntry(
        "ivrs-read-in-order", "HV-40; read from source",
        "An IVMD block that stands in front of the IVHD block with its device is treated as one for a device without IOMMU."
      )
    case .ivrsEmptyBlockHangs:
      QuirkEntry(
        "ivrs-empty-block-hangs", "HV-37; read from source",
        "The walk over an IVRS table never gets past a block whose length is 0: the host hangs at boot.")
    case .ivmdOptionMissing:
      QuirkEntry(
        "ivmd-option-missing", "HV-43; section 10", in: .through(.xen4_14),
        "The option ivmd= is not known and says nothing; a rule.")
    case .ivmdOptionRangeOfOne:
      QuirkEntry(
        "ivmd-option-range-of-one", "HV-43, HV-40", in: .from(.xen4_16),
        "An ivmd= range from a function to itself is read without complaint and turns the IOMMU off at registration.")
    case .unityMapsUnreported:
      QuirkEntry(
        "unity-maps-unreported", "BUG-36, HV-52, 2209c36007", in: .through(.xen4_14),
        "reserved_device_memory_map tells nothing on AMD hosts: no guest is built around a unity range.")
    case .unityMapsReportedRepeatedly:
      QuirkEntry(
        "unity-maps-reported-repeatedly", "HV-54", in: .from(.xen4_16),
        "Asked for all ranges, an AMD host tells one once for every function it belongs to.")
    case .unityMapsMissingInDom0:
      QuirkEntry(
        "unity-maps-missing-in-dom0", "BUG-36, HV-106, a0fe9a1e8c", in: .through(.xen4_14),
        "Unity ranges are mapped for guests only: the hardware domain's devices fault where firmware lets them go.")
    case .unityQuarantineEmpty:
      QuirkEntry(
        "unity-quarantine-empty", "HV-95; read from source", in: .from(.xen4_13),
        "The quarantine table of a device on an AMD host is built without its ranges, because mapping for dom_io does nothing."
      )
    default: preconditionFailure("a quirk without an entry")
    }
  }
}
