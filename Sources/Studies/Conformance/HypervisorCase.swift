import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform

/// One run of random operations against the real hypervisor (`hypervisor-*.jsonl.gz`).
public struct HypervisorCase: RecordedCase {
  /// Seed and number.
  public let name: String
  private let rmrrOption: String
  private let units: [Unit]
  private let ops: [RecordedOperation]

  private enum CodingKeys: String, CodingKey {
    case name = "case"
    case rmrrOption, units, ops
  }

  private struct Unit: Decodable {
    let firstPfn: HexNumber
    let pages: UInt64
    let devices: [String]
  }

  /// Boots with the same option and performs the same operations under `edition`.
  public func disagreements(with edition: Edition) -> [Disagreement] {
    var machine = RecordedHost.machine
    machine.sharesPageTables = false
    machine.rmrrOptions = [String(rmrrOption.dropFirst("rmrr=".utf8.count))]
    let hypervisor = Hypervisor(machine: machine, edition: edition)
    // The list is in reverse order of the command line (HV-36).
    let modelled = hypervisor.units.units.reversed().map { unit in
      text(
        unit.frames.start, unit.frames.count,
        unit.devices.map { SBDF(segment: unit.segment, bdf: $0).description })
    }
    let recorded = units.map { text($0.firstPfn.value, $0.pages, $0.devices) }
    if modelled != recorded {
      return [
        Disagreement(
          "units", recorded: recorded.joined(separator: "; "), modelled: modelled.joined(separator: "; "))
      ]
    }
    var run = RecordedRun(hypervisor)
    // All dumps of these recordings end there.
    run.lastDumpedFrame = 0x1000
    return run.disagreements(in: ops)
  }

  private func text(_ first: UInt64, _ pages: UInt64, _ devices: [String]) -> String {
    "\(hex(first))+\(pages) \(devices.joined(separator: ","))"
  }
}
