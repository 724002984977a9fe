import Editions
import Explaining
import Invariants
import Platform
import Replaying
import Simulation
import Testing
import Tracing

/// What is told to work does, on a host that knows nothing of the search.
@Suite("Advice")
struct AdviceTests {
  /// The observations of the trace as it reads back from its text, broken invariants among them.
  private func replayed(_ trace: Trace) throws -> [(event: Event, observation: Observation)] {
    let read = try Trace(parsing: trace.text)
    var player = Player(machine: read.header.machine, edition: read.header.edition)
    return read.steps.map { ($0.event, Replay.observe($0.event, with: &player)) }
  }

  private func violations(_ observation: Observation) -> [String] {
    observation.fields.filter { $0.key == Replay.violates }.map(\.value)
  }

  @Test(
    "each advice that is told holds in a replay of its trace, and without it the event went badly",
    arguments: ["reports", "design-2014", "libxl-2015", "hypervisor", "loader", "invariants"])
  func verified(_ folder: String) throws {
    var told = 0
    for path in try Stories.paths(in: "Traces/" + folder) {
      let explanation = try Stories.explanation(path)
      for chapter in explanation.chapters {
        for advice in chapter.toldAdvice {
          told += 1
          let seen = try replayed(advice.trace)
          let place: Comment = "\(path), event \(chapter.number): \(advice.text)"
          // The event in question is last, or before the boot that shows what its guest came to.
          let last = try #require(seen.last, place)
          let isBoot = if case .boot = chapter.event { true } else { false }
          let boots = if case .boot = last.event { !isBoot } else { false }
          #expect(boots ? last.observation.words == ["ok"] : true, place)
          let target = seen[seen.count - (boots ? 2 : 1)]
          let isDone = ["ok", "0"].contains(target.observation.words.first)
          #expect(isDone, "\(place) leads to \(target.observation.text)")
          // Nothing breaks at the end that is not said.
          let broken = Set(seen.suffix(boots ? 2 : 1).flatMap { violations($0.observation) })
          #expect(broken.isSubset(of: advice.price.violations.map(\.invariant)), "\(place) breaks \(broken)")
        }
        if !chapter.toldAdvice.isEmpty { #expect(chapter.isTrouble) }
      }
    }
    #expect(told > 0)
  }

  @Test("what is said to be still wrong is wrong")
  func prices() throws {
    var priced = 0
    for path in try Stories.paths(in: "Traces/reports") {
      for advice in try Stories.explanation(path).chapters.flatMap(\.toldAdvice) where !advice.price.isNothing {
        priced += 1
        let broken = Set(try replayed(advice.trace).flatMap { violations($0.observation) })
        #expect(broken.isSuperset(of: advice.price.violations.map(\.invariant)))
      }
    }
    #expect(priced > 0)
  }

  @Test(
    "the smallest changes are found: another boundary, less memory, a hole, relaxed, the whole group, a later release")
  func kinds() throws {
    func advice(_ path: String, event: Int) throws -> [[Change]] {
      let chapter = try #require(try Stories.explanation(path).chapters.first { $0.number == event })
      return (chapter.advice ?? []).map(\.changes)
    }
    // 0x7d000000 is 2000 MiB: the boundary must lie below it, RAM with 8 of video may end there.
    let laptop = try advice("Traces/reports/r06-openxt-three-ranges.trace", event: 3)
    #expect(laptop.contains([.boundary(mib: 1999)]))
    #expect(laptop.contains([.memory(mib: 2008)]))
    #expect(laptop.contains([.hole(mib: 2096)]))
    let (first, second, third) = (try sbdf("00:1a.0"), try sbdf("00:1d.0"), try sbdf("00:14.0"))
    let group = try advice("Traces/reports/r01-qubes-two-ehci-one-range.trace", event: 1)
    #expect(group.contains([.relaxed([first, second])]))
    #expect(group.contains([.relaxed([first, second]), .quarantined([third])]))
    #expect(group.contains([.relaxed([first, second]), .together([third])]))
    let plugged = try advice("Traces/reports/r02-qubes-faq-shared-range.trace", event: 5)
    #expect(plugged.contains([.skipping(number: 3)]))
    // Since XSA-400 a conventional device behind a bridge stays where it is.
    let bridge = try Stories.explanation("Traces/hypervisor/s11-conventional-behind-a-bridge.trace")
    #expect(bridge.chapters[3].editions?.sound == [.xen4_6, .xen4_9])
  }

  private func sbdf(_ text: String) throws -> SBDF { try #require(SBDF(text)) }

  @Test("the largest memory that is advised is the largest that works")
  func largest() throws {
    let text = """
      rdmtrace 1
      edition xen-4.17
      host memory=16G
      rmrr 0x70000000-0x70001fff 0000:00:02.0
      device 0000:00:02.0 id=8086:1616 class=0300
      create dom1 memory=MEMORY pci=0000:00:02.0
      end 1
      """
    func explained(_ memory: Int) throws -> Explanation.Chapter {
      let trace = try Trace(parsing: text.replacing("MEMORY", with: "\(memory)"))
      return try #require(Explanation(of: trace).chapters.first)
    }
    #expect(try explained(4096).advice?.map(\.changes).contains([.memory(mib: 1800)]) == true)
    #expect(try !explained(1800).isTrouble)
    #expect(try explained(1801).isTrouble)
  }
}
