import AddressSpace
import Editions
import Explaining
import Platform
import Replaying
import Simulation
import Toolstack
import Tracing

extension Explanation {
  /// Most troubles in the summary.
  private static let summaryLimit = 6
  /// Most rows of a memory map.
  static let rowLimit = 40

  /// The story of the trace at `path` as text: in short, the machine, event by event, and memory maps.
  public func text(of path: String) -> String {
    var prose = Prose()
    prose.add("\(path) in \(edition)")
    for comment in header.comments.prefix(4) { prose.add(shortened(comment, to: 400), indent: 2, hanging: 2) }
    if !header.assumed.isEmpty {
      prose.add("assumed, not observed: \(header.assumed.joined(separator: ", "))", indent: 2, hanging: 2)
    }
    writeSummary(into: &prose)
    prose.space()
    prose.add("The machine")
    machine.write(header.machine, into: &prose)
    if !chapters.isEmpty {
      prose.space()
      prose.add("What happens")
    }
    for chapter in chapters { chapter.write(into: &prose) }
    if chapters.count < eventCount {
      prose.add("\(counted(eventCount - chapters.count, "event")) more are not told", indent: 2)
    }
    for portrait in portraits {
      guard let drawing = portrait.drawing() else { continue }
      prose.space()
      prose.add(portrait.title)
      let area = AddressRange(GuestMap.xen.specialStart, GuestMap.xen.fourGiB)
      prose.add(verbatim: drawing.summing(up: area).lines(limit: Explanation.rowLimit), indent: 2)
    }
    return prose.lines.joined(separator: "\n") + "\n"
  }

  /// What went badly, why, and the first thing that would help.
  private func writeSummary(into prose: inout Prose) {
    prose.space()
    prose.add("In short")
    let troubles = chapters.filter(\.isTrouble)
    if troubles.isEmpty {
      let built = chapters.count { chapter in chapter.facts.contains { if case .built = $0 { true } else { false } } }
      var text = eventCount == 0 ? "Nothing happens." : "Nothing is refused and nothing breaks."
      if built > 0 {
        text +=
          " Builder, hvmloader and QEMU agree on where RAM lies in \(built == 1 ? "the guest" : "each of the \(built) guests")."
      }
      prose.add(text, indent: 2, hanging: 2)
    }
    for chapter in troubles.prefix(Explanation.summaryLimit) {
      prose.add("\(chapter.number). \(chapter.headline)", indent: 2, hanging: 3)
      if let advice = chapter.toldAdvice.first {
        let price = advice.price.isNothing ? "" : " (at a price, see below)"
        prose.add("What works: \(advice.text)\(price).", indent: 5, hanging: 2)
        let less = chapter.toldAdvice.first { !$0.isGivingUp && $0.changes.count < advice.changes.count }
        if let less, let text = less.price.summary {
          prose.add("Enough to get through, but \(text): \(less.text).", indent: 5, hanging: 2)
        }
      }
    }
    if troubles.count > Explanation.summaryLimit {
      prose.add("and \(troubles.count - Explanation.summaryLimit) more, see below", indent: 2)
    }
    for comparison in comparisons { prose.add(comparison.text, indent: 2, hanging: 3) }
  }
}

extension Explanation.Chapter {
  /// Most quirks that are told of one event.
  private static let quirkLimit = 6

  fileprivate func write(into prose: inout Prose) {
    let text = shortened(TraceStep(event).text, to: 240)
    prose.add("\(number). \(text)", indent: 0, hanging: 5)
    if case .query = event {
      prose.add("-> \(shortened(observation.text, to: 600))", indent: 3, hanging: 5)
    } else {
      prose.add("-> \(shortened(observation.text, to: 240))", indent: 3, hanging: 5)
    }
    if let difference { prose.add("unlike the trace: \(shortened(difference, to: 600))", indent: 3, hanging: 2) }
    writeFacts(into: &prose)
    for breakage in breakages { write(breakage, into: &prose) }
    let influences = influences.filter { influence in
      !breakages.contains { $0.attribution?.removals.contains([influence.quirk]) ?? false }
    }
    for influence in influences.prefix(Self.quirkLimit) {
      let entry = influence.quirk.entry
      prose.add("quirk \(entry.name) (\(entry.citation)): \(entry.sentence)", indent: 3, hanging: 2)
      prose.add("without it: \(shortened(influence.without, to: 240))", indent: 5, hanging: 2)
    }
    if influences.count > Self.quirkLimit {
      prose.add("and \(counted(influences.count - Self.quirkLimit, "quirk")) more that matter here", indent: 3)
    }
    if isTrouble { writeAdvice(into: &prose) }
  }

