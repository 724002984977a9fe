import Editions

/// What campaign and workers say to each other: one message a line, words with single blanks between, texts escaped by
/// `WordEscape`, numbers decimal.
///
///     campaign -> worker   plan seed=7 editions=repaired;xen-4.17 canary=QUIRK events=24 guests=3 refused=1 raw=3 faults=1
///     worker -> campaign   ready CORPUS
///     campaign -> worker   run FIRST COUNT            executions FIRST to FIRST + COUNT - 1 of the campaign
///     campaign -> worker   canary FIRST COUNT         the same with the canary planted
///     worker -> campaign   failed INDEX EVENT INVARIANT STAGE RELATION DETAIL     ascending, EVENT - if unknown
///     worker -> campaign   news INDEX FEATURES LIFE   FEATURES were not known before the round; ascending by INDEX
///     worker -> campaign   done FIRST COUNT EVENTS CHECKS     after the last failure
///     campaign -> worker   lesson INDEX LIFE          execution INDEX, of a round that is over, is kept; no answer
///     campaign -> worker   learn FIRST END            these were the lessons of executions FIRST to END - 1; no answer
///     worker -> campaign   error REASON               instead of an answer
///
/// FEATURES are numbers with commas between, LIFE such lists, one for boot and each event, with semicolons between.
/// Workers learn in the order of the executions.
///
/// A worker ends when its input ends. CORPUS is a digest: a worker must have loaded the corpus its campaign has.
enum WorkerMessage: Hashable {
  case plan(WorkerPlan)
  case ready(corpus: String)
  case run(ExecutionRange)
  case canary(ExecutionRange)
  case failed(ExecutionFailure)
  case news(News)
  case lesson(Round.Kept)
  case learn(first: UInt64, end: UInt64)
  case done(ExecutionRange, events: UInt64, checks: UInt64)
  case error(String)
}

/// Executions by index.
struct ExecutionRange: Hashable {
  var first: UInt64
  var count: UInt64
}

/// An execution that failed.
struct ExecutionFailure: Hashable {
  var index: UInt64
  var event: Int?
  var symptom: Symptom
  var detail: String
}

/// The part of a plan that decides what a worker executes.
struct WorkerPlan: Hashable {
  var seed: UInt64
  var editions: [Edition]
  var canary: Quirk
  var profile: GenerationProfile

  init(_ plan: CampaignPlan) {
    seed = plan.seed
    editions = plan.editions
    canary = plan.canary.quirk
    profile = plan.profile
  }

  /// A campaign of which this is the part; the rest does not matter to a worker.
  var campaign: CampaignPlan {
    var plan = CampaignPlan(
      editions: editions, seed: seed, extent: .runs(0), canary: CampaignPlan.Canary(canary))
    plan.profile = profile
    return plan
  }
}

extension WorkerMessage {
  /// The message as a line.
  var line: String {
    switch self {
    case .plan(let plan):
      let editions = plan.editions.map { WordEscape.escaped($0.description) }.joined(separator: ";")
      let profile = plan.profile
      let raw = (profile.rawControl ? 1 : 0) + (profile.rawGuest ? 2 : 0)
      return "plan seed=\(plan.seed) editions=\(editions) canary=\(plan.canary.name) events=\(profile.eventCount) "
        + "guests=\(profile.guestCount) refused=\(profile.refusedTablesOf16) raw=\(raw) "
        + "faults=\(profile.faults ? 1 : 0)"
    case .ready(let corpus): return "ready \(WordEscape.escaped(corpus))"
    case .run(let range): return "run \(range.first) \(range.count)"
    case .canary(let range): return "canary \(range.first) \(range.count)"
    case .failed(let failure):
      return "failed \(failure.index) \(failure.event.map { String($0) } ?? "-") \(failure.symptom) "
        + WordEscape.escaped(failure.detail)
    case .news(let news):
      let new = SeenLife(features: news.features, counts: [news.features.count])
      return "news \(news.index) \(new.word) \(news.life.word)"
    case .lesson(let item): return "lesson \(item.index) \(item.life.word)"
    case .learn(let first, let end): return "learn \(first) \(end)"
    case .done(let range, let events, let checks): return "done \(range.first) \(range.count) \(events) \(checks)"
    case .error(let reason): return "error \(WordEscape.escaped(reason))"
    }
  }

