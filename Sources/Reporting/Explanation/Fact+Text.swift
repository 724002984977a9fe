import AddressSpace
import Editions
import Explaining
import Hypercalls
import Hypervisor
import Platform
import Simulation
import Toolstack
import Tracing

extension Explanation.Chapter {
  /// What traces call the domain with Xen's number `domain`.
  func name(of domain: DomainID?) -> String {
    guard let domain else { return "nobody" }
    if let name = names[domain] { return "\(name)" }
    // One that came to nothing has no name any more: it is the event's own.
    if domain != .dom0, domain < .firstReserved, let own = event.creation(in: .repaired)?.name { return "\(own)" }
    return "\(domain)"
  }

  /// The facts, a paragraph each.
  func writeFacts(into prose: inout Prose) {
    var devicesWithoutRange: [SBDF] = []
    for fact in facts {
      switch fact {
      case .reading(let reading):
        for message in reading.messages.prefix(8) { say("xl", shortened(message, to: 300), &prose) }
        if reading.guest == nil, reading.messages.isEmpty { say("xl", "does not accept the text.", &prose) }
      case .ranges(let account, let users): writeRanges(account, users, into: &prose)
      case .built(let built): writeBuilt(built, into: &prose)
      case .refusedCall(let call): say("hypervisor", sentence(of: call), &prose)
      case .refusal(let refusal): if !isToldByRanges(refusal) { say("toolstack", sentence(of: refusal), &prose) }
      case .assignment(let assignment):
        if assignment.ranges.isEmpty {
          devicesWithoutRange.append(assignment.sbdf)
        } else {
          writeAssignment(assignment, into: &prose)
        }
      case .firmware(let account): account.write(into: &prose)
      case .touch(let touch): say("memory", sentence(of: touch), &prose)
      }
    }
    if !devicesWithoutRange.isEmpty {
      let devices = listed(devicesWithoutRange.map(\.description), atMost: 8)
      say("hypervisor", "\(devices) assigned; no reserved range goes with it.", &prose)
    }
  }

  private func say(_ stage: String, _ text: String, _ prose: inout Prose) {
    prose.add("\(stage): \(text)", indent: 3, hanging: 2)
  }

  private func isToldByRanges(_ refusal: Refusal) -> Bool {
    refusal.rule == .bl(64)
      && facts.contains { if case .ranges(let account, _) = $0 { account.isRefused } else { false } }
  }

  // MARK: Toolstack

  private func writeRanges(_ account: RangeAccount, _ users: [[SBDF]], into prose: inout Prose) {
    say("toolstack", layoutSentence(account.planned), &prose)
    for text in grouped(account, users).prefix(8) { say("toolstack", "to keep clear, \(text).", &prose) }
    for move in account.moves.prefix(8) { say("toolstack", sentence(of: move, account), &prose) }
    if account.moves.count > 8 { say("toolstack", "and so for \(account.moves.count - 8) ranges more.", &prose) }
    if !account.layout.lowMemoryGaps.isEmpty {
      let gaps = account.layout.lowMemoryGaps.map(\.description)
      say("toolstack", "RAM leaves out \(listed(gaps, atMost: 8)), as much goes above 4G.", &prose)
    }
    for text in conflictSentences(account).prefix(8) { say("toolstack", text, &prose) }
    let clear = account.ranges.filter { $0.verdict == .clear }.map { spanned($0.rdm) }
    if !account.isRefused, !clear.isEmpty {
      say("toolstack", "reserved in the guest's memory map: \(listed(clear, atMost: 8)).", &prose)
    }
  }

  /// `relaxed for 0000:04:00.1: …`, a text for each policy and set of users.
  private func grouped(_ account: RangeAccount, _ users: [[SBDF]]) -> [String] {
    var heads: [String] = []
    var spans: [String: [String]] = [:]
    for (range, users) in zip(account.ranges, users) {
      let whose = users.isEmpty ? " as the host has them" : " for \(listed(users.map(\.description), atMost: 4))"
      let head = (range.rdm.policy?.rawValue ?? "without a policy") + whose
      if spans[head] == nil { heads.append(head) }
      spans[head, default: []].append(spanned(range.rdm))
    }
    return heads.map { "\($0): \(listed(spans[$0] ?? [], atMost: 8))" }
  }

