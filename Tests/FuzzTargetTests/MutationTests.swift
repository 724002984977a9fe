import Editions
import FuzzTarget
import Fuzzing
import Testing
import Tracing

@Suite("Mutation for a fuzzing engine")
struct MutationTests {
  private let edition = try! Edition(parsing: "repaired +high-bars-ignore-rdm")

  @Test("whatever goes in, what comes out is a trace that keeps the rules, in the target's edition, and fits")
  func legal() throws {
    let target = FuzzTarget(edition: edition)
    for seed in 0..<400 as Range<UInt64> {
      let input: [UInt8] =
        switch seed % 4 {
        case 0: []
        case 1: [0x0A]
        case 2: Array("rdmtrace 1\nnonsense".utf8)
        default: specimen(seed).trace.bytes
        }
      let text = target.mutated(input, most: 1 << 16, seed: seed)
      let trace = try Trace(bytes: text, name: "mutant")
      #expect(trace.header.edition == edition && trace.bytes == text)
      #expect(SpecimenRules().violation(in: Specimen(trace)) == nil)
      #expect(target.mutated(input, most: 1 << 16, seed: seed) == text)
      let small = target.mutated(input, most: 1200, seed: seed)
      #expect(small.count <= 1200 && (small.isEmpty || small == input || (try? Trace(bytes: small, name: "")) != nil))
    }
  }

  @Test("without an edition of its own a target keeps the input's")
  func kept() throws {
    var own = specimen(5)
    own.header.edition = edition
    for seed in 0..<50 as Range<UInt64> {
      let text = FuzzTarget().mutated(own.trace.bytes, most: 1 << 16, seed: seed)
      #expect(try Trace(bytes: text, name: "mutant").header.edition == edition)
    }
  }

  @Test("seeds make a difference, and most mutants are new")
  func different() {
    let target = FuzzTarget()
    let input = specimen(9).trace.bytes
    let made = (0..<200 as Range<UInt64>).map { target.mutated(input, most: 1 << 16, seed: $0) }
    #expect(Set(made).count > 150)
    #expect(made.count { $0 == input } < 10)
  }

  @Test("the engine's own mutations count where they leave a trace")
  func bytes() throws {
    let target = FuzzTarget()
    let input = specimen(9).trace.bytes
    let marked = specimen(10).trace.bytes
    let some = (0..<200 as Range<UInt64>).filter {
      target.mutated(input, most: 1 << 16, seed: $0, bytes: { _ in marked }) == marked
    }
    #expect(some.count > 5 && some.count < 60)
    for seed in some {
      let text = target.mutated(input, most: 1 << 16, seed: seed, bytes: { _ in [1, 2, 3] })
      #expect((try? Trace(bytes: text, name: "")) != nil)
    }
  }

  @Test("an engine that asks for less and less minimises a crash to half and less")
  func minimises() throws {
    let target = FuzzTarget(edition: try Edition(parsing: "repaired +device-model-keeps-split"))
    func invariant(_ text: [UInt8]) -> String? {
      if case .broken(let failure) = target.run(text) { failure.symptom.invariant } else { nil }
    }
    var tried = 0
    for seed in 0..<400 as Range<UInt64> where tried < 5 {
      var text = specimen(seed).trace.bytes
      // Short ones have nothing to lose.
      guard text.count > 1000, let first = invariant(text) else { continue }
      tried += 1
      let size = text.count
      for step in 0..<1_500 as Range<UInt64> {
        let smaller = target.mutated(text, most: text.count - 1, seed: step)
        #expect(smaller.count < text.count)
        if invariant(smaller) == first { text = smaller }
      }
      #expect(2 * text.count < size, "\(size) to \(text.count) bytes")
    }
    #expect(tried == 5)
  }

  @Test("a cross has something of both")
  func crossed() throws {
    let target = FuzzTarget()
    var mixed = 0
    for seed in 0..<200 as Range<UInt64> {
      let (one, other) = (specimen(seed), specimen(seed + 1000))
      let text = target.crossed(one.trace.bytes, with: other.trace.bytes, most: 1 << 16, seed: seed)
      #expect(target.crossed(one.trace.bytes, with: other.trace.bytes, most: 1 << 16, seed: seed) == text)
      let child = Specimen(try Trace(bytes: text, name: "child"))
      #expect(SpecimenRules().violation(in: child) == nil)
      #expect(child.header.machine == one.header.machine || child.header.machine == other.header.machine)
      if text != one.trace.bytes, text != other.trace.bytes { mixed += 1 }
    }
    #expect(mixed > 150)
  }

  @Test("where one is no trace the other is mutated; where both are none, something is made")
  func halves() throws {
    let target = FuzzTarget()
    let whole = specimen(3).trace.bytes
    for (one, other) in [([], whole), (whole, []), ([], [])] as [([UInt8], [UInt8])] {
      for seed in 0..<20 as Range<UInt64> {
        let text = target.crossed(one, with: other, most: 1 << 16, seed: seed)
        #expect((try? Trace(bytes: text, name: "")) != nil)
      }
    }
  }
}
