import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing
import Toolstack
import Tracing

@testable import Fuzzing

@Suite("Minimiser")
struct MinimiserTests {
  func minimise(
    _ specimen: Specimen, limit: Int = 5_000, keeps: (Specimen) -> Bool
  ) -> Minimiser<ReflectedText>.Result {
    Minimiser.minimise(specimen, text: ReflectedText(), callLimit: limit, keeps: keeps)
  }

  @Test("two kinds of event and a range that straddles 4G shrink to exactly these", arguments: 0..<6)
  func straddler(_ index: Int) {
    func keeps(_ specimen: Specimen) -> Bool {
      guard let balloon = specimen.events.firstIndex(where: { EventKind($0) == .balloon }),
        let detach = specimen.events.lastIndex(where: { EventKind($0) == .detach })
      else { return false }
      return balloon < detach && specimen.hasRange(straddling: 0x1_0000_0000)
    }
    let result = minimise(specimen(index, where: keeps), keeps: keeps)
    let minimal = result.specimen
    #expect(result.complete)
    #expect(minimal.events.map(EventKind.init) == [.balloon, .detach])
    #expect(minimal.events.flatMap(\.guests).allSatisfy { $0 == GuestName(1) })
    let machine = minimal.header.machine
    // The two pages around 4G, or what takes fewer letters to say.
    #expect(machine.reservedRanges.count == 1 && minimal.hasRange(straddling: 0x1_0000_0000))
    var pages = minimal
    for handle in machine.reservedHandles { pages.header.machine[bounds: handle] = (0xFFFF_F000, 0x1_0000_0FFF) }
    #expect(minimal.trace.text.utf8.count <= pages.trace.text.utf8.count, "\(minimal.trace.text)")
    #expect(machine.functions.isEmpty && machine.e820.isEmpty && machine.rmrrOptions.isEmpty)
    #expect(machine.structures.count + machine.statedUnits.count == 1)
    var plain = Machine()
    plain.dmar = machine.dmar
    plain.statedUnits = machine.statedUnits
    #expect(machine == plain)
  }

  @Test("a guest option that matters stays, all others go", arguments: 0..<4)
  func option(_ index: Int) {
    func keeps(_ specimen: Specimen) -> Bool {
      specimen.events.contains {
        guard case .create(_, let configuration) = $0 else { return false }
        return !configuration.hap && configuration.maxMemoryKiB >= 3_900_000
          && configuration.devices.contains { $0.policy == .relaxed }
      }
    }
    let result = minimise(specimen(index, where: keeps), keeps: keeps)
    #expect(result.complete && result.specimen.events.count == 1)
    guard case .create(let name, let configuration) = result.specimen.events[0] else {
      Issue.record("no creation")
      return
    }
    #expect(name == GuestName(1))
    #expect(configuration.departures == 2)
    #expect(configuration.devices.count == 1)
    #expect(configuration.maxMemoryKiB == 4 << 20)
  }

  @Test("devices and BARs: one function, one BAR, the smallest size that will do", arguments: 0..<4)
  func bar(_ index: Int) {
    func keeps(_ specimen: Specimen) -> Bool {
      specimen.header.machine.functions.contains { function in
        function.phantomStride == 2 && function.bars.contains { $0.kind == .m64p && $0.size > 0x4000_0000 }
      }
    }
    let result = minimise(specimen(index, where: keeps), keeps: keeps)
    let machine = result.specimen.header.machine
    #expect(result.complete)
    #expect(result.specimen.events.isEmpty && machine.structures.isEmpty && machine.statedUnits.isEmpty)
    #expect(machine.functions.count == 1)
    #expect(machine.functions[0].sbdf == SBDF(0, 0, 1, 0))
    #expect(machine.functions[0].classCode == 0 && machine.functions[0].interruptPin == 0)
    #expect(machine.functions[0].bars == [BAR(0, .m64p, size: 0x8000_0000)])
  }

  @Test("a fault keeps the event it is armed for, and gets its lowest ordinal")
  func fault() {
    func keeps(_ specimen: Specimen) -> Bool {
      zip(specimen.events, specimen.events.dropFirst()).contains {
        if case .fault(.allocation(let ordinal)) = $0, case .attach = $1 { ordinal >= 7 } else { false }
      }
    }
    let result = minimise(specimen(where: keeps), keeps: keeps)
    #expect(result.specimen.events.count == 2)
    #expect(result.specimen.events[0] == .fault(.allocation(ordinal: 7)))
  }

  @Test("pairs that only go together go together")
  func pairs() {
    // A creation without its destruction does not keep the predicate, nor the reverse: as with balanced counts.
    func keeps(_ specimen: Specimen) -> Bool {
      specimen.count(.create) == specimen.count(.destroy) && specimen.count(.boot) >= 1
    }
    for index in 0..<4 {
      let result = minimise(specimen(index) { keeps($0) && $0.count(.create) > 1 }, keeps: keeps)
      #expect(result.specimen.events.map(EventKind.init) == [.boot])
    }
  }

