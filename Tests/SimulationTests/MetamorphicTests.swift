import Editions
import Simulation
import Testing
import Tracing

/// Two lives that must come to the same.
@Suite("What makes no difference")
struct MetamorphicTests {
  private func observations(_ life: Life) -> [String] {
    let run = life.run()
    return life.events.indices.map { run.hosts[$0 + 1].observation(of: life.events[$0], run.outcomes[$0]).text }
  }

  /// Each life that faults are injected into, with `change` made to its header.
  private func expectSame(in editions: [Edition], _ change: (inout TraceHeader) -> Void) {
    for edition in editions {
      for life in Life.all {
        var one = life
        one.header.edition = edition
        var other = one
        change(&other.header)
        #expect(observations(one) == observations(other), "\(life.name) in \(edition)")
      }
    }
  }

  @Test("HV-117: shared and separate tables give the same outcomes") func tables() {
    expectSame(in: [.repaired]) { $0.machine.sharesPageTables.toggle() }
  }

  @Test("the order of device lines") func devices() {
    for edition in [Edition.repaired, .xen4_17] {
      for life in Life.all {
        var one = life
        one.header.edition = edition
        // Through the text, as a person would write them.
        var lines = Trace(one.header).text.split(separator: "\n").map(String.init)
        let places = lines.indices.filter { lines[$0].hasPrefix("device ") }
        for (place, line) in zip(places, places.reversed().map { lines[$0] }) { lines[place] = line }
        var other = one
        other.header = try! Trace(parsing: lines.joined(separator: "\n")).header
        #expect(other.header == one.header && observations(one) == observations(other))
        other.header.machine.functions.reverse()
        #expect(observations(one) == observations(other), "\(life.name) in \(edition)")
      }
    }
  }
}
