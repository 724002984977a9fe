import Editions
import Invariants
import Testing

@testable import Exhaustion

@Suite("Reductions")
struct ReductionTests {
  @Test("of sets that differ by the names of devices one is left, and none is lost")
  func sets() {
    for (places, devices, limit) in [(3, 2, 3), (2, 3, 2), (5, 2, 2), (4, 1, 3)] {
      let all = Reservation.allSets(places: places, devices: devices, limit: limit)
      let sets = Reservation.sets(places: places, devices: devices, limit: limit)
      var covered: Set<[Reservation]> = []
      for set in sets {
        let orbit = Set(Reservation.permutations(of: devices).map { Reservation.renamed(set, by: $0) })
        #expect(covered.isDisjoint(with: orbit), "\(set) stands twice")
        #expect(Reservation.isSymmetric(set, devices: devices) == (orbit.count == 1))
        covered.formUnion(orbit)
      }
      #expect(covered == Set(all) && Set(all).count == all.count)
    }
  }

  /// Kinds of what breaks in `worlds` with the fewest events for each.
  private func kinds(_ worlds: [World], _ edition: Edition, events: Int) -> [String: Int] {
    var kinds: [String: Int] = [:]
    for world in worlds {
      guard let found = Exploration(world, in: edition, events: events).found else { continue }
      let kind = found.violation.invariant + " " + found.violation.relation
      kinds[kind] = min(kinds[kind] ?? .max, found.events.count)
    }
    return kinds
  }

  @Test("two equal devices: with all reductions and with none the same breaks, after as many events")
  func sharing() throws {
    let bounds = Bounds(ranges: 1, devices: 2, events: 2)
    let reduced = Family.sharingWorlds(bounds)
    let full = Family.sharingWorlds(bounds, isReduced: false)
    #expect(reduced.count < full.count)
    #expect(reduced.contains { $0.hasTwins })
    var broken = 0
    for name in Self.names {
      let quirk = try #require(Quirk(name: name), "\(name)")
      let edition = Edition.repaired.with(quirk)
      let all = kinds(full, edition, events: 2)
      #expect(kinds(reduced, edition, events: 2) == all, "\(quirk.name)")
      if !all.isEmpty { broken += 1 }
    }
    #expect(broken >= 6)
  }

  /// Some that show in these worlds, some that only show at the second device or guest, some that do not show.
  private static let names = [
    "relaxed-shares-across-guests", "failure-leaves-traces", "attach-failure-ignored", "one-device-rebooted",
    "identity-in-iommu-only", "relaxed-unknown", "policy-lost-on-reboot", "devices-lost-on-reboot",
    "last-unit-decides", "shared-by-list-length",
  ]

  @Test(
    "three events: states that were seen before lose nothing",
    arguments: [
      "repaired", "xen-4.17", "repaired +failure-leaves-traces", "repaired +permissions-survive-detach",
      "repaired +relaxed-shares-across-guests", "repaired +deassign-short-circuit",
    ])
  func states(_ name: String) throws {
    let edition = try Edition(parsing: name)
    for (reduced, var full) in zip(sample, sample) {
      full.isReduced = false
      let (one, other) = (
        Exploration(reduced, in: edition, events: 3), Exploration(full, in: edition, events: 3)
      )
      #expect(one.found?.events.count == other.found?.events.count, "\(reduced.family)")
      // Where nothing breaks every life was played; with a break they end at once.
      if one.found == nil { #expect(one.transitions < other.transitions) }
    }
  }

  /// Small worlds of families with small alphabets.
  private var sample: [World] {
    let worlds = Family.worlds(within: Bounds(ranges: 1, devices: 2))
    return ["layout", "texts", "sharing"].flatMap { family in worlds.filter { $0.family == family }.suffix(2) }
  }
}
