import Catalogue
import Editions
import Platform
import Replaying
import TestSupport
import Testing
import Tracing

@testable import Exhaustion

@Suite("Search for planted bugs")
struct QuirkSearchTests {
  private static let exhibits = Result { try QuirkCatalogue.read(folder: Project.folder + "/Traces/quirks") }

  /// Found at once, so that a test can afford them; `exhaust --quirks` finds more.
  private static let names = [
    "partial-ranges-stay", "failed-add-stays-listed", "test-for-nobody-crashes", "identity-in-iommu-only",
    "identity-not-mirrored", "populate-replaces-identity", "zero-bdf-ends-scope", "usb-ranges-ignored",
    "memory-counted-twice", "module-mapped-at-zero", "module-populated-twice", "fixed-areas-unchecked",
    "relaxed-unknown", "rdm-failure-ignored", "all-functions-die", "bars-ignore-ranges", "high-window-from-zero",
    "appended-ram-lost", "special-area-ranges-accepted", "dynamic-area-ranges-accepted",
  ]

  @Test("the smallest counterexample is no larger than the museum's trace")
  func museum() throws {
    let museum = try Self.exhibits.get()
    let quirks = try Self.names.map { try #require(Quirk(name: $0), "\($0)") }
    let outcome = QuirkSearch.run(quirks, within: Bounds(size: 4), workers: 2)
    for search in outcome.searches {
      let found = try #require(search.counterexample, "\(search.quirk.name)")
      #expect(found.isReproduced, "\(search.quirk.name)")
      #expect(found.trace.header.edition == search.sound.with(search.quirk))
      let exhibit = try #require(museum.exhibit(of: search.quirk), "\(search.quirk.name)").trace
      let events = exhibit.steps.count { if case .query = $0.event { false } else { true } }
      let size = Size(of: exhibit.header.machine, events: events)
      #expect(found.size.total <= size.total, "\(search.quirk.name)")
    }
  }

  @Test("bugs that only show beside others have the company they have in the museum")
  func companions() throws {
    let museum = try Self.exhibits.get()
    for quirk in Quirk.all where !quirk.companions.isEmpty {
      let exhibit = try #require(museum.exhibit(of: quirk), "\(quirk.name)")
      #expect(exhibit.trace.header.edition == quirk.companions.reduce(Edition.repaired) { $0.with($1) }.with(quirk))
    }
  }

  @Test("what is compared with the sound edition comes to the same as what is played by itself")
  func comparison() {
    let worlds = Family.worlds(within: Bounds(ranges: 1, devices: 2))
    var found = 0
    // Some worlds of each family, with and without devices and ranges.
    for family in Family.all {
      let mine = worlds.filter { $0.family == family.name }
      for index in stride(from: 0, to: mine.count, by: max(1, mine.count / 3)) {
        let world = mine[index]
        let events = family.name == "faults" ? 1 : 2
        let quirks = Quirk.all.filter(\.companions.isEmpty)
        let comparison = Comparison(world, in: .repaired, planting: quirks, events: events, stop: { false })
        for (quirk, other) in zip(quirks, comparison.found) {
          let alone = Exploration(world, in: Edition.repaired.with(quirk), events: events).found
          #expect(alone?.events.count == other?.events.count, "\(quirk.name) in \(world.family) \(index)")
          if alone != nil { found += 1 }
        }
      }
    }
    #expect(found > 25)
  }
}