  private func write(_ breakage: Breakage, into prose: inout Prose) {
    let violation = breakage.violation
    var text = "broken: \(violation.invariant) (\(violation.stage)): \(violation.detail)."
    if let property = Property.named(violation.invariant) { text += " What should hold: \(property.sentence)" }
    prose.add(text, indent: 3, hanging: 2)
    guard let attribution = breakage.attribution else { return }
    let sound = attribution.removals.filter { !breakage.refusals.contains($0) }
    var causes: [String] = []
    if !sound.isEmpty { causes.append("it holds without \(Attribution.text(of: sound))") }
    if !breakage.refusals.isEmpty {
      causes.append("the event is refused at once without \(Attribution.text(of: breakage.refusals))")
    }
    if causes.isEmpty { causes.append("no known quirk is to blame: Xen without its known bugs does so, too") }
    prose.add(causes.joined(separator: "; "), indent: 5, hanging: 2)
  }

  /// What went badly, and why, in one sentence or two.
  var headline: String {
    let title = shortened(Self.title(of: event), to: 120)
    switch outcome {
    case .refused(let refusal):
      let error = refusal.errno.map { "\($0)" } ?? "ERROR_\(refusal.error.name)"
      return "\(title): refused with \(error)\(refusal.rule.map { " (\($0))" } ?? ""). \(reason)"
    case .lost: return "\(title): the guest is destroyed and cannot be built again. \(reason)"
    case .rejected(let reading):
      return "\(title): xl rejects the text. \(shortened(reading.messages.first ?? "", to: 200))"
    case .undefined(let fields): return "\(title): the text leaves \(listed(fields)) to whatever memory held."
    case .unmodelled(let what): return "\(title): \(what) is not modelled."
    case .crashed: return "\(title): hvmloader stops the guest. \(reason)"
    case .result(let result, let rule) where result < 0:
      let error = Errno(result: result).map { " with \($0)" } ?? ""
      return "\(title): refused\(error)\(rule.map { " (\($0))" } ?? ""). \(reason)"
    case .transferred(.fault(let rule)): return "\(title): an IOMMU fault (\(rule)); nothing is mapped there."
    case .touched(.crashed(let rule)): return "\(title): crashes the guest (\(rule))."
    default: break
    }
    if let first = breakages.first {
      let names = listed(breakages.map(\.violation.invariant), atMost: 4)
      return "\(title): goes through, but breaks \(names): \(first.violation.detail)."
    }
    return "\(title): goes through, but not as it should. \(reason)"
  }

  /// The fact that decided.
  private var reason: String {
    for fact in facts {
      switch fact {
      case .refusedCall(let call) where call.rule == outcome.rule || outcome.rule == nil:
        return capitalised(shortSentence(of: call))
      case .ranges(let account, _):
        if let text = conflictSentences(account).first { return capitalised(text) }
      case .firmware(let account):
        let count = account.report.bars.count { $0.address == 0 }
        if count > 0 { return "\(counted(count, "BAR")) without a place (LD-41)." }
      default: break
      }
    }
    return outcome.rule?.sentence.map { capitalised($0) + "." } ?? ""
  }

  private func capitalised(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }

  /// A few words for an event.
  static func title(of event: Event) -> String {
    switch event {
    case .create(let name, let guest): "create \(name)\(devices(guest))"
    case .config(let name, _): "create \(name) from its configuration"
    case .boot(let name): "boot \(name)"
    case .attach(let name, let device): "attach \(device.sbdf) to \(name)"
    case .detach(let name, let sbdf, _): "detach \(sbdf) from \(name)"
    default: TraceStep(event).text
    }
  }

  private static func devices(_ guest: GuestConfiguration) -> String {
    guest.devices.isEmpty ? "" : " with \(listed(guest.devices.map(\.sbdf.description), atMost: 4))"
  }
}

extension Explanation.Portrait {
  /// What the drawing shows.
  var title: String {
    plan == nil
      ? "Memory of \(guest) after event \(number) (ends exclusive)"
      : "What event \(number) would have built for \(guest) (ends exclusive)"
  }

  /// The guest's memory, or the plan of it; with the host's memory if `withHost`.
  func drawing(withHost: [E820Entry] = []) -> MemoryDrawing? {
    if let plan { return MemoryDrawing(of: plan, host: withHost) }
    return MemoryDrawing(of: guest, on: host, host: withHost)
  }
}
