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

  @Test("C-9, D-2, BUG-28: 179 boots of Xen 4.20")
  func bootsOf4_20() throws {
    try expectAgreement(of: "dmar-4.20.jsonl.gz", as: DMARCase.self, count: 179, with: Edition(.xen4_20))
  }

  @Test(
    "without any one of these quirks the model departs from the recordings of 4.20",
    arguments: [
      HypervisorQuirk.satcParsed, .unknownTypesRefused, .zeroBDFEndsScope, .rangesUnbounded,
    ])
  func quirksOf4_20Show(quirk: HypervisorQuirk) throws {
    #expect(try departures(in: "dmar-4.20.jsonl.gz", from: Edition(.xen4_20).with(.hypervisor(quirk), on: false)) > 0)
  }

  @Test(
    "without any one of these quirks the model departs from the recordings",
    arguments: [
      HypervisorQuirk.existenceCheckDead, .zeroBDFEndsScope, .rangesUnbounded, .rangesInRAMAccepted,
      .registersTakenTwice, .optionCut, .optionOverlapByLastPage,
    ])
  func quirksShow(quirk: HypervisorQuirk) throws {
    #expect(try departures(in: "dmar-4.17.jsonl.gz", from: .xen4_17.with(.hypervisor(quirk), on: false)) > 0)
  }

  private func departures(in file: String, from edition: Edition) throws -> Int {
    var departing = 0
    try VectorFile(path: Bundle.module.bundlePath + "/Vectors/" + file).forEachCase(as: DMARCase.self) {
      recorded, _ in
      if !recorded.disagreements(with: edition).isEmpty { departing += 1 }
    }
    return departing
  }
}
