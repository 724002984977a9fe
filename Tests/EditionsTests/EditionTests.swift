import Editions
import Testing

@Suite("Editions")
struct EditionTests {
  @Test("every quirk has a name of its own, a sentence and a citation")
  func quirksAreDescribed() {
    #expect(Set(Quirk.all.map(\.name)).count == Quirk.all.count)
    for quirk in Quirk.all {
      #expect(quirk.name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" }, "\(quirk.name)")
      #expect(quirk.entry.sentence.hasSuffix("."), "\(quirk.name)")
      #expect(!quirk.entry.citation.isEmpty, "\(quirk.name)")
      #expect(Quirk(name: quirk.name) == quirk)
    }
  }

  @Test("HV-152: the presets of the hypervisor by release")
  func presets() {
    let releases: [Edition.Name] = [.xen4_5, .xen4_6, .xen4_9, .xen4_14, .xen4_16, .xen4_17, .xen4_20, .xenMaster]
    // One letter a release: x where the quirk holds.
    let rows: [(HypervisorQuirk, String)] = [
      (.identityInIOMMUOnly, "x......."), (.identityNotMirrored, ".x......"), (.recordAfterPages, "xxxx...."),
      (.populateReplacesIdentity, "xxx....."), (.quarantineMissing, "xx......"), (.contextBeforeMapping, "xxx....."),
      (.deassignShortCircuit, "xxx....."), (.rangesInRAMAccepted, "xxxxxx.."), (.usbRangesIgnored, "x......."),
      (.sharedUnitRuleMissing, "x......."),
    ]
    for (quirk, row) in rows {
      for (release, letter) in zip(releases, row) {
        #expect(Edition(release).has(.hypervisor(quirk)) == (letter == "x"), "\(release.text) \(quirk)")
      }
    }
  }

  @Test("repaired has no quirk")
  func repairedIsClean() { #expect(Edition.repaired.quirks.isEmpty) }

  @Test("the text of an edition reads back, with any one quirk switched", arguments: Edition.Name.allCases)
  func textRoundTrip(name: Edition.Name) throws {
    let base = Edition(name)
    for quirk in Quirk.all {
      let edition = base.with(quirk, on: !base.has(quirk))
      #expect(try Edition(parsing: edition.description) == edition)
    }
    #expect(base.description == name.text)
  }

  @Test("unknown names are refused with the word")
  func refusals() {
    #expect(throws: Edition.ParseError.unknownEdition("xen-1.0")) { try Edition(parsing: "xen-1.0") }
    #expect(throws: Edition.ParseError.unknownEdition("")) { try Edition(parsing: "") }
    #expect(throws: Edition.ParseError.unknownQuirk("+nonsense")) { try Edition(parsing: "repaired +nonsense") }
    #expect(throws: Edition.ParseError.unknownQuirk("zero-bdf-ends-scope")) {
      try Edition(parsing: "repaired zero-bdf-ends-scope")
    }
  }
}
