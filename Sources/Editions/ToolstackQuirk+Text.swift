extension ToolstackQuirk {
  /// What is known of a quirk of xl's reading of configuration text; nil for others.
  var textEntry: QuirkEntry? {
    switch self {
    case .rangePolicyTestInverted:
      QuirkEntry(
        "rdm-policy-test-inverted", "BL-24, LB-0, bdc0799fe2", in: .from(.xen4_16),
        "A global policy that is one makes the rdm text fail, and one that is none lets it pass.")
    case .rangeResultUninitialised:
      QuirkEntry(
        "rdm-result-uninitialised", "BL-26, LB-0b", in: .from(.xen4_6),
        "What the rdm text leaves out is taken from memory that nobody wrote.")
    case .rangeFailureIgnored:
      QuirkEntry(
        "rdm-failure-ignored", "BL-25", in: .from(.rfc2015),
        "An rdm text that cannot be read counts as none, and the guest is created without its ranges.")
    case .rangeWordsInOrder:
      QuirkEntry(
        "rdm-words-in-order", "BL-27, df04e202c9", in: .from(.xen4_6, through: .xen4_13),
        "The rdm text is a strategy and then a policy; one alone, or the other order, cannot be read.")
    case .reserveWords:
      QuirkEntry(
        "rdm-type-and-reserve", "section 9, review of RFC 04/13", in: .only(.rfc2015),
        "The words are type=none or host and reserve=force or try, for a device rdm_reserve (a rule of the proposal).")
    case .forceCheckWord:
      QuirkEntry(
        "rdm-forcecheck", "section 9, design mail 2.1", in: .only(.rfc2014),
        "The only word is rdm_forcecheck: all ranges of the host, each strict (a rule of the proposal).")
    case .rangeWordsUnknown:
      QuirkEntry(
        "rdm-unknown", "section 9", in: .only(.xen4_5),
        "The toolstack knows nothing of reserved ranges: no words, no list, no entries in the memory map.")
    case .policyWordsExact:
      QuirkEntry(
        "policy-words-exact", "BL-23", in: .through(.xen4_14),
        "Policies are strict and relaxed in small letters only (a rule of the release).")
    case .invalidIsAPolicy:
      QuirkEntry(
        "invalid-is-a-policy", "BL-23, BL-36", in: .from(.xen4_16),
        "A device's policy may be the word invalid, which means none and so strict.")
    case .globalPolicyReadLast:
      QuirkEntry(
        "global-policy-read-last", "BL-39", in: .only(.xen4_13),
        "Devices are read before the global policy and do not get it.")
    case .devicesReadLast:
      QuirkEntry(
        "devices-read-last", "BL-38", in: .through(.xen4_9),
        "Devices are read after the guest's other settings, so that another error comes first (a rule of the release).")
    case .deviceGrammarOlder:
      QuirkEntry(
        "pci-grammar-older", "BL-29 to BL-35, bdc0799fe2", in: .through(.xen4_14),
        "A device begins with its address, slots have no limit, and an unknown key is only reported (a rule of the release)."
      )
    case .addressWithoutDot:
      QuirkEntry(
        "bdf-without-dot", "BL-31, LB-15", in: .from(.xen4_16),
        "An address without a dot is read on at an offset that nobody wrote: its beginning, in all recordings.")
    case .allFunctionsDie:
      QuirkEntry(
        "all-functions-die", "BL-32, bdc0799fe2", in: .from(.xen4_13, through: .xen4_14),
        "xl dies on an assertion where a device is given with all its functions.")
    case .allFunctionsUninitialised:
      QuirkEntry(
        "all-functions-uninitialised", "BL-32", in: .through(.xen4_9),
        "The function of a device given with all its functions is taken from memory that nobody wrote.")
    case .badDeviceSkipped:
      QuirkEntry(
        "bad-device-skipped", "BL-38", in: .from(.xen4_5, through: .rfc2014),
        "A device that cannot be read is left out, and the guest is created without it.")
    case .guestKindByPrefix:
      QuirkEntry(
        "guest-kind-by-prefix", "section 1",
        "Any beginning of hvm, pv or pvh names the kind of guest, and no letter at all means hvm.")
    case .typeWordUnknown:
      QuirkEntry(
        "type-word-unknown", "section 1", in: .through(.xen4_9),
        "The kind of guest is told by builder only; type means nothing (a rule of the release).")
    case .additionUnknown:
      QuirkEntry(
        "addition-unknown", "a30910bfd7", in: .through(.xen4_9),
        "Settings cannot be added to with += (a rule of the release).")
    case .nestedListsRefused:
      QuirkEntry(
        "nested-lists-refused", "section 1", in: .from(.xen4_5, through: .rfc2014),
        "Lists cannot hold lists (a rule of the release).")
    case .wikiByHTTP:
      QuirkEntry(
        "wiki-by-http", "recorded: the explanation of Python code", in: .through(.xen4_13),
        "The explanation of Python code names its page by http (a rule of the release).")
    case .passthroughWordUnknown:
      QuirkEntry(
        "passthrough-unknown", "BL-11", in: .through(.xen4_9),
        "passthrough means nothing (a rule of the release).")
    case .graphicsKindUnknown:
      QuirkEntry(
        "gfx-kind-unknown", "BL-17", in: .through(.xen4_6),
        "gfx_passthru is a number only (a rule of the release).")
    case .boundaryWordUnknown:
      QuirkEntry(
        "boundary-unknown", "BL-7, section 9", in: .through(.rfc2015),
        "The boundary is 2G, and rdm_mem_boundary means nothing (a rule of the release).")
    case .traditionalModelGone:
      QuirkEntry(
        "traditional-model-gone", "BL-14, section 9", in: .from(.xen4_20),
        "There is no traditional device model (a rule of the release).")
    default: nil
    }
  }
}
