import Editions
import Features
import Testing
import Tracing

@testable import Fuzzing

/// Going on from kept states comes to what a run from the start comes to.
@Suite("Prefix reuse")
struct StateTreeTests {
  /// Mutants of `base` on its machine, and some on machines of their own, in the order of draws.
  private func mutants(of base: Specimen, _ count: Int, _ random: inout RandomSource) -> [Specimen] {
    let mutator = Mutator(generator: Generator(GenerationProfile()))
    return (0..<count).map { index in
      var mutant = mutator.mutated(base, splicing: base, &random)
      if index % 8 != 7 { mutant.header = base.header }
      mutant.header.edition = base.header.edition
      return mutant
    }
  }

  @Test("results, events and checks are those of runs from the start", arguments: ["repaired", "xen-4.6", "xen-4.17"])
  func sameResults(edition: String) throws {
    let edition = try Edition(parsing: edition)
    let source = SpecimenSource(seed: 21)
    var reusing = PlayerExecutor()
    var plain = PlayerExecutor(reusing: false)
    var failing = 0
    for index in 0..<UInt64(150) {
      let base = source.specimen(index, for: edition)
      var random = RandomSource(seed: 22, execution: index)
      for specimen in [base] + mutants(of: base, 24, &random) + [base] {
        let execution = reusing.run(specimen)
        #expect(execution == plain.run(specimen), "mutant of \(index)")
        if execution.symptom != nil { failing += 1 }
      }
    }
    if edition != .repaired { #expect(failing > 100) }
  }

  @Test("a run goes on behind the longest beginning it shares with a run before on the machine")
  func longestBeginning() throws {
    let trace = try Trace(
      parsing: """
        rdmtrace 1
        edition repaired
        host memory=16G
        device 0000:00:19.0 id=8086:15a2 class=0200 kind=pcie
        create dom1 memory=1024
        boot dom1
        attach dom1 0000:00:19.0
        detach dom1 0000:00:19.0
        destroy dom1
        end 5

        """)
    let specimen = Specimen(trace)
    var tree = StateTree()
    func enter(_ specimen: Specimen) -> Int {
      var (player, done) = tree.enter(specimen)
      for event in specimen.events[done...] {
        _ = player.play(event) { _ in }
        tree.keep(player, after: event)
      }
      return done
    }
    #expect(enter(specimen) == 0)
    #expect(enter(specimen) == 5)
    var other = specimen
    other.events.remove(at: 2)
    #expect(enter(other) == 2)
    #expect(enter(other) == 4)
    #expect(enter(specimen) == 5)
    other.header.machine.memory *= 2
    #expect(enter(other) == 0)
    #expect(enter(specimen) == 0, "another machine came between")
  }

  @Test("an observer is shown the same, whether it looks on at every run or at some", arguments: [1, 2])
  func sameFeatures(every: Int) throws {
    let editions = try ["repaired", "xen-4.6"].map { try Edition(parsing: $0) }
    let source = SpecimenSource(seed: 24)
    var reusing = PlayerExecutor()
    var plain = PlayerExecutor(reusing: false)
    var told = FeatureObserver()
    var witness = FeatureObserver()
    var features = 0
    for index in 0..<UInt64(100) {
      var base = source.specimen(index, for: editions[0])
      var random = RandomSource(seed: 25, execution: index)
      for (number, mutant) in ([base] + mutants(of: base, 24, &random) + [base]).enumerated() {
        for edition in editions {
          base = mutant
          base.header.edition = edition
          if number % every != 0 {
            #expect(reusing.run(base) == plain.run(base))
            continue
          }
          #expect(reusing.run(base, &told) == plain.run(base, &witness))
          #expect(told.features.ids == witness.features.ids && told.counts == witness.counts)
          features += told.features.ids.count
        }
      }
    }
    #expect(features > 10_000)
  }

  @Test("a group's specimens have one host and begin alike, unless each is new")
  func groups() {
    // Behind the rounds in which nearly all are new.
    let source = GuidanceTests.learnt(rounds: 28)
    var group: SpecimenGroup?
    var common = 0
    for index in UInt64(4096)..<4352 {
      let specimen = source.specimen(index, for: .repaired, in: &group)
      #expect(specimen == source.specimen(index, for: .repaired), "what was made before shows in \(index)")
      guard let base = group?.base, case .life(let kept)? = group?.scope else { continue }
      common += 1
      #expect(specimen.header.machine == base.header.machine)
      #expect(specimen.events.prefix(kept) == base.events.prefix(kept))
    }
    #expect(common > 50)
  }

  @Test("the number of states is limited, and past the limit runs come out the same")
  func limit() {
    let source = SpecimenSource(seed: 23)
    let machine = source.specimen(0, for: .repaired).header
    var reusing = PlayerExecutor()
    var plain = PlayerExecutor(reusing: false)
    var events = 0
    for index in 0..<UInt64(200) {
      let specimen = Specimen(header: machine, events: source.specimen(index, for: .repaired).events)
      let execution = reusing.run(specimen)
      #expect(execution == plain.run(specimen))
      events += execution.events
    }
    #expect(events > 2 * StateTree.limit)
  }
}
