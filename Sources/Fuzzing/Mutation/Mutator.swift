import Platform
import Tracing

/// One way to change a specimen.
public enum Mutation: String, CaseIterable, Sendable {
  // The host's reserved ranges.
  case moveRange, resizeRange, splitRange, duplicateRange, nudgeRange, addRange, removeRange, changeRangeDevices
  // The rest of the host.
  case changeHost, addFunction, removeFunction, changeBARs
  // Guest configurations.
  case changeMemory, changeLayout, changeOptions, changeDevices
  // The events.
  case insertEvent, regrow, deleteEvents, duplicateEvents, swapEvents, changeArguments, spliceEvents, spliceHost
}

extension Mutation {
  /// How often it comes up.
  var weight: Int {
    switch self {
    case .insertEvent: 12
    case .regrow: 24
    case .changeArguments, .deleteEvents: 5
    case .duplicateEvents, .spliceEvents: 3
    case .moveRange, .nudgeRange, .duplicateRange, .addRange, .changeRangeDevices: 3
    case .changeMemory, .changeLayout, .changeOptions, .changeDevices: 3
    case .resizeRange, .splitRange, .removeRange, .changeHost, .changeBARs, .swapEvents: 2
    case .addFunction, .removeFunction, .spliceHost: 1
    }
  }

  /// What it changes.
  var subject: Subject {
    switch self {
    case .moveRange, .resizeRange, .splitRange, .duplicateRange, .nudgeRange, .addRange, .removeRange,
      .changeRangeDevices, .changeHost, .addFunction, .removeFunction, .changeBARs:
      .host
    case .spliceHost: .both
    case .changeMemory, .changeLayout, .changeOptions, .changeDevices, .insertEvent, .regrow, .deleteEvents,
      .duplicateEvents, .swapEvents, .changeArguments, .spliceEvents:
      .life
    }
  }

  /// A part of a specimen.
  enum Subject {
    case host, life, both
  }

  /// Its place in order of declaration.
  var place: Int { Mutation.allCases.firstIndex(of: self) ?? 0 }

  /// True if it takes from another specimen.
  var isSplice: Bool { self == .spliceEvents || self == .spliceHost }
}

/// What may be changed of a specimen.
enum MutationScope: Sendable {
  /// Anything.
  case whole
  /// The host, and events only where they name devices that another host does not have.
  case host
  /// Events behind so many, nothing else.
  case life(behind: Int)

  /// Events that stay as they are.
  var kept: Int {
    if case .life(let kept) = self { kept } else { 0 }
  }

  /// Mutations, each with the sum of the weights up to it.
  var mutations: [(mutation: Mutation, sum: Int)] {
    switch self {
    case .whole: MutationScope.wholes
    case .host: MutationScope.hosts
    case .life: MutationScope.lives
    }
  }

  private static let wholes = summed { _ in true }
  private static let hosts = summed { $0 != .life }
  private static let lives = summed { $0 == .life }

  private static func summed(_ takes: (Mutation.Subject) -> Bool) -> [(mutation: Mutation, sum: Int)] {
    var sum = 0
    return Mutation.allCases.filter { takes($0.subject) }.map { mutation in
      sum += mutation.weight
      return (mutation, sum)
    }
  }
}

/// Changes specimens. What comes out keeps the rules (`SpecimenRules`) if what went in did.
public struct Mutator: Sendable {
  /// Makes whatever is new.
  public var generator: Generator
  /// The limits.
  public var rules: SpecimenRules

  /// A mutator that takes new material from `generator`.
  public init(generator: Generator = Generator(), rules: SpecimenRules = SpecimenRules()) {
    self.generator = generator
    self.rules = rules
  }

  /// `specimen` after one to eight mutations; splices take from `other`.
  public func mutated(_ specimen: Specimen, splicing other: Specimen, _ random: inout RandomSource) -> Specimen {
    mutated(specimen, .whole, splicing: { _ in other }, &random)
  }