  private func writeBuilt(_ built: Fact.Built, into prose: inout Prose) {
    let ends = { (low: UInt64, high: UInt64) in "\(hex(low)) below 4G\(high == 0 ? "" : " and \(hex(high)) above")" }
    let agrees =
      built.lowMemoryEnd == built.modelLowMemoryEnd
      && max(built.highMemoryEnd, GuestMap.xen.fourGiB) == max(built.modelHighMemoryEnd, GuestMap.xen.fourGiB)
    if !agrees {
      say(
        "toolstack",
        "RAM ends at \(ends(built.lowMemoryEnd, built.highMemoryEnd)), but QEMU, which splits it by its size, takes it to end at "
          + "\(ends(built.modelLowMemoryEnd, built.modelHighMemoryEnd)) (BL-76).", &prose)
    } else if built.highMemoryEnd > GuestMap.xen.fourGiB {
      say("toolstack", "QEMU splits RAM in the same way (BL-76).", &prose)
    }
    if let hole = built.hole {
      say("toolstack", "hvmloader and QEMU are told of the hole of \(sized(hole)) (BL-76).", &prose)
    }
  }

  private func spanned(_ rdm: RDM) -> String { rdm.range?.description ?? "\(hex(rdm.start))+\(hex(rdm.size))" }

  private func layoutSentence(_ layout: GuestLayout) -> String {
    let map = GuestMap.xen
    let high = layout.highMemoryEnd > map.fourGiB ? layout.highMemoryEnd - map.fourGiB : 0
    let video = event.creation(in: .repaired)?.configuration.videoKiB ?? 0
    var text = "\(sized(layout.lowMemoryEnd &+ high)) of RAM"
    if video > 0, video != .max { text += " (the memory less \(sized(video << 10)) of video memory)" }
    text += ": up to \(hex(layout.lowMemoryEnd)) below 4G"
    if high > 0 {
      text += ", where the MMIO hole begins, and \(sized(high)) above 4G (BL-71, BL-72)."
    } else if layout.lowMemoryEnd == layout.mmioStart {
      text += ", exactly where the MMIO hole begins, and none above 4G; one MiB more would lie there (BL-72)."
    } else {
      text += ", none above 4G (BL-70)."
    }
    return text
  }

  private func sentence(of move: RangeAccount.Move, _ account: RangeAccount) -> String {
    let rdm = account.ranges[move.range].rdm
    let rounding = move.to < rdm.start ? ", rounded down to 2M (BL-59)" : ""
    return "\(spanned(rdm)) lies in that RAM, above the boundary \(hex(account.boundary)): RAM below 4G ends at "
      + "\(hex(move.to)) instead of \(hex(move.from))\(rounding), and the \(sized(move.from &- move.to)) between go "
      + "above 4G, which ends at \(hex(account.layout.highMemoryEnd)) in the end (BL-58, BL-60)."
  }

