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

  @Test(
    "286 runs with the same seeds under two other versions",
    arguments: [("hypervisor-4.14.jsonl.gz", Edition.Name.xen4_14), ("hypervisor-4.20.jsonl.gz", .xen4_20)])
  func otherVersions(file: String, edition: Edition.Name) throws {
    try expectAgreement(of: file, as: HypervisorCase.self, count: 286, with: Edition(edition))
  }

  @Test("136 scripts")
  func scripts() throws {
    try expectAgreement(of: "hypervisor-scripts-4.17.jsonl.gz", as: HypervisorScriptCase.self, count: 136)
  }

  @Test("71 scripts of Xen 4.20")
  func scriptsOf4_20() throws {
    try expectAgreement(
      of: "hypervisor-scripts-4.20.jsonl.gz", as: HypervisorScriptCase.self, count: 71, with: Edition(.xen4_20))
  }

  @Test(
    "without any one of these quirks the model departs from the recordings of its version",
    arguments: [
      ("hypervisor-4.14.jsonl.gz", Edition.Name.xen4_14, HypervisorQuirk.recordAfterPages),
      ("hypervisor-4.14.jsonl.gz", .xen4_14, .failedAddCounted),
      ("hypervisor-scripts-4.20.jsonl.gz", .xen4_20, .ownerlessRemovalRefused),
      ("hypervisor-scripts-4.20.jsonl.gz", .xen4_20, .sourceNeedsAccess),
      ("hypervisor-scripts-4.17.jsonl.gz", .xen4_17, .ownerlessRemovalCrashes),
    ])
  func quirksShow(file: String, name: Edition.Name, quirk: HypervisorQuirk) throws {
    let edition = Edition(name).with(.hypervisor(quirk), on: false)
    let departing =
      file.contains("scripts")
      ? try departures(in: file, as: HypervisorScriptCase.self, from: edition)
      : try departures(in: file, as: HypervisorCase.self, from: edition)
    #expect(departing > 0)
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
