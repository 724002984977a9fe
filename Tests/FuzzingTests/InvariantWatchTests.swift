import Editions
import Invariants
import Platform
import Sharing
import Simulation
import Storage
import TestSupport
import Testing
import Tracing

@testable import Fuzzing

/// What looking only at what changed must not change.
@Suite("Invariant watch")
struct InvariantWatchTests {
  /// The invariants that `events` break, as a watch says and as a look at everything after every event says.
  ///
  /// Events go on after failures, so that broken invariants are seen to stay broken and to heal.
  private func broken(
    by events: [Event], on machine: Machine, in edition: Edition
  ) -> (watched: [[Violation]], full: [[Violation]], checks: Int) {
    var host = Host(machine: machine, edition: edition)
    var watch = InvariantWatch()
    var before: Set<String> = []
    var result: (watched: [[Violation]], full: [[Violation]], checks: Int) = ([], [], 0)
    for event in events {
      let earlier = host
      let outcome = host.apply(event)
      if case .query = event { continue }
      var watched: [Violation] = []
      watch.check(event, outcome, before: Shared(earlier), after: Shared(host)) { watched.append($0) }
      let scene = Invariant.Scene(event: event, outcome: outcome, before: earlier, after: host)
      let violations = Invariant.all.compactMap { $0.check(scene) }
      result.watched.append(watched)
      result.full.append(violations.filter { !before.contains($0.invariant) })
      before = Set(violations.map(\.invariant))
    }
    result.checks = watch.checks
    return result
  }

  @Test("says after every event of every committed trace what a look at everything says, in every edition")
  func traces() throws {
    var events = 0
    var violations = 0
    for path in try ["Traces", "Corpus"].flatMap({
      try Folder.files(under: Project.folder + "/" + $0, endings: [".trace", ".trace.gz"])
    }) {
      var reader = try TraceReader(path: path)
      var steps: [Event] = []
      while steps.count < 300, let step = try reader.next() { steps.append(step.event) }
      for edition in [reader.header.edition] + Edition.Name.allCases.map({ Edition($0) }) {
        let (watched, full, checks) = broken(by: steps, on: reader.header.machine, in: edition)
        #expect(watched == full, "\(path) in \(edition)")
        #expect(checks == watched.count * Invariant.all.count)
        events += watched.count
        violations += full.reduce(0) { $0 + $1.count }
      }
    }
    #expect(events > 20_000 && violations > 1_000)
  }

  @Test("says the same of generated specimens, with every quirk planted")
  func specimens() {
    var violations: [String: Int] = [:]
    var draw = UInt64(0)
    for quirk in Quirk.all {
      let edition = Edition.repaired.with(quirk)
      let source = SpecimenSource(seed: 11)
      for _ in 0..<40 {
        draw += 1
        let specimen = source.specimen(draw, for: edition)
        let (watched, full, _) = broken(by: specimen.events, on: specimen.header.machine, in: edition)
        #expect(watched == full, "execution \(draw) in \(edition)")
        for violation in full.joined() { violations[violation.invariant, default: 0] += 1 }
      }
    }
    #expect(violations.count >= 12, "\(violations)")
  }

  @Test("says the same in old releases, where invariants break and heal")
  func releases() {
    var violations = 0
    for name in Edition.Name.allCases {
      let source = SpecimenSource(seed: 12)
      for index in 0..<UInt64(400) {
        let specimen = source.specimen(index, for: Edition(name))
        let (watched, full, _) = broken(by: specimen.events, on: specimen.header.machine, in: Edition(name))
        #expect(watched == full, "execution \(index) in \(name.text)")
        violations += full.reduce(0) { $0 + $1.count }
      }
    }
    #expect(violations > 1_000)
  }
}
