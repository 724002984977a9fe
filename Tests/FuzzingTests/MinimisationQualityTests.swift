import Catalogue
import Editions
import TestSupport
import Testing
import Tracing

@testable import Fuzzing

/// How good minimisation is, against the traces that people made minimal: those of the museum.
@Suite("Minimisation: quality")
struct MinimisationQualityTests {
  private let exhibits: [Exhibit]

  init() throws {
    exhibits = try QuirkCatalogue.read(folder: Project.folder + "/Traces/quirks").exhibits.filter { $0.unseen == nil }
  }

  /// Events, reserved ranges and devices, summed: what a reader has to keep in mind.
  private static func length(_ specimen: Specimen) -> Int {
    let machine = specimen.header.machine
    return specimen.events.count + machine.reservedHandles.count + machine.functions.count
  }

  /// What a reader would still cut: nothing that can be told from the outside may be left.
  private static func blemish(in specimen: Specimen) -> String? {
    var guests: [GuestName] = []
    for guest in specimen.events.flatMap(\.guests) where !guests.contains(guest) { guests.append(guest) }
    for (index, guest) in guests.enumerated() where guest != .dom0 && guest.rawValue > UInt16(index + 1) {
      return "\(guest) is guest number \(index + 1)"
    }
    return nil
  }

  /// `start` after `steps` random changes, most of which add something, each kept only while `keeps` holds.
  private static func bloated(
    _ start: Specimen, seed: UInt64, steps: Int, keeps: (Specimen) -> Bool
  ) -> Specimen {
    let mutator = Mutator()
    let growth: [Mutation] = [
      .addRange, .addFunction, .insertEvent, .insertEvent, .insertEvent, .duplicateEvents, .moveRange, .nudgeRange,
      .resizeRange, .changeBARs, .changeMemory, .changeLayout, .changeOptions, .changeDevices, .changeHost,
      .changeArguments, .changeRangeDevices, .spliceEvents, .swapEvents,
    ]
    var random = RandomSource(seed: seed, execution: 0)
    var specimen = start
    for _ in 0..<steps {
      var candidate = specimen
      let other = mutator.generator.specimen(for: start.header.edition, &random)
      if mutator.apply(random.pick(growth), to: &candidate, splicing: other, &random), keeps(candidate) {
        specimen = candidate
      }
    }
    return specimen
  }

  /// Minimises `start`, which shows `symptom`, and records an issue if the result is not as a person would have it.
  ///
  /// It may be longer than the museum's trace by a quarter; by one thing more if it is `another` face of the bug.
  private func check(_ start: Specimen, showing symptom: Symptom, against exhibit: Exhibit, another: Bool = false)
    -> Int
  {
    var executor = PlayerExecutor()
    var events = 0
    let result = Minimiser.minimise(start, text: TraceText()) { specimen in
      let execution = executor.reproduce(symptom, in: specimen)
      events += specimen.events.count
      return execution.symptom == symptom
    }
    let (found, museum) = (Self.length(result.specimen), Self.length(Specimen(exhibit.trace)))
    let text = result.specimen.trace.text
    #expect(result.complete)
    #expect(
      4 * found <= 5 * museum || another && found == museum + 1,
      "\(exhibit.quirk.name): \(found) instead of \(museum):\n\(text)")
    #expect(Self.blemish(in: result.specimen) == nil, "\(exhibit.quirk.name):\n\(text)")
    // 2 seconds at a tenth of the events that a core does in a second.
    #expect(events <= 20_000, "\(exhibit.quirk.name): \(events) events played")
    return found
  }

  @Test("a museum trace that was bloated comes back at 1.25 times its length or less")
  func bloated() throws {
    var executor = PlayerExecutor()
    var (before, after) = (0, 0)
    for exhibit in exhibits {
      let museum = Specimen(exhibit.trace)
      let symptom = try #require(executor.run(museum).symptom ?? executor.compare(museum).symptom)
      for seed in 1...2 as ClosedRange<UInt64> {
        let start = Self.bloated(museum, seed: seed, steps: 120) {
          executor.reproduce(symptom, in: $0).symptom == symptom
        }
        before += Self.length(start)
        after += check(start, showing: symptom, against: exhibit)
      }
    }
    // What is cut must have been there: the starts are long.
    #expect(before > 5 * after)
  }

  @Test("what a campaign finds comes down to 1.25 times the museum's length or less")
  func found() {
    var executor = PlayerExecutor()
    var count = 0
    var (lengths, museum) = (0, 0)
    for exhibit in exhibits {
      let mutant = Mutant(exhibit.quirk, in: exhibit.trace.header.edition)
      guard let trial = PowerTest(budget: 1_500, guidance: .blind).trial(mutant, seed: 1),
        let detected = trial.detected,
        let symptom = trial.symptom
      else { continue }
      count += 1
      // What breaks first may be another face of the bug than the museum's, and take an event more.
      let exposed = Specimen(exhibit.trace)
      lengths += check(
        SpecimenSource(seed: 1, guidance: .blind).specimen(detected - 1, for: mutant.edition), showing: symptom,
        against: exhibit, another: executor.reproduce(symptom, in: exposed).symptom != symptom)
      museum += Self.length(exposed)
    }
    #expect(4 * lengths <= 5 * museum)
    #expect(count >= 50)
  }
}
