import Editions
import Foundation
import Studies
import Testing

@Suite("Hypervisor against recordings")
struct HypervisorConformanceTests {
  @Test("1,500 runs of random operations")
  func randomRuns() throws {
    try expectAgreement(of: "hypervisor-4.17.jsonl.gz", as: HypervisorCase.self, count: 1_500)
  }

  @Test("136 scripts")
  func scripts() throws {
    try expectAgreement(of: "hypervisor-scripts-4.17.jsonl.gz", as: HypervisorScriptCase.self, count: 136)
  }

  @Test(
    "without any one of these quirks the model departs from the recordings",
    arguments: [
      HypervisorQuirk.lastUnitDecides, .phantomUnitUnmapped, .relaxedSharesAcrossGuests, .lastUnmapClearsAll,
      .mappingRemovalIgnoresRecords, .guardsCrash, .failedExtentCharged, .replacedRAMCharged, .mappingReplacesRAM,
      .partialRangesStay, .phantomFailureMovesDevice, .failedAddStaysListed, .shadowPagingMissing,
    ])
  func quirksShow(quirk: HypervisorQuirk) throws {
    let edition = Edition.xen4_17.with(.hypervisor(quirk), on: false)
    var departing = try departures(
      in: "hypervisor-scripts-4.17.jsonl.gz", as: HypervisorScriptCase.self, from: edition)
    if departing == 0 {
      departing = try departures(in: "hypervisor-4.17.jsonl.gz", as: HypervisorCase.self, from: edition)
    }
    #expect(departing > 0)
  }

  private func departures<Case: RecordedCase>(
    in file: String, as type: Case.Type, from edition: Edition
  ) throws -> Int {
    var departing = 0
    try VectorFile(path: Bundle.module.bundlePath + "/Vectors/" + file).forEachCase(as: type) { recorded, _ in
      if !recorded.disagreements(with: edition).isEmpty { departing += 1 }
    }
    return departing
  }
}
