import Editions
import Testing

@Suite("A failure at any place leaves a sound host")
struct FaultTests {
  @Test("I-14: every hypercall and every allocation of a life fails once", arguments: Life.all)
  func faults(_ life: Life) {
    var injection = FaultInjection(life)
    injection.injectEverywhere()
    #expect(injection.complaints == [])
    // Calls one by one have no more than a handful of places each.
    #expect(injection.injections > (life.isRaw ? 200 : 1_000) && injection.refusals > (life.isRaw ? 60 : 800))
  }

  /// What the same injections find where a bug of failure handling is planted: they are not blind.
  @Test(
    "planted bugs of failure handling are found",
    arguments: [
      (.toolstack(.failureLeavesTraces), "strict, shared tables, EPT"),
      (.toolstack(.detachFailureIgnored), "strict, shared tables, EPT"),
      (.toolstack(.destroyDetachesFirst), "strict, shared tables, EPT"),
      (.hypervisor(.failedExtentCharged), "strict, shared tables, EPT"),
      (.hypervisor(.mirrorFailureCrashes), "strict, separate tables, EPT"),
      (.hypervisor(.rollbackUnmapsEverything), "two devices share a range, relaxed"),
      (.hypervisor(.phantomFailureMovesDevice), "phantom functions"),
      (.hypervisor(.partialRangesStay), "populate on demand, refused with a device"),
      (.hypervisor(.failedAddStaysListed), "functions pulled out and put in"),
    ] as [(Quirk, String)])
  func planted(_ quirk: Quirk, _ name: String) throws {
    var life = try #require(Life.all.first { $0.name == name })
    life.header.edition = .repaired.with(quirk)
    var injection = FaultInjection(life)
    injection.injectEverywhere(firstOnly: true)
    #expect(!injection.complaints.isEmpty)
  }
}
