import AddressSpace
import Testing

@testable import Features

@Suite("Features")
struct FeatureTests {
  @Test("relations of two ranges, all of them on a line of six places")
  func relations() {
    var seen: Set<Relation> = []
    for a in UInt64(0)..<6 {
      for b in a + 1...6 {
        for c in UInt64(0)..<6 {
          for d in c + 1...6 {
            let relation = Relation(of: AddressRange(a, b), to: AddressRange(c, d))
            seen.insert(relation)
            let other = Relation(of: AddressRange(c, d), to: AddressRange(a, b))
            let meets = a < d && c < b
            #expect(meets == ![.below, .above, .abutsBelow, .abutsAbove].contains(relation))
            #expect((relation == .below) == (other == .above) && (relation == .abutsBelow) == (other == .abutsAbove))
            #expect((relation == .equal) == (a == c && b == d) && (relation == .equal) == (other == .equal))
          }
        }
      }
    }
    #expect(seen.count == Relation.allCases.count)
  }
}
