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

  static let totalWeight = allCases.reduce(0) { $0 + $1.weight }

  /// Its place in order of declaration.
  var place: Int { Mutation.allCases.firstIndex(of: self) ?? 0 }

  /// True if it takes from another specimen.
  var isSplice: Bool { self == .spliceEvents || self == .spliceHost }
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
    mutated(specimen, splicing: { _ in other }, &random)
  }

  /// The same; `partner` makes what splices take from when one comes up.
  func mutated(
    _ specimen: Specimen, splicing partner: (inout RandomSource) -> Specimen, _ random: inout RandomSource
  ) -> Specimen {
    var result = specimen
    // Small steps mostly: 1, 2, 4 or 8 at falling odds.
    let wanted = 1 << random.pick([(8, 0), (4, 1), (2, 2), (1, 3)])
    // A swarm: half of all mutations are off.
    let swarm = random.next()
    var done = 0
    for attempt in 0..<(4 * wanted + 8) where done < wanted {
      // What the swarm leaves may find nothing to change.
      if attempt >= 4 * wanted, done > 0 { break }
      let mutation = drawn(from: attempt < 4 * wanted ? swarm : .max, &random)
      let other = mutation.isSplice ? partner(&random) : specimen
      if apply(mutation, to: &result, splicing: other, &random) { done += 1 }
    }
    return result
  }

  /// A mutation by weight that `swarm` has; the first one drawn if it hardly has any.
  private func drawn(from swarm: UInt64, _ random: inout RandomSource) -> Mutation {
    var mutation = Mutation.insertEvent
    for _ in 0..<4 {
      var point = random.below(Mutation.totalWeight)
      for candidate in Mutation.allCases {
        if point < candidate.weight {
          mutation = candidate
          break
        }
        point -= candidate.weight
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
    var changed = specimen
    switch mutation {
    case .moveRange, .resizeRange, .splitRange, .duplicateRange, .nudgeRange, .addRange, .removeRange,
      .changeRangeDevices:
      mutateRanges(mutation, of: &changed, &random)
    case .changeHost: mutateHost(&changed.header.machine, &random)
    case .addFunction, .removeFunction, .changeBARs: mutateFunctions(mutation, of: &changed.header.machine, &random)
    case .changeMemory, .changeLayout, .changeOptions, .changeDevices:
      mutateConfiguration(mutation, of: &changed, &random)
    case .insertEvent, .regrow, .deleteEvents, .duplicateEvents, .swapEvents, .changeArguments:
      mutateEvents(mutation, of: &changed, &random)
    case .spliceEvents, .spliceHost: splice(mutation, other, into: &changed, &random)
    }
    // A corpus may hold specimens beyond the rules, such as a real machine with more functions: they may stay so.
    guard changed != specimen, rules.violation(in: changed) == nil || rules.violation(in: specimen) != nil else {
      return false
    }
    specimen = changed
    return true
  }

  /// What generation would agree on for `specimen`: its own guest sizes and landmarks.
  func scene(of specimen: Specimen, _ random: inout RandomSource) -> Scene {
    var scene = Scene(&random)
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