  /// The same within `scope`, without swarm and splices if the generator is not informed; `partner` makes what splices take from when one comes up.
  func mutated(
    _ specimen: Specimen, _ scope: MutationScope, splicing partner: (inout RandomSource) -> Specimen,
    _ random: inout RandomSource
  ) -> Specimen {
    var result = specimen
    // Small steps mostly: 1, 2, 4 or 8 at falling odds.
    let wanted = 1 << random.pick([(8, 0), (4, 1), (2, 2), (1, 3)])
    // A swarm: half of all mutations are off.
    let swarm = generator.isInformed ? random.next() : .max
    var done = 0
    for attempt in 0..<(4 * wanted + 8) where done < wanted {
      // What the swarm leaves may find nothing to change.
      if attempt >= 4 * wanted, done > 0 { break }
      let mutation = drawn(from: attempt < 4 * wanted ? swarm : .max, scope.mutations, &random)
      if mutation.isSplice, !generator.isInformed { continue }
      let other = mutation.isSplice ? partner(&random) : specimen
      if apply(mutation, to: &result, behind: scope.kept, splicing: other, &random) { done += 1 }
    }
    return result
  }

  /// A mutation by weight that `swarm` has; the first one drawn if it hardly has any.
  private func drawn(
    from swarm: UInt64, _ mutations: [(mutation: Mutation, sum: Int)], _ random: inout RandomSource
  ) -> Mutation {
    var mutation = mutations[0].mutation
    for _ in 0..<4 {
      let point = random.below(mutations[mutations.count - 1].sum)
      for candidate in mutations where point < candidate.sum {
        mutation = candidate.mutation
        break
      }
      if swarm >> UInt64(mutation.place) & 1 != 0 { break }
    }
    return mutation
  }

  /// Applies one mutation; false, and nothing changed, if it finds nothing to change or would be the first to break a
  /// rule.
  public func apply(
    _ mutation: Mutation, to specimen: inout Specimen, splicing other: Specimen, _ random: inout RandomSource
  ) -> Bool {
    apply(mutation, to: &specimen, behind: 0, splicing: other, &random)
  }

  /// The same; the first `kept` events stay as they are if it is about events.
  func apply(
    _ mutation: Mutation, to specimen: inout Specimen, behind kept: Int, splicing other: Specimen,
    _ random: inout RandomSource
  ) -> Bool {
    var changed = specimen
    switch mutation {
    case .moveRange, .resizeRange, .splitRange, .duplicateRange, .nudgeRange, .addRange, .removeRange,
      .changeRangeDevices:
      mutateRanges(mutation, of: &changed, &random)
    case .changeHost: mutateHost(&changed.header.machine, &random)
    case .addFunction, .removeFunction, .changeBARs: mutateFunctions(mutation, of: &changed.header.machine, &random)
    case .changeMemory, .changeLayout, .changeOptions, .changeDevices:
      mutateConfiguration(mutation, of: &changed, behind: kept, &random)
    case .insertEvent, .regrow, .deleteEvents, .duplicateEvents, .swapEvents, .changeArguments:
      mutateEvents(mutation, of: &changed, behind: kept, &random)
    case .spliceEvents, .spliceHost: splice(mutation, other, into: &changed, behind: kept, &random)
    }
    // Only what was changed can be new or break a rule that was kept.
    var isNew = false
    var violates = false
    if mutation.subject != .life, changed.header.machine != specimen.header.machine {
      isNew = true
      violates = rules.violation(in: changed.header.machine) != nil
    }
    if mutation.subject != .host, changed.events != specimen.events {
      isNew = true
      violates = violates || rules.violation(in: changed.events) != nil
    }
    // A corpus may hold specimens beyond the rules, such as a real machine with more functions: they may stay so.
    guard isNew, !violates || rules.violation(in: specimen) != nil else { return false }
    specimen = changed
    return true
  }

  /// What generation would agree on for `specimen`: its own guest sizes and landmarks.
  func scene(of specimen: Specimen, _ random: inout RandomSource) -> Scene {
    var scene = Scene(isInformed: generator.isInformed, &random)
    for case .create(_, let configuration) in specimen.events {
      scene.landmarks.insert(layoutOf: configuration)
      if configuration.maxMemoryKiB >> 10 <= 64 << 10 {
        scene.memoriesMiB.append(max(9, configuration.maxMemoryKiB >> 10))
      }
    }
    scene.landmarks.insert(rangesOf: specimen.header.machine)
    return scene
  }
}
