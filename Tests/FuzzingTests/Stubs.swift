import AddressSpace
import Editions
import Platform
import Tracing

@testable import Fuzzing

/// Text by reflection: enough for measures and names.
struct ReflectedText: SpecimenText {
  func text(of specimen: Specimen) -> [UInt8] { Array("\(specimen)".utf8) }

  func hash(of text: [UInt8]) -> String {
    String(text.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }, radix: 16)
  }
}

/// Conditions for stand-ins of real bugs.
extension Specimen {
  func count(_ kind: EventKind) -> Int { events.count { EventKind($0) == kind } }

  func hasRange(straddling address: UInt64) -> Bool {
    header.machine.reservedRanges.contains { $0.start < address && address < $0.end }
  }

  func hasRange(startingAt address: UInt64) -> Bool {
    header.machine.reservedRanges.contains { $0.start == address }
  }
}

/// The `index`-th specimen of a fixed stream that `condition` holds for.
func specimen(_ index: Int = 0, seed: UInt64 = 21, where condition: (Specimen) -> Bool) -> Specimen {
  var left = index
  for execution in UInt64(0)..<200_000 {
    var random = RandomSource(seed: seed, execution: execution)
    let specimen = Generator().specimen(for: .repaired, &random)
    guard condition(specimen) else { continue }
    if left == 0 { return specimen }
    left -= 1
  }
  fatalError("no such specimen")
}
