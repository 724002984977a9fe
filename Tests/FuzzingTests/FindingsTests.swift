import Editions
import Storage
import TestSupport
import Testing

@testable import Fuzzing

@Suite("Findings")
struct FindingsTests {
  @Test("a finding becomes a gzip trace and a verdict, named after invariant and hash")
  func folder() throws {
    let path = temporaryFolder() + "/findings"
    let outcome = try CampaignTests.run(CampaignTests.plan(1500))
    var finding = try #require(outcome.report.findings.first)
    let folder = FindingFolder(path: path, text: ReflectedText(), verdict: { Array("verdict: \($0.detail)\n".utf8) })
    let name = try folder.save(finding)
    let hash = ReflectedText().hash(of: ReflectedText().text(of: finding.specimen))
    #expect(name == "\(path)/\(finding.symptom.invariant)-\(hash).trace.gz")
    // Again: same name, same bytes.
    #expect(try folder.save(finding) == name)
    #expect(try read(name) == ReflectedText().text(of: finding.specimen))
    let verdict = "\(path)/\(finding.symptom.invariant)-\(hash).verdict.txt"
    #expect(try read(verdict) == Array("verdict: \(finding.detail)\n".utf8))
    finding.symptom.invariant = "../no way/ä"
    #expect(folder.name(of: finding) == "---no-way----\(hash)")
    let nowhere = FindingFolder(path: "/dev/null/findings", text: ReflectedText(), verdict: { _ in [] })
    #expect(throws: CampaignFailure.self) { try nowhere.save(finding) }
  }

  private func read(_ path: String) throws -> [UInt8] {
    let source = try ByteSource(path: path)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = try source.read(into: &chunk)
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }

  private func issues(_ text: String) throws -> KnownIssues { try KnownIssues(text: text, file: "known-issues") }

  @Test("a list of known issues: columns, comments, editions with changes, patterns")
  func parsing() throws {
    let known = try issues(
      """
      # a comment

      xen-4.17  inv-a  toolstack  *   # any relation
        xen-4.17,-last-unit-decides\tinv-b hypervisor - # none
      repaired inv-c firmware a*b*c%20d # blanks # and a hash in the reason
      """)
    #expect(known.issues.map(\.line) == [3, 4, 5])
    #expect(known.issues[1].edition == .xen4_17.with(.hypervisor(.lastUnitDecides), on: false))
    #expect(known.issues[1].relation == "" && known.issues[2].reason == "blanks # and a hash in the reason")
    func line(_ edition: Edition, _ invariant: String, _ stage: String, _ relation: String) -> Int? {
      known.issue(for: Symptom(invariant: invariant, stage: stage, relation: relation), under: edition)?.line
    }
    #expect(line(.xen4_17, "inv-a", "toolstack", "") == 3)
    #expect(line(.xen4_17, "inv-a", "toolstack", "anything at all") == 3)
    #expect(line(.repaired, "inv-a", "toolstack", "") == nil)
    #expect(line(.xen4_17, "inv-a", "firmware", "") == nil)
    #expect(line(.xen4_17, "inv-b", "hypervisor", "") == nil)
    #expect(line(.repaired, "inv-c", "firmware", "abc d") == 5)
    #expect(line(.repaired, "inv-c", "firmware", "axxbxbyyc d") == 5)
    #expect(line(.repaired, "inv-c", "firmware", "abc dx") == nil)
    #expect(line(.repaired, "inv-c", "firmware", "ac d") == nil)
  }

  @Test("patterns end in time on hostile input")
  func hostilePattern() throws {
    let pattern = String(repeating: "*a", count: 200) + "b"
    let known = try issues("repaired inv stage \(pattern) # slow?")
    let text = String(repeating: "a", count: 20_000)
    #expect(known.issue(for: Symptom(invariant: "inv", stage: "stage", relation: text), under: .repaired) == nil)
  }

  @Test(
    "a misspelt line is an error that names file, line and what was expected",
    arguments: [
      "xen-4.17 inv stage", "xen-4.17 inv stage rel", "xen-4.17 inv stage rel #", "xen-4.17 inv stage rel #   ",
      "xen-4.99 inv stage rel # r", "xen-4.17,+nothing inv stage rel # r", "xen-4.17, inv stage rel # r",
      "xen-4.17 inv* stage rel # r", "xen-4.17 inv st*age rel # r", "xen-4.17 - stage rel # r",
      "xen-4.17 inv stage %2 # r", "xen-4.17 inv stage rel more # r",
      "xen-4.17,+last-unit-decides inv stage rel # r", "repaired a b c # twin of line 1",
    ])
  func errors(_ line: String) throws {
    do {
      _ = try issues("repaired a b c # first\n\(line)\n")
      Issue.record("accepted \(line)")
    } catch let error as KnownIssues.ParseError {
      #expect(error.file == "known-issues" && error.line == 2 && !error.expected.isEmpty)
      #expect(error.description.hasPrefix("known-issues:2: expected "))
    }
  }

  @Test("a missing file is an error")
  func missing() {
    #expect(throws: StorageError.self) { try KnownIssues.read(path: "/dev/null/known-issues") }
  }
}