  /// What is in the way of ranges, and what comes of it: a sentence for all that fare alike, in the order of the first.
  func conflictSentences(_ account: RangeAccount) -> [String] {
    var kinds: [(verdict: RangeAccount.Verdict, isMovable: Bool, spans: [String])] = []
    for range in account.ranges {
      if range.verdict == .clear || range.verdict == .notExamined { continue }
      if let index = kinds.firstIndex(where: { $0.verdict == range.verdict && $0.isMovable == range.isMovable }) {
        kinds[index].spans.append(spanned(range.rdm))
      } else {
        kinds.append((range.verdict, range.isMovable, [spanned(range.rdm)]))
      }
    }
    return kinds.map { kind in
      let isOne = kind.spans.count == 1
      var text = "\(listed(kind.spans, atMost: 8)) \(isOne ? "meets" : "meet") "
      let (obstacle, isDropped): (RangeAccount.Obstacle, Bool) =
        switch kind.verdict {
        case .dropped(let obstacle): (obstacle, true)
        case .refused(let obstacle): (obstacle, false)
        case .clear, .notExamined: (.lowMemory, false)
        }
      switch obstacle {
      case .lowMemory:
        text += "RAM below 4G"
        if !kind.isMovable {
          text +=
            ", and \(isOne ? "does" : "do") not start above the boundary \(hex(account.boundary)): RAM does not make "
          text += "way (BL-58)"
        }
      case .highMemory: text += "RAM above 4G, which never makes way (BL-66)"
      case .firmware: text += "memory that the guest's firmware needs (BL-69)"
      }
      let outcome =
        isDropped
        ? "relaxed: a warning, and the guest is told nothing of \(isOne ? "it" : "them") (BL-65)"
        : "strict: the guest is not built (BL-64)"
      return "\(text). \(isOne ? "It is" : "They are") \(outcome)."
    }
  }

  /// Why the toolstack refused.
  func sentence(of refusal: Refusal) -> String {
    let error = refusal.errno.map { "\($0)" } ?? "ERROR_\(refusal.error.name)"
    let rule = refusal.rule.map { " (\($0))" } ?? ""
    if refusal.rule == nil, refusal.error == .notFound { return "refused with \(error): there is no such guest." }
    let reason = refusal.rule?.sentence.map { ": \($0)" } ?? ""
    return "refused with \(error)\(rule)\(reason)."
  }

  // MARK: Hypervisor

  /// What was refused by the hypervisor, and why.
  func sentence(of call: RefusedCall) -> String {
    let rule = call.rule.map { " (\($0))" } ?? ""
    let error = call.errno.map { "refused with \($0)" } ?? "stopped after \(call.result)"
    var text = "\(title(of: call.call)) \(error)\(rule)"
    if let ground = call.ground {
      text += ": \(sentence(of: ground))"
      if case .assignDevice(.io, _, _, _) = call.call, call.rule == .hv(86) {
        text += "; so on the way to dom_io, too (HV-87)"
      }
    } else if let sentence = call.rule?.sentence {
      text += ": \(sentence)"
    }
    return text + "."
  }

  /// The same where the error and the rule have been told.
  func shortSentence(of call: RefusedCall) -> String {
    guard let ground = call.ground, case .assignDevice(_, let sbdf, let flags, _) = call.call else {
      return call.rule?.sentence.map { $0 + "." } ?? sentence(of: call)
    }
    return "\(sbdf), \(flags & 1 == 0 ? "strict" : "relaxed"): \(sentence(of: ground))."
  }

  private func title(of call: Hypercall) -> String {
    switch call {
    case .assignDevice(let domain, let sbdf, let flags, _):
      "\(sbdf) to \(name(of: domain)), \(flags & 1 == 0 ? "strict" : "relaxed"):"
    case .testAssignDevice(let domain, let sbdf, _, _): "whether \(sbdf) could go to \(name(of: domain)):"
    case .deassignDevice(let domain, let sbdf, _, _): "\(sbdf) from \(name(of: domain)):"
    default: shortened(TraceStep(.hypercall(HypercallEvent(call))).text, to: 120) + ":"
    }
  }

