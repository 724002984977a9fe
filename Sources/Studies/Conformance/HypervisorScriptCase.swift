import AddressSpace
import Editions
import Hypervisor
import Platform

/// One script against the real hypervisor after a boot of its own (`hypervisor-scripts-*.jsonl.gz`).
public struct HypervisorScriptCase: RecordedCase {
  /// What the script shows.
  public let name: String
  private let rmrrOption: String?
  private let xenArgs: String?
  private let dmarHex: String?
  private let ops: [RecordedOperation]

  private enum CodingKeys: String, CodingKey {
    case name = "case"
    case rmrrOption, xenArgs, dmarHex, ops
  }

  /// Boots the same host under `edition` and performs the same operations.
  public func disagreements(with edition: Edition) -> [Disagreement] {
    var run = RecordedRun(Hypervisor(machine: machine, edition: edition))
    return run.disagreements(in: ops)
  }

  private var machine: Machine {
    var machine = RecordedHost.machine
    if let dmarHex { machine.dmar = .bytes(RecordedHost.bytes(dmarHex)) }
    for option in (rmrrOption ?? "").split(separator: " ") where option.hasPrefix("rmrr=") {
      machine.rmrrOptions.append(String(option.dropFirst(5)))
    }
    for argument in (xenArgs ?? "").split(separator: " ") { apply(String(argument), to: &machine) }
    return machine
  }

  /// Options that change what a guest sees; those of the hardware domain's IOMMU do not.
  private func apply(_ argument: String, to machine: inout Machine) {
    switch argument {
    case "iommu=no-sharept": machine.sharesPageTables = false
    case "iommu=quarantine=0": machine.quarantine = .none
    case "iommu=quarantine=basic": machine.quarantine = .basic
    case "iommu=quarantine=scratch-page": machine.quarantine = .scratchPage
    default:
      // pci-phantom=bb:dd,stride (HV-72)
      guard argument.hasPrefix("pci-phantom="), let slot = SBDF(argument.dropFirst(12).prefix(5) + ".0"),
        let stride = UInt8(argument.dropFirst(18))
      else { return }
      for index in machine.functions.indices
      where machine.functions[index].sbdf.segment == slot.segment && machine.functions[index].sbdf.bus == slot.bus
        && machine.functions[index].sbdf.device == slot.device
      {
        machine.functions[index].phantomStride = stride
      }
    }
  }
}
