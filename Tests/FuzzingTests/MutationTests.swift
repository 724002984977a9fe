import Editions
import Platform
import Testing
import Tracing

@testable import Fuzzing

@Suite("Mutation")
struct MutationTests {
  static func specimen(_ index: UInt64) -> Specimen {
    var random = RandomSource(seed: 5, execution: index)
    return Generator().specimen(for: .repaired, &random)
  }

  @Test("what every mutation makes keeps the rules and differs", arguments: Mutation.allCases)
  func keepsRules(_ mutation: Mutation) {
    let mutator = Mutator()
    var random = RandomSource(seed: UInt64(Mutation.allCases.firstIndex(of: mutation)!))
    var changed = 0
    for index in UInt64(0)..<400 {
      let before = Self.specimen(index)
      var after = before
      if mutator.apply(mutation, to: &after, splicing: Self.specimen(index + 1), &random) {
        changed += 1
        #expect(after != before)
        #expect(SpecimenRules().violation(in: after) == nil)
      } else {
        #expect(after == before)
      }
    }
    #expect(changed > 80, "\(mutation) changed \(changed) of 400")
  }

  @Test("long chains of mutations keep the rules and stay bounded")
  func chains() {
    let mutator = Mutator()
    for seed in UInt64(0)..<20 {
      var random = RandomSource(seed: seed)
      var specimen = Self.specimen(seed)
      for step in UInt64(0)..<300 {
        specimen = mutator.mutated(specimen, splicing: Self.specimen(step), &random)
        #expect(SpecimenRules().violation(in: specimen) == nil)
      }
    }
  }

  @Test("the empty host and the empty life are mutated without a trap")
  func empty() {
    let nothing = Specimen(header: TraceHeader(edition: .repaired, machine: Machine()), events: [])
    let mutator = Mutator()
    var random = RandomSource(seed: 1)
    for mutation in Mutation.allCases {
      for _ in 0..<50 {
        var specimen = nothing
        _ = mutator.apply(mutation, to: &specimen, splicing: nothing, &random)
        #expect(SpecimenRules().violation(in: specimen) == nil)
      }
    }
  }

  @Test("a corpus beyond the rules is mutated all the same, and grows no further")
  func beyondRules() {
    var random = RandomSource(seed: 6)
    var big = Self.specimen(1)
    big.events = Array(repeating: .query(.iommu), count: 100)
    for bus in UInt8(10)..<90 { big.header.machine.place(PCIFunction(SBDF(0, bus, 0, 0))) }
    let mutants = (0..<50).map { _ in Mutator().mutated(big, splicing: Self.specimen(2), &random) }
    #expect(mutants.allSatisfy { $0 != big && $0.events.count <= 100 })
  }

  @Test("a life beyond the rules, most of which is to stay, is spliced without a trap, and what is to stay stays")
  func longLife() {
    let mutator = Mutator()
    var base = Self.specimen(1)
    base.events = Array(repeating: base.events, count: 100).flatMap { $0 }
    let kept = 2 * mutator.rules.eventCount
    var random = RandomSource(seed: 5, execution: 0)
    var spliced = 0
    for index in 0..<200 as Range<UInt64> {
      var mutant = base
      if mutator.apply(.spliceEvents, to: &mutant, behind: kept, splicing: Self.specimen(index), &random) {
        spliced += 1
      }
      #expect(mutant.events.prefix(kept).elementsEqual(base.events.prefix(kept)))
    }
    #expect(spliced > 100)
  }

  @Test("same seed, same mutants")
  func deterministic() {
    func run() -> [Specimen] {
      var random = RandomSource(seed: 9)
      return (0..<100).map { Mutator().mutated(Self.specimen($0), splicing: Self.specimen($0 + 1), &random) }
    }
    #expect(run() == run())
  }

  @Test("most mutants of machines that register still register")
  func registration() {
    var random = RandomSource(seed: 3)
    var before = 0
    var after = 0
    for index in UInt64(0)..<1000 {
      let specimen = Self.specimen(index)
      guard GenerationTests.registers(specimen.header.machine) else { continue }
      before += 1
      let mutant = Mutator().mutated(specimen, splicing: specimen, &random)
      if GenerationTests.registers(mutant.header.machine) { after += 1 }
    }
    #expect(after * 100 > before * 93, "\(after) of \(before)")
  }

  @Test("after a splice every device of an event is on the host or plugged in")
  func splice() {
    var random = RandomSource(seed: 4)
    for index in UInt64(0)..<300 {
      var specimen = Self.specimen(index)
      guard
        Mutator().apply(
          random.pick([.spliceEvents, .spliceHost]), to: &specimen, splicing: Self.specimen(index + 7), &random)
      else { continue }
      var known = Set(specimen.header.machine.functions.map(\.sbdf))
      for case .plug(let function) in specimen.events { known.insert(function.sbdf) }
      for case .attach(_, let device) in specimen.events { #expect(known.contains(device.sbdf)) }
    }
  }

  @Test("renaming reaches every name")
  func renaming() {
    for index in UInt64(0)..<300 {
      for event in Self.specimen(index).events {
        let renamed = event.renamed(
          Renaming(guest: { GuestName($0.rawValue + 4) }, device: { SBDF(rawValue: $0.rawValue + 0x100) }))
        #expect(renamed.guests == event.guests.map { GuestName($0.rawValue + 4) })
        #expect(renamed.devices == event.devices.map { SBDF(rawValue: $0.rawValue + 0x100) })
        #expect(event.renamed(Renaming()) == event)
      }
    }
  }
}
