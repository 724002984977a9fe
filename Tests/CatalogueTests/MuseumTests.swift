import Catalogue
import Editions
import Foundation
import Invariants
import Replaying
import TestSupport
import Testing
import Tracing

/// The exhibits.
private let folder = Project.folder + "/Traces/quirks"

@Suite("The museum of quirks")
struct MuseumTests {
  private let catalogue: QuirkCatalogue

  init() throws { catalogue = try QuirkCatalogue.read(folder: folder) }

  @Test("each is red with its quirk and green without: what it announces breaks, and nothing else")
  func exhibits() {
    for exhibit in catalogue.exhibits {
      #expect(exhibit.defect == nil, "\(exhibit.path)")
      for id in exhibit.announced {
        #expect(Property.named(id) != nil, "\(exhibit.path): \(id)")
      }
    }
  }

  @Test("every quirk that a life can reach has an exhibit, 200 or more; 100 or more are seen by an invariant")
  func complete() {
    let shown = Set(catalogue.exhibits.map(\.quirk))
    let missing = Quirk.all.filter { !shown.contains($0) }
    for quirk in missing { #expect(quirk.entry.unreachable != nil, "\(quirk.entry.name) has no exhibit") }
    for quirk in shown { #expect(quirk.entry.unreachable == nil, "\(quirk.entry.name) has an exhibit") }
    #expect(shown.count >= 200)
    #expect(catalogue.exhibits.count { $0.unseen == nil } >= 100)
  }

  @Test("what breaks is put down to the quirk, and in the editions that have it to a set that removes it")
  func attribution() throws {
    for exhibit in catalogue.exhibits where exhibit.unseen == nil {
      let trace = exhibit.trace
      let events = trace.steps.map(\.event)
      func violations(_ edition: Edition) -> [Violation] {
        var player = Player(machine: trace.header.machine, edition: edition)
        let broken = events.flatMap { event -> [Violation] in
          var found: [Violation] = []
          _ = player.play(event) { found.append($0) }
          return found
        }
        return broken + Metamorphosis.violations(in: events, on: trace.header.machine, in: edition).map(\.violation)
      }
      let edition = trace.header.edition
      for violation in violations(edition) {
        let attribution = Attribution(of: violation, playing: events, on: trace.header.machine, in: edition)
        #expect(attribution.isExact)
        #expect(attribution.removals.contains([exhibit.quirk]), "\(exhibit.path)")
        #expect(attribution.removals.allSatisfy { $0.count == 1 }, "\(exhibit.path)")
      }
      guard exhibit.quirk.entry.editions.contains(.xen4_17) else { continue }
      for violation in violations(.xen4_17) {
        let attribution = Attribution(of: violation, playing: events, on: trace.header.machine, in: .xen4_17)
        for removal in attribution.removals {
          let without = removal.reduce(Edition.xen4_17) { $0.with($1, on: false) }
          #expect(!violations(without).contains { $0.isSameBug(as: violation) }, "\(exhibit.path)")
        }
      }
    }
  }

  @Test("an exhibit that shows nothing, the wrong thing or too much is told from one that is right")
  func defects() throws {
    let exhibit = try #require(catalogue.exhibits.first { $0.unseen == nil && $0.defect == nil })
    func changed(_ change: (inout Trace) -> Void, quirk: Quirk? = nil) -> String? {
      var trace = exhibit.trace
      change(&trace)
      return Exhibit(quirk ?? exhibit.quirk, trace, path: "changed").defect
    }
    #expect(changed { _ in } == nil)
    #expect(changed { $0.header.edition = .repaired } != nil)
    #expect(changed { $0.header.edition = .xen4_17 } != nil)
    #expect(changed({ _ in }, quirk: Quirk.all.first { $0 != exhibit.quirk }) != nil)
    // Nothing announced; announced and said to be unseen; another invariant announced.
    func announce(_ trace: inout Trace, _ id: String?) {
      for index in trace.steps.indices {
        let had = trace.steps[index].observation?.fields.contains { $0.key == Replay.violates } == true
        trace.steps[index].observation?.fields.removeAll { $0.key == Replay.violates }
        if had, let id { trace.steps[index].observation?.fields.append(.init(Replay.violates, id)) }
      }
    }
    #expect(changed { announce(&$0, nil) } != nil)
    #expect(changed { $0.header.comments.append("unseen: because") } != nil)
    #expect(changed { announce(&$0, "nonsense") } != nil)
    // Said to be unseen, and it breaks something all the same.
    #expect(
      changed {
        announce(&$0, nil)
        $0.header.comments.append("unseen: because")
      } != nil)
    #expect(changed { $0.steps.removeAll() } != nil)
  }

  @Test("a folder that is missing, a trace named after nothing")
  func unreadable() throws {
    #expect(throws: (any Error).self) { try QuirkCatalogue.read(folder: folder + "/nowhere") }
    let scratch = FileManager.default.temporaryDirectory.appending(path: "museum-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    try "rdmtrace 1\n".write(to: scratch.appending(path: "no-such-quirk.trace"), atomically: true, encoding: .utf8)
    #expect(throws: (any Error).self) { try QuirkCatalogue.read(folder: scratch.path) }
  }
}
