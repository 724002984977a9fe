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
      // Sometimes somebody keeps the watch, so that its views have two owners, and goes on from it, too.
      let kept = result.watched.count % 3 == 1 ? watch : nil
      watch.check(event, outcome, before: Shared(earlier), after: Shared(host)) { watched.append($0) }
      if var again = kept {
        var repeated: [Violation] = []
        again.check(event, outcome, before: Shared(earlier), after: Shared(host)) { repeated.append($0) }
        #expect(repeated == watched)
      }
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

  @Test("says the same of hosts with many guests and functions, where it looks at what changed alone")
  func manyGuests() throws {
    var text = """
      rdmtrace 1
      edition repaired
      host memory=1T phys-bits=46 iommu=vt-d p2m=ept tables=separate quarantine=basic
      drhd 0xfed90000 all

      """
    func function(_ index: Int) -> String {
      let slot = String(index >> 3 & 31, radix: 16)
      return "0000:0\(index >> 8):\(slot.utf8.count < 2 ? "0" : "")\(slot).\(index & 7)"
    }
    for index in 8..<208 {
      // Pairs of functions share a range, so that groups can be split.
      let start = 0x5000_0000 + (index / 2) << 13
      let others = index % 2 == 0 ? " \(function(index + 1))" : ""
      if index % 2 == 0 {
        text += "rmrr 0x\(String(start, radix: 16))-0x\(String(start + 0xFFF, radix: 16)) \(function(index))\(others)\n"
      }
      text += "device \(function(index)) kind=pcie bar0=m64:64K@0x\(String(0x40_0000_0000 + index << 16, radix: 16))\n"
    }
    var events: [String] = []
    for guest in 1...90 { events.append("create dom\(guest) memory=256 passthrough=sync-pt") }
    for guest in 1...90 where guest % 3 == 0 { events.append("boot dom\(guest)") }
    for guest in 1...90 {
      // The other half of a pair goes to the next guest.
      events.append("attach dom\(guest) \(function(7 + guest)) policy=relaxed")
      if guest % 5 == 0 { events.append("hypercall dom0 deassign_device dom\(guest) \(function(7 + guest))") }
      if guest % 7 == 0 {
        events.append("hypercall dom0 assign_device dom\(guest) \(function(150 + guest / 7)) flags=0x1")
      }
      if guest % 6 == 0 { events.append("hypercall dom\(guest) decrease_reservation dom_self frames=0x2000,0x2002") }
      if guest % 9 == 0 { events.append("balloon dom\(guest) memory=128") }
      if guest % 11 == 0 { events.append("unplug \(function(190 - guest / 11))") }
      if guest % 13 == 0 { events.append("reboot dom\(guest)") }
    }
    for step in 0..<90 { events.append("destroy dom\(step * 7 % 90 + 1)") }
    text += (events + ["end \(events.count)"]).joined(separator: "\n")
    let trace = try Trace(parsing: text)
    var violations = 0
    for edition in [Edition.repaired, .xen4_17, Edition(.xen4_6)] {
      let (watched, full, _) = broken(by: trace.steps.map(\.event), on: trace.header.machine, in: edition)
      for (index, pair) in zip(watched, full).enumerated() where pair.0 != pair.1 {
        Issue.record("\(edition) after \(trace.steps[index].text): \(pair.0) against \(pair.1)")
      }
      violations += full.reduce(0) { $0 + $1.count }
    }
    #expect(violations > 0)
  }
}
