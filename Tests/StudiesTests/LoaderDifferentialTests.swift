import Editions
import Firmware
import Fuzzing
import Studies
import Testing
import Tracing

@Suite("Generated comparisons of hvmloader")
struct LoaderDifferentialTests {
  @Test("every guest that is created is booted, and a model agrees with itself")
  func same() {
    let differential = LoaderDifferential(seed: 3, in: .xen4_17, against: ModelAsFirmware(.xen4_17))
    var boots = 0
    for number: UInt64 in 0..<600 {
      let specimen = differential.specimen(number)
      for (index, event) in specimen.events.enumerated() {
        if case .create(let name, _) = event { #expect(specimen.events[index + 1] == .boot(name)) }
      }
      let result = differential.run(number)
      #expect(result.disagreement == nil)
      boots += result.boots
    }
    #expect(boots > 300)
  }

  @Test("another release is found out, by a life of one guest with one device in the end")
  func other() throws {
    let differential = LoaderDifferential(seed: 3, in: .xen4_17, against: ModelAsFirmware(Edition(.xen4_14)))
    // What two devices bring about together takes two; of a few that were found, one takes no more than one.
    let found = (0..<600).lazy.compactMap { differential.run($0).disagreement }.filter { $0.kind == "bar" }
    let reduced = found.prefix(4).map { differential.minimised($0) }
    let small = try #require(
      reduced.min { $0.specimen.header.machine.functions.count < $1.specimen.header.machine.functions.count })
    #expect(small.kind == "bar" && small.specimen.events.count == 2 && !small.differences.isEmpty)
    #expect(small.specimen.header.machine.functions.count <= 1)
    // What is written comes back, and says what differs.
    let trace = small.trace()
    let again = try Trace(parsing: trace.text)
    #expect(again == trace && again.header.comments.first == "\(small.differences[0])")
  }

  @Test("a report that is spoiled in one place differs in this kind")
  func kinds() {
    let spoilers: [(String, @Sendable (inout FirmwareReport) -> Void)] = [
      ("e820", { _ = $0.e820.popLast() }), ("log", { _ = $0.records.popLast() }),
      ("high-window", { $0.highWindow = $0.highWindow == nil ? $0.lowWindow : nil }),
      ("vm86-tss", { $0.memory.tss += 1 }),
    ]
    for (kind, spoil) in spoilers {
      let differential = LoaderDifferential(seed: 5, in: .xen4_17, against: ModelAsFirmware(.xen4_17, spoil: spoil))
      let kinds = (0..<60).compactMap { differential.run($0).disagreement?.kind }
      #expect(kinds.contains(kind), "\(kind): \(kinds)")
    }
  }
}
