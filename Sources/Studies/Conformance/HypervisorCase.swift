import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform

/// One run of random operations against the real hypervisor (`hypervisor-*.jsonl.gz`).
public struct HypervisorCase: RecordedCase {
  /// Seed and number.
  public let name: String
  private let units: [Unit]
  private let ops: [RecordedOperation]

  private enum CodingKeys: String, CodingKey {
    case name = "case"
    case units, ops
  }

  private struct Unit: Decodable {
    let firstPfn: HexNumber
    let pages: UInt64
    let devices: [String]
  }

  /// Performs the same operations under `edition`.
  public func disagreements(with edition: Edition) -> [Disagreement] {
    var machine = RecordedHost.machine
    machine.sharesPageTables = false
    // The list is in reverse order of the command line (HV-36).
    machine.statedUnits = units.reversed().map { unit in
      let base = Page.address(of: unit.firstPfn.value)
      return RMRRUnit(
        base: base, end: base + unit.pages * Page.size - 1,
        devices: unit.devices.map { SBDF($0)?.bdf ?? 0 })
    }
    var run = RecordedRun(Hypervisor(machine: machine, edition: edition))
    // All dumps of these recordings end there.
    run.lastDumpedFrame = 0x1000
    return run.disagreements(in: ops)
  }
}