  @Test("with two planted bugs minimisation stays with the one it began with")
  func noDrift() {
    // The second bug is much simpler, so a careless minimiser would end there.
    func symptom(_ specimen: Specimen) -> String? {
      if specimen.count(.balloon) > 0, specimen.count(.reboot) > 0, specimen.hasRange(straddling: 0x8000_0000) {
        return "first"
      }
      return specimen.count(.create) > 0 || specimen.events.isEmpty ? "second" : nil
    }
    for index in 0..<4 {
      let start = specimen(index) { symptom($0) == "first" }
      let result = minimise(start) { symptom($0) == "first" }
      #expect(symptom(result.specimen) == "first")
      #expect(result.specimen.events.count == 2)
      #expect(result.specimen.header.machine.reservedRanges.count == 1)
    }
  }

  @Test("every accepted step is strictly simpler, and no candidate is asked for twice")
  func measure() {
    let text = ReflectedText()
    let start = specimen { $0.events.count > 10 && $0.header.machine.reservedRanges.count > 2 }
    var last = Measure(of: start, text: text.text(of: start))
    var asked: Set<[UInt8]> = []
    func keeps(_ specimen: Specimen) -> Bool {
      let bytes = text.text(of: specimen)
      #expect(asked.insert(bytes).inserted)
      let measure = Measure(of: specimen, text: bytes)
      #expect(measure < last)
      let good = specimen.count(.create) > 0 && specimen.header.machine.reservedRanges.count > 1
      if good { last = measure }
      return good
    }
    let result = minimise(start, keeps: keeps)
    #expect(result.complete)
    #expect(Measure(of: result.specimen, text: text.text(of: result.specimen)) == last)
  }

  @Test("the end does not depend on the way: minimising a minimum changes nothing")
  func fixpoint() {
    for index in 0..<6 {
      func keeps(_ specimen: Specimen) -> Bool {
        specimen.count(.attach) > 0 && specimen.header.machine.reservedRanges.contains { $0.count > 0x10_0000 }
      }
      let once = minimise(specimen(index, where: keeps), keeps: keeps)
      #expect(once.complete)
      let twice = minimise(once.specimen, keeps: keeps)
      #expect(twice.specimen == once.specimen)
    }
  }

  @Test("the limit of calls is kept and the best so far comes back")
  func limit() {
    let start = specimen { $0.count(.create) > 0 && $0.events.count > 12 }
    for limit in [0, 1, 5, 5000] {
      var calls = 0
      let result = minimise(start, limit: limit) {
        calls += 1
        return $0.count(.create) > 0
      }
      #expect(calls <= limit && result.calls == calls)
      #expect(result.complete == (calls < limit) && result.specimen.count(.create) > 0)
    }
  }

  @Test("any predicate ends: always true, always false, by parity of the text")
  func ends() {
    let start = specimen { $0.events.count > 12 }
    let nothing = minimise(start) { _ in true }
    #expect(nothing.complete && nothing.specimen.events.isEmpty)
    #expect(nothing.specimen.header.machine.functions.isEmpty)
    let same = minimise(start) { _ in false }
    #expect(same.complete && same.specimen == start)
    for modulus in 2..<6 {
      let result = minimise(start) { "\($0)".utf8.count % modulus != 1 }
      #expect(result.calls <= Minimiser<ReflectedText>.defaultCallLimit)
    }
  }

  @Test("what comes out keeps the rules", arguments: 0..<8)
  func rules(_ index: Int) {
    let kind = EventKind.allCases[index]
    let result = minimise(specimen(index) { $0.count(kind) > 0 }) { $0.count(kind) > 0 }
    #expect(SpecimenRules().violation(in: result.specimen) == nil)
    #expect(result.specimen.events.map(EventKind.init) == [kind])
  }

  @Test("numbers: simplest first, and never the number itself")
  func simplifications() {
    #expect(Simplification.values(below: 0, kind: .position).isEmpty)
    #expect(Simplification.values(below: 1, kind: .extent) == [0])
    #expect(Simplification.values(below: 7, kind: .extent) == [0, 1, 4, 6])
    #expect(Simplification.values(below: 0xF00, kind: .position).prefix(4) == [0, 1, 0x800, 0x1000])
    for kind in [NumberKind.position, .extent] {
      for value in [2, 3, 4096, 3849 << 10, 0x9B80_0400, UInt64.max, 1 << 63] as [UInt64] {
        #expect(!Simplification.values(below: value, kind: kind).contains(value))
      }
    }
  }

  @Test("every number of a specimen can be read and set back")
  func numberSites() {
    for index in UInt64(0)..<200 {
      let specimen = MutationTests.specimen(index)
      for (position, number) in specimen.numbers.enumerated() {
        #expect(specimen.settingNumber(position, to: number.value) == specimen)
      }
    }
  }
}
