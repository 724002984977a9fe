import Editions
import Testing

@testable import Replaying

/// A failure that depends on quirks alone: it is there if all quirks of one of `causes` are on and none of `masks`.
private struct Planted {
  var causes: [[Quirk]]
  var masks: [Quirk] = []

  func fails(_ edition: Edition) -> Bool {
    causes.contains { $0.allSatisfy(edition.has) } && !masks.contains(where: edition.has)
  }

  func attribution(of edition: Edition) -> Attribution { Attribution(of: edition, where: fails) }
}

@Suite("Attribution")
struct AttributionTests {
  private static let quirks = Array(Edition.xen4_17.quirks.prefix(8))

  @Test("a single cause; a cause of two, either of which removes it")
  func single() {
    for first in Self.quirks {
      #expect(Planted(causes: [[first]]).attribution(of: .xen4_17).removals == [[first]])
      for second in Self.quirks where second != first {
        let removals = Planted(causes: [[first, second]]).attribution(of: .xen4_17).removals
        #expect(Set(removals) == [[first], [second]] && removals.count == 2)
      }
    }
  }

  @Test("causes apart from each other: one quirk of each, and as few as can be", arguments: 0..<200)
  func several(seed: Int) {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func draw(_ limit: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(limit))
    }
    let causes = (0..<2 + draw(3)).map { _ in (0...draw(3)).map { _ in Self.quirks[draw(8)] } }
    let planted = Planted(causes: causes)
    let attribution = planted.attribution(of: .xen4_17)
    #expect(attribution.isExact)
    // All subsets of the eight: which sizes remove it?
    var smallest = Int.max
    for bits in 0..<1 << 8 {
      let set = (0..<8).filter { bits >> $0 & 1 == 1 }.map { Self.quirks[$0] }
      if !planted.fails(Edition.xen4_17.without(set)) { smallest = min(smallest, set.count) }
    }
    for removal in attribution.removals {
      #expect(removal.count == smallest)
      #expect(!planted.fails(Edition.xen4_17.without(removal)))
      for quirk in removal { #expect(planted.fails(Edition.xen4_17.without(removal.filter { $0 != quirk }))) }
    }
    #expect(attribution.removals.count == 1 || smallest == 1)
  }

  @Test("a bug of repaired hangs on nothing; one that a quirk hides is told from it")
  func none() {
    #expect(Attribution(of: .xen4_17) { _ in true }.removals == [])
    #expect(Attribution(of: .repaired) { _ in true }.removals == [])
    let masked = Planted(causes: [[Self.quirks[0]]], masks: [Self.quirks[1]])
    let edition = Edition.xen4_17.without([Self.quirks[1]])
    #expect(masked.attribution(of: edition).removals == [[Self.quirks[0]]])
  }
}
