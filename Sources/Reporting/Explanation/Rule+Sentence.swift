import Editions

extension Rule {
  /// What a refusal by this rule says, as a clause; nil for rules that do not refuse on their own.
  var sentence: String? {
    switch family {
    case .hypervisor: hypervisorSentence
    case .builder: builderSentence
    case .loader: loaderSentence
    case .correctionC, .correctionD: correctionSentence
    }
  }

  private var hypervisorSentence: String? {
    switch number {
    case 25: "no remapping unit is responsible for the device"
    case 40: "no IOMMU translates for the device"
    case 45, 46: "the caller may not ask for reserved ranges, or asks wrongly"
    case 64:
      "the domain, the caller, the device or a flag is not one that can be meant here, or the domain has no IOMMU"
    case 65: "the domain uses log-dirty mode or populate on demand, which exclude devices"
    case 68: "a device goes from one guest to another only after the first has given it up"
    case 69:
      "a conventional function behind a bridge shares its id with its neighbours; with a reserved range it cannot move"
    case 73: "the domain does not have the device"
    case 78: "the domain cannot be destroyed yet"
    case 81: "the device is unknown, or neither the hardware domain nor dom_io has it"
    case 82: "the domain, its IOMMU or the caller is not one that can ask for a group"
    case 83: "a phantom function of the device could not be assigned"
    case 84: "the host has no remapping hardware in use"
    case 86: "a range of the device is shared with other devices"
    case 91: "what was mapped before a failure could not be taken back"
    case 96: "the device's quarantine table cannot be made"
    case 100: "the domain has another range mapped that overlaps this one"
    case 101, 102, 118: "there is no memory for page tables"
    case 107: "the domain has the range, but not all of its pages are mapped"
    case 108: "something else is mapped where the range must be, and nothing is ever replaced"
    case 113: "an unmapped page was not the identity page it should have been"
    case 121: "a reserved or special page is in the way"
    case 128, 129: "the call does not name memory that the caller may change"
    case 130: "there is not enough memory, or the domain's limit is reached"
    case 131: "the pages could not be added"
    case 136, 137: "populate on demand and devices exclude each other"
    case 138, 139: "the page that is asked for is not there, or its place is taken"
    case 142, 143: "the function cannot be announced"
    case 146: "the hypervisor does not know the function"
    default: nil
    }
  }

  private var builderSentence: String? {
    switch number {
    case 4: "the video memory is smaller than the adapter needs"
    case 12: "the guest needs an IOMMU and cannot have one, or has devices and must not have one"
    case 14: "this edition has no such device model"
    case 16: "a firmware blob cannot be read"
    case 18: "gfx_passthru needs an Intel graphics device"
    case 33: "there is no such slot"
    case 42: "the reserved ranges could not be asked for"
    case 64: "a strict range meets memory of the guest"
    case 75, 83, 98, 99, 104: "the domain's settings were not accepted"
    case 82: "the memory map would have more than 127 entries"
    case 86: "RAM below 4G would end below what hvmloader needs"
    case 91: "ranges in bytes and a total in MiB disagree: the memory is no whole number of MiB"
    case 92: "the host has not enough memory to claim"
    case 93, 96: "the memory could not be populated"
    case 102, 103: "a firmware module has no room in the guest's memory"
    case 109: "the device is unknown, not assignable, or taken"
    case 110: "QEMU has the device already, or no free slot"
    case 112: "a permission or the assignment itself was refused"
    case 121: "the guest was never told of a range of the device"
    case 122: "the guest does not have the device, or it could not be taken back"
    case 125: "the device could not be made assignable"
    case 131: "populate on demand (memory below maxmem) and an IOMMU exclude each other"
    case 134: "the target lies outside what the guest was built for"
    default: nil
    }
  }

  private var loaderSentence: String? {
    switch number {
    case 1: "the xenstore page or event channel is missing"
    case 7: "the memory map could not be had"
    case 8: "a reserved range meets the memory hvmloader hands out"
    case 10: "an entry of the memory map cannot be honoured"
    case 13: "RAM above 4G does not end where hvm_info says"
    case 20: "the ISA bridge is not the one expected"
    case 21: "the power management function is not the one expected"
    case 32: "RAM could not be moved out of the window for BARs"
    case 52, 53, 55: "hvmloader's own memory is used up"
    case 54: "no page could be found for hvmloader's tables"
    case 57, 63: "the BIOS or low memory does not fit"
    case 62: "the shared-info page could not be mapped"
    case 71: "hvm_info is broken"
    case 80: "there is no BIOS image"
    case 86: "xenstore asks for a BIOS there is none of"
    default: nil
    }
  }

  private var correctionSentence: String? {
    switch (family, number) {
    case (.correctionC, 4): "host bridges stay with the hardware domain"
    case (.correctionC, 14): "the frame or the device is not one that can be meant"
    case (.correctionD, 4): "a device of unknown type can go nowhere"
    case (.correctionD, 6): "what is to be mapped or unmapped is not as it must be there"
    case (.correctionD, 9): "the device shares its id with its neighbours; with a reserved range it cannot move"
    case (.correctionD, 12): "no domain is named"
    default: nil
    }
  }
}
