import Storage
import TestSupport
import Testing

@testable import Fuzzing

@Suite("Texts of the fuzzer that are broken")
struct SpoiledTextTests {
  private static let count = SpoiledInputs.count(usually: 20_000)

  @Test("spoiled lists of known issues are read or refused with a line; what is read can be asked")
  func knownIssues() {
    let rows = [
      "# a comment", "xen-4.17  ram-clear-of-ranges  toolstack  *-after-strict   # BL-53: the last policy wins", "",
      "xen-4.17,-last-unit-decides rmrr-in-one-guest hypervisor - # HV-86",
      "repaired,+last-unit-decides bars-placed firmware a*b*c*d*e # LD-39",
    ]
    var spoiler = Spoiler(
      seed: 1, samples: [Array(rows.joined(separator: "\n").utf8), Array(rows[1].utf8), Array(rows[4].utf8)],
      tokens: ["*", "**", " ", "\t", "#", "# ", "\n", ",", "-", "\\x", "\\x00", "xen-4.17", "repaired,", "\r"])
    spoiler.limit = 4_000
    let symptoms = [
      Symptom(invariant: "bars-placed", stage: "firmware", relation: String(repeating: "abcd", count: 200)),
      Symptom(invariant: "ram-clear-of-ranges", stage: "toolstack", relation: ""),
    ]
    var read = 0
    for round in 0..<Self.count {
      let bytes = spoiler.next()
      do throws(KnownIssues.ParseError) {
        let known = try KnownIssues(text: String(decoding: bytes, as: UTF8.self), file: "spoiled")
        read += 1
        for issue in known.issues { for symptom in symptoms { _ = issue.covers(symptom, under: issue.edition) } }
      } catch {
        if error.line < 1 || error.line > bytes.count + 1 { Issue.record("round \(round): \(error)") }
      }
    }
    #expect(read > Self.count / 40)
  }

  @Test("a list of known issues that no person wrote is refused, packed or not")
  func knownIssuesLimit() throws {
    let path = temporaryFolder() + "/known"
    for gzip in [false, true] {
      var file = try AtomicFile(path: path, gzip: gzip)
      for _ in 0..<2_000 { try file.write(String(repeating: "#", count: 999) + "\n") }
      try file.commit()
      let error = #expect(throws: StorageError.self) { _ = try KnownIssues.read(path: path) }
      #expect(error?.kind == .malformed)
    }
  }

  @Test("spoiled messages between campaign and worker are read or refused; what is read prints as a message again")
  func workerMessages() {
    let samples = [
      "plan seed=7 editions=repaired;xen-4.17 canary=last-unit-decides events=24 guests=3 refused=1 raw=3 faults=1",
      "ready 0123abcd", "run 0 1000", "canary 5 6", "failed 17 3 rmrr-in-one-guest hypervisor shared one\\x20two",
      "done 0 1000 24000", "error no\\x20corpus",
    ]
    var spoiler = Spoiler(
      seed: 2, samples: samples.map { Array($0.utf8) }, tokens: [" ", "=", ";", "-", "\\x", "18446744073709551615"])
    spoiler.limit = 1_000
    var read = 0
    for round in 0..<Self.count {
      guard let message = WorkerMessage(String(decoding: spoiler.next(), as: UTF8.self)) else { continue }
      read += 1
      if WorkerMessage(message.line) != message { Issue.record("round \(round): \(message)") }
    }
    #expect(read > Self.count / 40)
  }
}