  /// The message that `line` is, nil if it is none.
  init?(_ line: String) {
    // By bytes where they lie: characters would take longer than all that is done with the message.
    var line = line
    let words = line.withUTF8 { bytes in
      bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    }
    func range(_ extra: Int = 0) -> ExecutionRange? {
      guard words.count == 3 + extra, let first = UInt64(words[1]), let count = UInt64(words[2]), count > 0,
        !first.addingReportingOverflow(count).overflow
      else { return nil }
      return ExecutionRange(first: first, count: count)
    }
    switch words[0] {
    case "plan":
      guard let plan = WorkerPlan(Array(words.dropFirst())) else { return nil }
      self = .plan(plan)
    case "ready":
      guard words.count == 2, let corpus = WordEscape.unescaped(words[1]) else { return nil }
      self = .ready(corpus: corpus)
    case "run":
      guard let range = range() else { return nil }
      self = .run(range)
    case "canary":
      guard let range = range() else { return nil }
      self = .canary(range)
    case "done":
      guard let range = range(2), let events = UInt64(words[3]), let checks = UInt64(words[4]) else { return nil }
      self = .done(range, events: events, checks: checks)
    case "failed":
      guard words.count == 7, let index = UInt64(words[1]), words[2] == "-" || Int(words[2]) != nil,
        let invariant = WordEscape.unescaped(words[3]), let stage = WordEscape.unescaped(words[4]),
        let relation = WordEscape.unescaped(words[5]), let detail = WordEscape.unescaped(words[6])
      else { return nil }
      self = .failed(
        ExecutionFailure(
          index: index, event: Int(words[2]),
          symptom: Symptom(invariant: invariant, stage: stage, relation: relation), detail: detail))
    case "news":
      guard words.count == 4, let index = UInt64(words[1]), let new = SeenLife(word: words[2]), new.counts.count == 1,
        let life = SeenLife(word: words[3])
      else { return nil }
      self = .news(News(index: index, features: new.features, life: life))
    case "lesson":
      guard words.count == 3, let index = UInt64(words[1]), let life = SeenLife(word: words[2]) else { return nil }
      self = .lesson(Round.Kept(index: index, life: life))
    case "learn":
      guard words.count == 3, let first = UInt64(words[1]), let end = UInt64(words[2]), first < end else { return nil }
      self = .learn(first: first, end: end)
    case "error":
      guard words.count == 2, let reason = WordEscape.unescaped(words[1]) else { return nil }
      self = .error(reason)
    default: return nil
    }
  }
}

extension WorkerPlan {
  /// Reads the words behind `plan`: these keys, in this order.
  fileprivate init?(_ words: [String]) {
    let keys = ["seed", "editions", "canary", "events", "guests", "refused", "raw", "faults"]
    guard words.count == keys.count else { return nil }
    var values: [String] = []
    for (key, word) in zip(keys, words) {
      guard word.hasPrefix(key + "=") else { return nil }
      values.append(String(word.dropFirst(key.count + 1)))
    }
    var editions: [Edition] = []
    for word in values[1].split(separator: ";" as Character) {
      guard let text = WordEscape.unescaped(word), let edition = try? Edition(parsing: text) else { return nil }
      editions.append(edition)
    }
    guard let seed = UInt64(values[0]), !editions.isEmpty, let canary = Quirk(name: values[2]),
      let events = Int(values[3]), let guests = UInt16(values[4]), let refused = UInt64(values[5]),
      let raw = Int(values[6]), (0...3).contains(raw), let faults = Int(values[7]), (0...1).contains(faults)
    else { return nil }
    self.seed = seed
    self.editions = editions
    self.canary = canary
    profile = GenerationProfile()
    profile.eventCount = events
    profile.guestCount = guests
    profile.refusedTablesOf16 = refused
    profile.rawControl = raw & 1 != 0
    profile.rawGuest = raw & 2 != 0
    profile.faults = faults == 1
  }
}
