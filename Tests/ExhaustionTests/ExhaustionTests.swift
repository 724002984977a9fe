import Editions
import Invariants
import Replaying
import Testing
import Tracing

@testable import Exhaustion

@Suite("Exhaustion")
struct ExhaustionTests {
  @Test("repaired has no counterexample in small worlds of every family")
  func repaired() {
    for bounds in [Bounds(ranges: 1, devices: 2, events: 2), Bounds(ranges: 3, devices: 1, events: 1), Bounds(size: 4)]
    {
      let exhaustion = Exhaustion(of: .repaired, within: bounds, workers: 2)
      #expect(exhaustion.counterexamples.map(\.trace.text).isEmpty, "\(bounds)")
      #expect(!exhaustion.isInterrupted && exhaustion.total.broken == 0)
      #expect(exhaustion.accounts.map(\.family) == Family.all.map(\.name))
      #expect(exhaustion.accounts.allSatisfy { $0.worlds > 0 && $0.states > 0 && $0.transitions > 0 })
    }
  }

  @Test("every counterexample comes again from its text, and no more than one is told of a kind")
  func release() {
    let exhaustion = Exhaustion(of: .xen4_17, within: Bounds(ranges: 1, devices: 1, events: 2), workers: 2)
    #expect(exhaustion.counterexamples.count > 10)
    #expect(exhaustion.counterexamples.allSatisfy { $0.isReproduced })
    for (index, counterexample) in exhaustion.counterexamples.enumerated() {
      let later = exhaustion.counterexamples[(index + 1)...]
      #expect(!later.contains { $0.violation.isSameBug(as: counterexample.violation) })
      #expect(later.allSatisfy { $0.size >= counterexample.size })
      #expect(counterexample.observed.text.contains("\(Replay.violates)=\(counterexample.violation.invariant)"))
    }
  }

  @Test("one worker and two come to the same")
  func workers() {
    let bounds = Bounds(ranges: 1, devices: 1, events: 2)
    let one = Exhaustion(of: .xen4_17, within: bounds, workers: 1)
    let two = Exhaustion(of: .xen4_17, within: bounds, workers: 2)
    #expect(one.accounts == two.accounts && one.counterexamples == two.counterexamples)
    let few = Array(Quirk.all.prefix(20))
    let searches = [1, 2].map { QuirkSearch.run(few, within: Bounds(size: 3), workers: $0) }
    #expect(searches[0].searches.map(\.counterexample) == searches[1].searches.map(\.counterexample))
    #expect(searches[0].transitions == searches[1].transitions)
  }

  @Test("a stop leaves what was found, and says that it is not all")
  func stop() {
    let exhaustion = Exhaustion(of: .repaired, within: Bounds(), workers: 2, stop: { true })
    #expect(exhaustion.isInterrupted && exhaustion.total.worlds == 0)
    let outcome = QuirkSearch.run([Quirk.all[0]], within: Bounds(), workers: 2, stop: { true })
    #expect(outcome.isInterrupted && outcome.searches.count == 1 && outcome.searches[0].exhausted == 0)
  }

  @Test("sizes: all together, then events, devices, ranges")
  func sizes() {
    let sizes = [
      Size(events: 1, devices: 1, ranges: 0), Size(events: 2, devices: 0, ranges: 0),
      Size(events: 1, devices: 1, ranges: 1), Size(events: 1, devices: 2, ranges: 0),
      Size(events: 2, devices: 0, ranges: 1),
    ]
    #expect(sizes.sorted() == sizes)
    for world in Family.worlds(within: Bounds(ranges: 2, devices: 2)) {
      let size = world.size(events: 0)
      #expect(size.devices <= 2 && size.ranges <= 2 && size.events == 0)
      #expect(Bounds(events: 5, size: 4).events(in: world) == max(0, min(5, 4 - size.total)))
      #expect(Bounds(events: 5).events(in: world) == 5)
    }
  }
}
