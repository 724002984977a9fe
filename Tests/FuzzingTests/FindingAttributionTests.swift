import Editions
import Replaying
import TestSupport
import Testing

@testable import Fuzzing

/// The quirks that the reason of a known issue names: words in front of a parenthesis.
private func quirks(namedIn reason: String) -> [Quirk] {
  reason.split(separator: " ").compactMap { Quirk(name: $0) }
}

@Suite("Attribution of random findings")
struct FindingAttributionTests {
  @Test("1,000 failures of 4.17: without the set the bug is gone, with any part of it back it is there")
  func exact() throws {
    let known = try KnownIssues.read(path: Project.folder + "/Traces/known-issues")
    let source = SpecimenSource(seed: 417)
    var executor = PlayerExecutor()
    var found = 0
    var together = 0
    var index: UInt64 = 0
    while found < 1000 {
      let specimen = source.specimen(index, for: .xen4_17)
      index += 1
      guard let symptom = executor.run(specimen).symptom else { continue }
      found += 1
      func shows(_ edition: Edition) -> Bool {
        var other = specimen
        other.header.edition = edition
        return executor.shows(symptom, in: other)
      }
      func without(_ quirks: [Quirk]) -> Edition { quirks.reduce(.xen4_17) { $0.with($1, on: false) } }
      let attribution = Attribution(of: .xen4_17, where: shows)
      #expect(attribution.isExact && !attribution.removals.isEmpty, "execution \(index - 1): \(symptom)")
      for removal in attribution.removals {
        #expect(!shows(without(removal)), "execution \(index - 1)")
        for quirk in removal where removal.count > 1 {
          #expect(shows(without(removal.filter { $0 != quirk })), "execution \(index - 1)")
          #expect(shows(without([quirk])), "execution \(index - 1)")
        }
      }
      if attribution.removals.contains(where: { $0.count > 1 }) { together += 1 }
      // The list of known issues names what it hangs on.
      let issue = try #require(known.issue(for: symptom, under: .xen4_17))
      let named = quirks(namedIn: issue.reason)
      #expect(
        attribution.removals.contains { $0.allSatisfy(named.contains) },
        "\(symptom) by \(attribution.removals.map { $0.map(\.name) }), known-issues:\(issue.line) names \(named.map(\.name))"
      )
    }
    // Both kinds are seen.
    #expect(together > 0 && together < 1000)
  }
}
