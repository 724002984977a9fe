import Tracing

/// Makes a failing specimen as simple as it gets while it keeps failing in the same way.
///
/// Passes run in the order of `Pass`, again and again, until none finds anything to simplify. A step is taken only if it
/// makes the `Measure` strictly smaller, keeps the rules, and the caller's predicate holds: so minimisation ends, and a
/// predicate that asks for one `Symptom` never drifts to another bug. Nothing is random.
public struct Minimiser<Text: SpecimenText> {
  /// The passes, in their order.
  public enum Pass: String, CaseIterable, Sendable {
    /// Drops events: all of a guest, then runs of falling length from the end.
    case events
    /// Sets guest options to their defaults and drops devices from `pci=`.
    case configurations
    /// Drops functions of the host, then what is special about each.
    case functions
    /// Drops BARs and makes the others plain.
    case bars
    /// Drops reserved ranges, remapping units and options, then devices from their lists.
    case ranges
    /// Sets host facts to their defaults.
    case host
    /// Cuts ranges down to a page, or to the pages around a landmark.
    case extents
    /// Gives numbers fewer significant bits.
    case numbers
    /// Names guests and devices in order.
    case names
  }

  /// What came out.
  public struct Result: Sendable {
    /// The simplest specimen found.
    public var specimen: Specimen
    /// How often the predicate was asked.
    public var calls: Int
    /// True if no pass could do more; false if the limit of calls was reached or the caller stopped it.
    public var complete: Bool
  }

  /// Whether a specimen still fails in the way that matters.
  public typealias Predicate = (Specimen) -> Bool

  /// Most calls of the predicate unless told otherwise.
  public static var defaultCallLimit: Int { 5_000 }

  let text: Text
  let rules: SpecimenRules
  let callLimit: Int
  let stop: () -> Bool
  /// The simplest specimen so far, which keeps the predicate.
  var current: Specimen
  private var measure: Measure
  private var rejected: Set<[UInt8]> = []
  private var calls = 0

  private init(_ specimen: Specimen, text: Text, rules: SpecimenRules, callLimit: Int, stop: @escaping () -> Bool) {
    self.text = text
    self.rules = rules
    self.callLimit = callLimit
    self.stop = stop
    current = specimen
    measure = Measure(of: specimen, text: text.text(of: specimen))
  }

  /// The simplest specimen that can be reached from `specimen` while `keeps` is true.
  ///
  /// `specimen` itself is taken to keep it. `keeps` is asked at most `callLimit` times, and not again once `stop` says
  /// true; what has been reached by then is returned.
  public static func minimise(
    _ specimen: Specimen, text: Text, rules: SpecimenRules = SpecimenRules(),
    callLimit: Int = Minimiser.defaultCallLimit, stop: @escaping () -> Bool = { false }, keeps: Predicate
  ) -> Result {
    var minimiser = Minimiser(specimen, text: text, rules: rules, callLimit: callLimit, stop: stop)
    var improved = true
    while improved, !minimiser.isExhausted {
      improved = false
      for pass in Pass.allCases {
        let before = minimiser.measure
        minimiser.run(pass, keeps)
        if minimiser.measure < before { improved = true }
      }
    }
    return Result(specimen: minimiser.current, calls: minimiser.calls, complete: !minimiser.isExhausted)
  }

  private var isExhausted: Bool { calls >= callLimit || stop() }

  private mutating func run(_ pass: Pass, _ keeps: Predicate) {
    switch pass {
    case .events: reduceEvents(keeps)
    case .configurations: reduceConfigurations(keeps)
    case .functions: reduceFunctions(keeps)
    case .bars: reduceBARs(keeps)
    case .ranges: reduceRanges(keeps)
    case .host: reduceHost(keeps)
    case .extents: reduceExtents(keeps)
    case .numbers: reduceNumbers(keeps)
    case .names: reduceNames(keeps)
    }
  }

  /// Takes `candidate` if it is simpler and keeps rules and predicate.
  @discardableResult
  mutating func attempt(_ candidate: Specimen, _ keeps: Predicate) -> Bool {
    guard candidate != current, !isExhausted else { return false }
    let candidateText = text.text(of: candidate)
    let candidateMeasure = Measure(of: candidate, text: candidateText)
    guard candidateMeasure < measure, !rejected.contains(candidateText),
      // What came from elsewhere, a trace of a person for one, may break a rule from the start.
      rules.violation(in: candidate) == nil || rules.violation(in: current) != nil
    else { return false }
    calls += 1
    guard keeps(candidate) else {
      rejected.insert(candidateText)
      return false
    }
    current = candidate
    measure = candidateMeasure
    return true
  }

  /// Takes the change that `body` makes, if it is one for the better.
  @discardableResult
  mutating func attempt(_ keeps: Predicate, _ body: (inout Specimen) -> Void) -> Bool {
    var candidate = current
    body(&candidate)
    return attempt(candidate, keeps)
  }

  /// Drops as many elements of a list as can go: all, halves, quarters, …, single ones, each from the end.
  mutating func drop<Element>(from list: WritableKeyPath<Specimen, [Element]>, _ keeps: Predicate) {
    var length = current[keyPath: list].count
    while length > 0 {
      var end = current[keyPath: list].count
      while end > 0 {
        let start = max(0, end - length)
        attempt(keeps) { $0[keyPath: list].removeSubrange(start..<end) }
        end = start
      }
      length /= 2
    }
  }
}
