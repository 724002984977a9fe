import AddressSpace
import Editions
import Firmware
import Hypercalls

/// Runs of hvmloader over the recorder's hypervisor.
public struct LoaderRehearsal: Rehearsal {
  /// How much of a run is looked at.
  public enum Part: Sendable {
    /// Memory map, BARs, windows, RAM out of the way, E820; no log.
    case layout
    /// Everything, no log.
    case whole
    /// Everything, and the log as text.
    case logged
  }

  /// A class: an input that was copied to be handed over would cost as much as a part of a run.
  private final class Prepared {
    let input: FirmwareInput
    let loader: HVMLoader

    init(_ input: FirmwareInput, _ loader: HVMLoader) {
      self.input = input
      self.loader = loader
    }
  }

  private let part: Part
  private var cases: [Prepared] = []
  private var ports: [GrantingPort] = []
  private var buffer = HypercallBuffer()
  private var state = LoaderState()

  /// `part` of the runs in `files`, at most `limit` in all.
  public init(of files: [VectorFile], _ part: Part, limit: Int) throws {
    self.part = part
    for file in files where cases.count < limit {
      var loader = HVMLoader(edition: file.edition)
      loader.keepsLog = part == .logged
      for recorded in try file.cases(as: LoaderCase.self, limit: limit - cases.count) {
        let port = GrantingPort(memoryMap: recorded.memoryMap, keepsRAM: false)
        cases.append(Prepared(recorded.input, loader))
        ports.append(port)
      }
    }
  }

  /// How many cases there are.
  public var count: Int { cases.count }

  /// Every BAR and every entry of the E820.
  public mutating func run(_ index: Int) -> UInt64 {
    let prepared = cases[index]
    switch part {
    case .layout: prepared.loader.layOut(prepared.input, as: DomainID(1), on: &ports[index], &buffer, in: &state)
    case .whole, .logged: prepared.loader.run(prepared.input, as: DomainID(1), on: &ports[index], &buffer, in: &state)
    }
    var digest: UInt64 = 0
    for bar in state.report.bars { digest = digest &* 31 &+ bar.address }
    for entry in state.report.e820 { digest = digest &* 31 &+ (entry.start ^ entry.size) }
    if part == .logged { digest = digest &* 31 &+ UInt64(state.report.logText.utf8.count) }
    return digest
  }
}
