import Editions
import Foundation
import Studies
import Testing

@Suite("DMAR recordings")
struct DMARConformanceTests {
  @Test("HV-1…HV-36: 319 boots of Xen 4.17")
  func boots() throws {
    try expectAgreement(of: "dmar-4.17.jsonl.gz", as: DMARCase.self, count: 319)
  }

  @Test(
    "without any one of these quirks the model departs from the recordings",
    arguments: [
      HypervisorQuirk.existenceCheckDead, .zeroBDFEndsScope, .rangesUnbounded, .rangesInRAMAccepted,
      .registersTakenTwice, .optionCut, .optionOverlapByLastPage,
    ])
  func quirksShow(quirk: HypervisorQuirk) throws {
    let edition = Edition.xen4_17.with(.hypervisor(quirk), on: false)
    var departing = 0
    try VectorFile(path: Bundle.module.bundlePath + "/Vectors/dmar-4.17.jsonl.gz").forEachCase(as: DMARCase.self) {
      recorded, _ in
      if !recorded.disagreements(with: edition).isEmpty { departing += 1 }
    }
    #expect(departing > 0)
  }
}