  /// What stands behind a rule, as a clause.
  func sentence(of ground: RefusalGround) -> String {
    switch ground {
    case .sharedRange(let unit, let sbdf, let count):
      let others = unit.devices.map { SBDF(segment: unit.segment, bdf: $0) }.filter { $0 != sbdf }
      return
        "its range \(unit.span) is also that of \(listed(others.map(\.description), atMost: 6)), and strict takes a "
        + "range of one device only (\(count) are listed, whoever has them)"
    case .splitGroup(let others):
      return
        "it shares reserved pages with \(listed(others.map(\.description), atMost: 6)), which the guest does not have"
    case .reached(let unit, let domain): return "\(name(of: domain)) reaches its range \(unit.span)"
    case .occupied(let unit, let frames, let entry):
      return "\(entry.noun) is at \(frames.addresses), in the device's range \(unit.span), and nothing is ever replaced"
    case .overlapped(let unit, let other):
      return "its range \(unit.span) overlaps \(hex(other.lowerBound))-\(hex(other.upperBound)) (last byte), which the "
        + "domain has mapped"
    case .incomplete(let unit):
      return "the domain has \(unit.span) already, but not all of its pages: a relaxed device went without them"
    case .owned(let owner): return owner == nil ? "nobody has it" : "it is \(name(of: owner))'s"
    case .behindBridge(let bridge):
      return
        "its requests bear the id of the bridge \(bridge), as its neighbours' do, and it has a range: it cannot move"
    }
  }

  private func writeAssignment(_ assignment: Fact.Assignment, into prose: inout Prose) {
    var text = "\(assignment.sbdf) assigned, \(assignment.isStrict ? "strict" : "relaxed"). "
    let whole = assignment.ranges.filter(\.gaps.isEmpty).map(\.unit.span)
    if !whole.isEmpty { text += "Mapped 1:1: \(listed(whole, atMost: 8)) (HV-89). " }
    for (noun, gaps) in holes(of: assignment) {
      text += "Not mapped 1:1: \(listed(gaps, atMost: 8)), where the guest has \(noun): DMA there meets that (HV-109). "
    }
    let strangers = assignment.sharers.filter { $0.owner != nil && $0.owner != .io && names[$0.owner!] == nil }
    if !assignment.isStrict, !strangers.isEmpty {
      let words = strangers.map { "\($0.sbdf) (\(name(of: $0.owner)))" }
      text += "A warning: its ranges are also those of \(listed(words, atMost: 6)) (HV-86)."
    }
    say("hypervisor", text, &prose)
  }

  /// What of its ranges a device goes without, by what is there.
  private func holes(of assignment: Fact.Assignment) -> [(noun: String, gaps: [String])] {
    var found: [(noun: String, gaps: [String])] = []
    for gap in assignment.ranges.flatMap(\.gaps) {
      let noun = gap.entry.noun
      if let index = found.firstIndex(where: { $0.noun == noun }) {
        found[index].gaps.append("\(gap.frames.addresses)")
      } else {
        found.append((noun, ["\(gap.frames.addresses)"]))
      }
    }
    return found
  }

  // MARK: Memory

  private func sentence(of touch: Fact.Touch) -> String {
    let place =
      touch.unit.map { "\(hex(touch.address)) lies in the range \($0.span)" }
      ?? "\(hex(touch.address)) is in no reserved range"
    let who = touch.sbdf.map { "\($0), \(name(of: touch.owner))'s," } ?? "\(name(of: touch.owner))'s CPU"
    let what: String
    switch outcome {
    case .transferred(.machine(let mfn)), .touched(.machine(let mfn)): what = "reaches host frame \(hex(mfn))"
    case .transferred(.ram), .touched(.ram): what = "meets the guest's RAM"
    case .transferred(.scratch): what = "meets the scratch page of quarantine"
    case .transferred(.fault(let rule)): what = "meets nothing that is mapped: an IOMMU fault (\(rule))"
    case .touched(.crashed(let rule)): what = "crashes the guest (\(rule))"
    default: what = "sees \(observation.text)"
    }
    return "\(place); \(who) \(what)."
  }
}

extension Optional<P2MEntry> {
  /// What it is, with an article where it needs one.
  fileprivate var noun: String { map(\.noun) ?? "a hole" }
}

extension P2MEntry {
  fileprivate var noun: String {
    switch self {
    case .ram: "RAM"
    case .populateOnDemand: "promised RAM"
    case .xenPage: "a page of Xen's"
    case .direct(let mapping): mapping.isIdentity ? "an identity page" : "a mapped BAR"
    }
  }
}
