import Editions

/// How xl reads configuration text where editions differ: the toolstack's quirks, resolved once.
struct TextDecisions: Hashable, Sendable {
  /// Whether `+=` is read.
  enum Addition { case unknown, known }
  /// Whether lists may hold lists.
  enum NestedLists { case refused, allowed }
  /// Where the explanation of Python code is found.
  enum WikiScheme: String { case http, https }
  /// What tells the kind of guest.
  enum GuestKind { case builderOnly, typeAndBuilder }
  /// How the kind of guest is compared.
  enum KindMatch { case prefix, whole }
  /// When devices are read, and when `rdm` (BL-39).
  enum DeviceOrder { case last, beforeGlobalPolicy, first }
  /// Whether `passthrough` is read (BL-11).
  enum PassthroughWord { case unknown, known }
  /// Whether `gfx_passthru` may be a word (BL-17).
  enum GraphicsWord { case numberOnly, numberOrKind }
  /// Which device models there are (BL-14).
  enum DeviceModels { case upstreamOnly, both }
  /// Whether `rdm_mem_boundary` is read (BL-7).
  enum BoundaryWord { case unknown, known }
  /// What is read of the global setting of ranges (BL-22, BL-27, and the proposals).
  enum RangeSyntax { case nothing, forceCheck, typeAndReserve, fixedOrder, anyOrder }
  /// What becomes of a global setting that cannot be read (BL-25).
  enum RangeFailure { case ignored, refused }
  /// What a global setting that is not given holds (BL-26).
  enum UnsetRangeField { case undefined, unset }
  /// Which way the policy's test goes (BL-24).
  enum PolicyTest { case inverted, straight }
  /// How policies are compared (BL-23).
  enum PolicyMatch { case exact, anyCase }
  /// Whether `invalid` is a policy (BL-23, BL-36).
  enum InvalidPolicy { case accepted, refused }
  /// The grammar of devices: up to 4.14, and since (BL-29…37).
  enum DeviceSyntax { case older, keyed }
  /// What an address without a dot leads to (BL-31).
  enum MissingDot { case readOn, refused }
  /// What becomes of a device that cannot be read (BL-38).
  enum DeviceFailure { case skipped, refused }
  /// What `*` for the function leads to in the older grammar.
  enum AllFunctions { case undefined, dies, known }
  /// The device's own policy: its key (BL-36).
  enum DevicePolicyKey { case none, reserve, policy }

  var addition: Addition
  var nestedLists: NestedLists
  var wikiScheme: WikiScheme
  var guestKind: GuestKind
  var kindMatch: KindMatch
  var deviceOrder: DeviceOrder
  var passthroughWord: PassthroughWord
  var graphicsWord: GraphicsWord
  var deviceModels: DeviceModels
  var boundaryWord: BoundaryWord
  var rangeSyntax: RangeSyntax
  var rangeFailure: RangeFailure
  var unsetRangeField: UnsetRangeField
  var policyTest: PolicyTest
  var policyMatch: PolicyMatch
  var invalidPolicy: InvalidPolicy
  var deviceSyntax: DeviceSyntax
  var missingDot: MissingDot
  var deviceFailure: DeviceFailure
  var allFunctions: AllFunctions
  var devicePolicyKey: DevicePolicyKey

  init(_ quirks: QuirkSet<ToolstackQuirk>) {
    func choose<Decision>(_ quirk: ToolstackQuirk, _ odd: Decision, else sound: Decision) -> Decision {
      quirks.contains(quirk) ? odd : sound
    }
    addition = choose(.additionUnknown, .unknown, else: .known)
    nestedLists = choose(.nestedListsRefused, .refused, else: .allowed)
    wikiScheme = choose(.wikiByHTTP, .http, else: .https)
    guestKind = choose(.typeWordUnknown, .builderOnly, else: .typeAndBuilder)
    kindMatch = choose(.guestKindByPrefix, .prefix, else: .whole)
    deviceOrder = choose(
      .devicesReadLast, .last, else: choose(.globalPolicyReadLast, .beforeGlobalPolicy, else: .first))
    passthroughWord = choose(.passthroughWordUnknown, .unknown, else: .known)
    graphicsWord = choose(.graphicsKindUnknown, .numberOnly, else: .numberOrKind)
    deviceModels = choose(.traditionalModelGone, .upstreamOnly, else: .both)
    boundaryWord = choose(.boundaryWordUnknown, .unknown, else: .known)
    rangeSyntax = choose(
      .rangeWordsUnknown, .nothing,
      else: choose(
        .forceCheckWord, .forceCheck,
        else: choose(.reserveWords, .typeAndReserve, else: choose(.rangeWordsInOrder, .fixedOrder, else: .anyOrder))))
    rangeFailure = choose(.rangeFailureIgnored, .ignored, else: .refused)
    unsetRangeField = choose(.rangeResultUninitialised, .undefined, else: .unset)
    policyTest = choose(.rangePolicyTestInverted, .inverted, else: .straight)
    policyMatch = choose(.policyWordsExact, .exact, else: .anyCase)
    invalidPolicy = choose(.invalidIsAPolicy, .accepted, else: .refused)
    deviceSyntax = choose(.deviceGrammarOlder, .older, else: .keyed)
    missingDot = choose(.addressWithoutDot, .readOn, else: .refused)
    deviceFailure = choose(.badDeviceSkipped, .skipped, else: .refused)
    allFunctions = choose(
      .allFunctionsUninitialised, .undefined, else: choose(.allFunctionsDie, .dies, else: .known))
    devicePolicyKey = choose(
      .rangeWordsUnknown, .none,
      else: choose(.forceCheckWord, .none, else: choose(.reserveWords, .reserve, else: .policy)))
  }
}
