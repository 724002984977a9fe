import Editions
import Replaying
import Testing
import Tracing

/// One life, told by every edition: `diff` of two of these traces is the difference between two releases.
@Suite("One life in every edition")
struct EditionTraceTests {
  @Test("each edition has it, agrees with it, and the events are the same in all", arguments: Edition.Name.allCases)
  func life(name: Edition.Name) throws {
    func trace(_ name: Edition.Name) throws -> Trace {
      try Trace(path: CommittedTraces.root + "/Traces/editions/one-life-\(name.text).trace")
    }
    let own = try trace(name)
    #expect(own.header.edition == Edition(name))
    #expect(own.steps.allSatisfy { $0.observation != nil })
    let repaired = try trace(.repaired)
    #expect(own.steps.map(\.event) == repaired.steps.map(\.event))
    #expect(own.header.machine == repaired.header.machine)
    // No two neighbours in time but those that did not change what a guest sees.
    let same: Set<Edition.Name> = [.xen4_17, .xen4_20, .xenMaster]
    if let before = Edition.Name.allCases.last(where: { $0.rawValue < name.rawValue }), !same.contains(name) {
      #expect(try trace(before).steps != own.steps)
    }
  }
}
