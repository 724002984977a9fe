import Editions
import Platform
import Toolstack
import Tracing

/// Every device with a reserved range of a machine, in every configuration of a plan.
///
/// A device is tried alone in a guest that has everything else at xl's defaults, from its creation to the hand-over to
/// the BIOS, on a host that has just booted. Where the guest fails by default, settings that might help are tried too.
public struct Survey: Sendable {
  /// One machine, one device, one configuration.
  public struct Row: Hashable, Sendable {
    /// The machine.
    public var machine: SurveyedMachine
    /// The device.
    public var device: SurveyedDevice
    /// The configuration.
    public var configuration: SurveyConfiguration
    /// The rule by which Xen did without an IOMMU on this machine, nil if it did not.
    public var iommuOff: Rule?
    /// What came of it.
    public var outcome: SurveyOutcome
    /// What was tried besides; empty unless it fails in the default configuration.
    public var remedies: [SurveyRemedy]
  }

  /// What is tried.
  public let plan: SurveyPlan

  /// A survey by `plan`, whose lists are not empty.
  public init(_ plan: SurveyPlan = SurveyPlan()) { self.plan = plan }

  /// All rows of the machine of `header`, which stands at the beginning of the trace at `path`: by device, ascending, then
  /// in the plan's order. None if it has no device with a reserved range.
  ///
  /// A host with less memory than the guests need is given it: how much was installed decides nothing here. `stop` is
  /// asked before each device; then the rest is left out.
  public func rows(of header: TraceHeader, path: String, stop: () -> Bool = { false }) -> [Row] {
    let surveyed = SurveyedMachine(header, path: path)
    var machine = header.machine
    let most = plan.memoriesMiB.max() ?? 0
    machine.memory = max(machine.memory, (most + 256) << 20)
    var benches = plan.editions.map { SurveyBench(machine, $0) }
    let units = benches.flatMap { $0.units }
    let configurations = plan.configurations
    let perEdition = configurations.count / max(1, benches.count)
    var rows: [Row] = []
    for device in RangeUsers(machine, units: units).devices {
      if stop() { break }
      for (index, configuration) in configurations.enumerated() {
        let bench = index / perEdition
        let outcome = benches[bench].outcome(of: device, configuration)
        var row = Row(
          machine: surveyed, device: device, configuration: configuration, iommuOff: benches[bench].iommuOff,
          outcome: outcome, remedies: [])
        if plan.isUsual(configuration), outcome.verdict != .works, row.iommuOff == nil {
          row.remedies = benches[bench].remedies(for: device, configuration)
        }
        rows.append(row)
      }
    }
    return rows
  }
}

extension SurveyBench {
  /// What might help `device`, which fails in `configuration`, each tried.
  mutating func remedies(for device: SurveyedDevice, _ configuration: SurveyConfiguration) -> [SurveyRemedy] {
    let usual = AssignedDevice(device.sbdf, policy: configuration.policy)
    let guest = configuration.guest(with: [usual])
    var remedies: [SurveyRemedy] = []
    func with(_ change: (inout GuestConfiguration) -> Void) -> GuestConfiguration {
      var changed = guest
      change(&changed)
      return changed
    }
    func attempt(_ setting: SurveyRemedy.Setting, _ guest: GuestConfiguration) {
      remedies.append(SurveyRemedy(setting: setting, outcome: outcome(of: device, guest)))
    }
    if configuration.policy == .strict { attempt(.relaxed, with { $0.devices[0].policy = .relaxed }) }
    // Nothing keeps RAM away from the first megabyte, and nothing need keep it from above 4 GiB.
    if let first = device.ranges.first(where: { 1 << 20..<1 << 32 ~= $0.start })?.start {
      let below = (first - 1) >> 20
      if below > 0, below < configuration.boundaryMiB {
        attempt(.boundary(below), with { $0.boundaryKiB = below << 10 })
        // Where both are in the way one alone does not help.
        if configuration.policy == .strict, !device.group.isEmpty {
          attempt(
            .relaxedBoundary(below),
            with {
              $0.boundaryKiB = below << 10
              $0.devices[0].policy = .relaxed
            })
        }
      }
      let hole = 4096 - first >> 20
      // BL-5
      if 256...3840 ~= hole, first < 0xF000_0000 { attempt(.hole(hole), with { $0.mmioHoleKiB = hole << 10 }) }
      // Low RAM ends video memory below what is asked for.
      let memory = first >> 20 + guest.videoKiB >> 10
      if memory >= 64, memory < configuration.memoryMiB {
        attempt(
          .memory(memory),
          with {
            $0.maxMemoryKiB = memory << 10
            $0.targetMemoryKiB = memory << 10
          })
      }
    }
    if !device.group.isEmpty {
      attempt(
        .group(device.group.count),
        with { $0.devices += device.group.map { AssignedDevice($0, policy: configuration.policy) } })
    }
    return remedies
  }
}
