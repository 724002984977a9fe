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

/// An executor with planted bugs; which ones depends on the specimen alone.
struct StubExecutor: Executor {
  /// Fails where the canary is planted and a guest with a device is created.
  static let quirk = Quirk.toolstack(.rdmMatchedByStart)
  static let canarySymptom = Symptom(invariant: "stub-canary", stage: "toolstack", relation: "planted")
  static let straddling = Symptom(invariant: "stub-ram-clear", stage: "toolstack", relation: "straddles 4G")
  static let twice = Symptom(invariant: "stub-one-owner", stage: "hypervisor")
  static let firmware = Symptom(invariant: "stub-bar-clear", stage: "firmware", relation: "above-4g")

  var hasCanary = true
  /// If true nothing is found twice.
  var flaky = false
  /// If true the canary's bug is there without its quirk too.
  var alwaysCanary = false
  var calls = 0

  mutating func run(_ specimen: Specimen) -> Execution {
    calls += 1
    func failed(_ symptom: Symptom, _ kind: EventKind) -> Execution {
      let event = specimen.events.firstIndex { EventKind($0) == kind }
      let ran = (event ?? 0) + 1
      return Execution(
        events: ran, checks: ran, symptom: symptom, failingEvent: event, detail: "planted # \(symptom.relation)")
    }
    if flaky, specimen.header.edition != .repaired.with(Self.quirk), calls % 7 != 3 {
      return Execution(events: specimen.events.count, checks: specimen.events.count)
    }
    if alwaysCanary || hasCanary && specimen.header.edition == .repaired.with(Self.quirk) {
      for case .create(_, let configuration) in specimen.events where !configuration.devices.isEmpty {
        return failed(Self.canarySymptom, .create)
      }
    }
    if specimen.header.edition.name == .xen4_17, specimen.header.edition.has(.firmware(.highBARsIgnoreRDM)) {
      if specimen.count(.boot) > 0, specimen.hasRange(startingAt: 0x8000_0000) { return failed(Self.firmware, .boot) }
    }
    if specimen.count(.balloon) > 0, specimen.hasRange(straddling: 0x1_0000_0000) {
      return failed(Self.straddling, .balloon)
    }
    if specimen.count(.detach) > 3 { return failed(Self.twice, .detach) }
    return Execution(events: specimen.events.count, checks: specimen.events.count)
  }
}

/// Keeps findings in memory.
struct Shelf: FindingSink {
  var findings: [Finding] = []

  mutating func save(_ finding: Finding) -> String {
    findings.append(finding)
    return "finding \(findings.count)"
  }
}

/// A worker in this process that dies or falls silent over certain executions.
final class FragileLink: WorkerLink {
  private let inner: LocalWorker<StubExecutor>
  private let deadly: (ExecutionRange) -> WorkerFailure?
  private var pending: WorkerFailure?

  init(_ worker: Worker<StubExecutor>, deadly: @escaping (ExecutionRange) -> WorkerFailure?) {
    inner = LocalWorker(worker)
    self.deadly = deadly
  }

  func send(_ line: String) throws(WorkerFailure) {
    if pending == nil, case .run(let range) = WorkerMessage(line) { pending = deadly(range) }
    if pending == nil { try inner.send(line) }
  }

  func receive(within limit: Duration) throws(WorkerFailure) -> String {
    // What it said before it was lost is there still.
    do { return try inner.receive(within: limit) } catch { throw pending ?? error }
  }

  func end() -> WorkerFailure.End { .signalled(9) }
}

struct FragileLauncher: WorkerLauncher {
  var executor = StubExecutor()
  var corpus: [Specimen] = []
  var deadly: (ExecutionRange) -> WorkerFailure? = { _ in nil }

  func launch() throws(WorkerFailure) -> any WorkerLink {
    FragileLink(Worker(executor: executor, corpus: corpus, text: ReflectedText()), deadly: deadly)
  }
}
