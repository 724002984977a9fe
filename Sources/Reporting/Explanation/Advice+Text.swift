import AddressSpace
import Editions
import Explaining
import Platform
import Toolstack

extension Change {
  /// What to do, as a user would write it.
  public var text: String {
    func names(_ devices: [SBDF]) -> String { listed(devices.map(\.description), atMost: 8) }
    return switch self {
    case .boundary(let mib): "rdm_mem_boundary=\(mib)"
    case .hole(let mib): "mmio_hole=\(mib)"
    case .memory(let mib): "memory=\(mib)"
    case .relaxed(let devices): "rdm_policy=relaxed for \(names(devices))"
    case .hostRanges(let policy): "rdm=\"strategy=host,policy=\(policy.rawValue)\" when the guest is created"
    case .withIOMMU: "passthrough=\"enabled\" when the guest is created"
    case .fromTheStart(let sbdf): "\(sbdf) in the guest's configuration, not plugged in later"
    case .quarantined(let devices):
      "xl pci-assignable-add \(devices.map(\.description).joined(separator: " ")) first (dom0 lets go of \(devices.count == 1 ? "it" : "them"))"
    case .detached(let sbdf, let guest): "xl pci-detach \(guest) \(sbdf) first"
    case .together(let devices): "\(names(devices)) passed to the same guest"
    case .skipping(let number): "without event \(number) before"
    case .relaxedFlag: "flags=0x1 in the call: relaxed, as later toolstacks have it"
    case .without(let devices): "without \(names(devices))"
    case .edition(let name): name.text
    }
  }
}

extension Change {
  /// True for what is done before the guest is made.
  fileprivate var isBefore: Bool {
    switch self {
    case .quarantined, .detached, .skipping: true
    default: false
    }
  }
}

extension Price {
  /// What is still wrong, as a clause; nil if nothing is.
  var text: String? {
    var words = violations.prefix(3).map { "\($0.invariant) breaks (\($0.detail))" }
    if violations.count > 3 { words.append("\(violations.count - 3) more invariants break") }
    if !dropped.isEmpty {
      let spans = dropped.map { $0.range?.description ?? hex($0.start) }
      words.append("the guest is not told of \(listed(spans, atMost: 3))")
    }
    if !unplaced.isEmpty { words.append("\(counted(unplaced.count, "BAR")) without a place") }
    return words.isEmpty ? nil : listed(words)
  }
}

extension Price {
  /// What is still wrong in a few words; nil if nothing is.
  var summary: String? {
    let broken = Set(violations.map(\.invariant)).sorted()
    var words = broken.isEmpty ? [] : ["\(listed(broken)) \(broken.count == 1 ? "breaks" : "break")"]
    if !dropped.isEmpty { words.append("the guest is not told of \(counted(dropped.count, "range"))") }
    if !unplaced.isEmpty { words.append("\(counted(unplaced.count, "BAR")) without a place") }
    return words.isEmpty ? nil : listed(words)
  }
}

extension Advice {
  /// What to do, in one clause.
  public var text: String {
    // What comes before the guest is said first.
    let clauses = changes.filter(\.isBefore).map(\.text) + changes.filter { !$0.isBefore }.map(\.text)
    guard clauses.count > 1, let last = clauses.last else { return clauses.first ?? "nothing" }
    return clauses.dropLast().joined(separator: ", ") + ", and " + last
  }
}

extension Explanation.Chapter {
  /// Most pieces of advice with and without a price.
  private static let limit = 4

  /// The advice worth telling: what works, and at a price where little works without or where it is one word.
  public var toldAdvice: [Advice] {
    let advice = advice ?? []
    let sound = advice.filter { $0.price.isNothing && !$0.isGivingUp }
    var priced: [Advice] = []
    for one in advice where !one.price.isNothing && !one.isGivingUp {
      if !priced.contains(where: one.isVariation) { priced.append(one) }
    }
    let giving = advice.filter { $0.isGivingUp }
    let most = sound.isEmpty ? Explanation.Chapter.limit : 1
    let simple = sound.isEmpty ? priced : priced.filter { $0.changes.count == 1 }
    return Array(sound.prefix(Explanation.Chapter.limit)) + simple.prefix(most) + giving.prefix(1)
  }

  /// What would make it go well.
  func writeAdvice(into prose: inout Prose) {
    guard advice != nil else { return }
    let told = toldAdvice
    if told.isEmpty {
      prose.add("nothing that was tried on this machine makes it better", indent: 3)
    } else {
      prose.add("what works, each run to the end:", indent: 3)
      for advice in told {
        var text = "- " + advice.text
        if let price = advice.price.text { text += "; at a price: \(price)" }
        prose.add(text, indent: 5, hanging: 2)
      }
    }
    guard let editions else { return }
    var text: String
    if editions.sound.isEmpty, editions.priced.isEmpty {
      text = "as it stands no other release does better"
    } else {
      var parts: [String] = []
      if !editions.sound.isEmpty { parts.append("all well in \(listed(editions.sound.map(\.text)))") }
      if !editions.priced.isEmpty {
        parts.append("it goes through, not without harm, in \(listed(editions.priced.map(\.text)))")
      }
      text = "as it stands: " + parts.joined(separator: "; ")
    }
    if editions.isSoundRepaired {
      text += "; without its known bugs Xen would do it well"
    } else if editions.isRefusedRepaired {
      text += "; Xen without its known bugs refuses it"
    }
    prose.add(text, indent: 3, hanging: 2)
  }
}
