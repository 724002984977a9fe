/// The value of `rdm`: which ranges a guest is told of, and what a conflict does (BL-22…28).
struct RangeText {
  /// The strategy read.
  private(set) var strategy: TextValue<GuestConfiguration.Strategy>
  /// The policy read.
  private(set) var policy: TextValue<RDMPolicy>
  /// What went to standard error; without line ends.
  private(set) var console: [UInt8] = []

  private let decisions: TextDecisions

  /// Nothing read yet: what no text says stays unset, or is whatever memory held (BL-26).
  init(_ decisions: TextDecisions) {
    self.decisions = decisions
    strategy = decisions.unsetRangeField == .undefined ? .undefined : .unset
    policy = decisions.unsetRangeField == .undefined ? .undefined : .unset
  }

  /// Reads `text`; false if it cannot be read.
  mutating func read(_ text: [UInt8]) -> Bool {
    switch decisions.rangeSyntax {
    case .nothing, .forceCheck: false
    case .typeAndReserve: readTypeAndReserve(text)
    case .fixedOrder: readInOrder(text)
    case .anyOrder: readPairs(text)
    }
  }

  private mutating func say(_ message: String, _ word: ArraySlice<UInt8>) -> Bool {
    console += Array(message.utf8) + word
    return false
  }

  // MARK: Since 4.14: any order, each optional

  private mutating func readPairs(_ text: [UInt8]) -> Bool {
    var rest = text[...]
    while true {
      guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else { return false }
      let key = rest[..<equals]
      rest = rest[(equals + 1)...]
      let isStrategy = key.elementsEqual("strategy".utf8)
      guard isStrategy || key.elementsEqual("policy".utf8) else { return say("Unknown RDM state option: ", key) }
      let word = rest.prefix { $0 != UInt8(ascii: ",") }
      guard isStrategy ? takeStrategy(word) : takePolicy(word) else { return false }
      if word.endIndex == rest.endIndex { return true }
      rest = rest[(word.endIndex + 1)...]
    }
  }

  private mutating func takeStrategy(_ word: ArraySlice<UInt8>) -> Bool {
    guard word.elementsEqual("host".utf8) else { return say("Unknown RDM strategy option: ", word) }
    strategy = .given(.host)
    return true
  }

  private mutating func takePolicy(_ word: ArraySlice<UInt8>) -> Bool {
    guard let found = decisions.policy(word) else {
      _ = say(
        decisions.policyMatch == .exact ? "Unknown RDM property policy value: " : "Unknown RDM policy: ", word)
      // A word that is none leaves the policy as it was.
      return decisions.policyTest == .inverted
    }
    policy = found
    return decisions.policyTest == .straight
  }

  // MARK: 4.6 to 4.13: a strategy, then a policy, and nothing else (BL-27)

  private mutating func readInOrder(_ text: [UInt8]) -> Bool {
    guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else { return false }
    guard text[..<equals].elementsEqual("strategy".utf8) else {
      return say("Unknown RDM state option: ", text[..<equals])
    }
    let word = text[(equals + 1)...].prefix { $0 != UInt8(ascii: ",") }
    guard takeStrategy(word) else { return false }
    let rest = text[word.endIndex...].dropFirst()
    guard let second = rest.firstIndex(of: UInt8(ascii: "=")) else { return false }
    guard rest[..<second].elementsEqual("policy".utf8) else {
      return say("Unknown RDM property value: ", rest[..<second])
    }
    let value = rest[(second + 1)...]
    let policyWord = value.prefix { $0 != UInt8(ascii: ",") }
    // What follows a comma is one too many.
    return takePolicy(policyWord) && policyWord.endIndex == value.endIndex
  }

  // MARK: The proposal of 2015: `type=host,reserve=try`

  private mutating func readTypeAndReserve(_ text: [UInt8]) -> Bool {
    for pair in text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { return false }
      let value = pair[(equals + 1)...]
      switch String(decoding: pair[..<equals], as: UTF8.self) {
      case "type":
        let types: [([UInt8], GuestConfiguration.Strategy)] = [
          (Array("none".utf8), .ignore), (Array("host".utf8), .host),
        ]
        guard let found = types.first(where: { value.elementsEqual($0.0) }) else {
          return say("Unknown RDM type option: ", value)
        }
        strategy = .given(found.1)
      case "reserve":
        guard let found = RDMPolicy(reserveWord: value) else { return say("Unknown RDM reserve option: ", value) }
        policy = .given(found)
      default:
        return say("Unknown RDM option: ", pair[..<equals])
      }
    }
    return true
  }
}

extension RDMPolicy {
  /// The policy that the proposal of 2015 called `word`: `force` or `try`.
  init?(reserveWord word: ArraySlice<UInt8>) {
    if word.elementsEqual("force".utf8) {
      self = .strict
    } else if word.elementsEqual("try".utf8) {
      self = .relaxed
    } else {
      return nil
    }
  }
}

extension TextDecisions {
  /// The policy called `word`; `unset` for the word `invalid`, nil if it is none.
  func policy(_ word: ArraySlice<UInt8>) -> TextValue<RDMPolicy>? {
    var text = Array(word)
    if policyMatch == .anyCase { text = text.lowercased }
    if text.elementsEqual("strict".utf8) { return .given(.strict) }
    if text.elementsEqual("relaxed".utf8) { return .given(.relaxed) }
    if invalidPolicy == .accepted, text.elementsEqual("invalid".utf8) { return .unset }
    return nil
  }
}

extension Array<UInt8> {
  /// With ASCII letters made small.
  var lowercased: [UInt8] { map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 } }
}
