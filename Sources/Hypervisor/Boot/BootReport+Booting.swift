import AddressSpace
import Editions
import Platform

extension BootReport {
  /// Frames of a unit beyond which mapping them one by one for dom0 counts as never ending (C-10). Recorded are 2^51;
  /// 2^32, 16 TiB, take a fast host an hour.
  static let endlessFrames: UInt64 = 1 << 32

  /// Boots on `machine`: the DMAR table is walked, `rmrr=` units follow, then the remapping hardware is set up.
  ///
  /// Stated units come first in list order and bypass registration. A machine described by lines rather than by a table
  /// need not speak of remapping hardware: with `.structures` that hold no DRHD, or without a table but with stated units,
  /// one remapping unit that includes all devices is assumed on each segment that occurs. A table in bytes without a DRHD
  /// and a machine with neither table nor stated units have no VT-d.
  ///
  /// On an AMD host the same goes for the IVRS table, its IVHD blocks and `ivmd=`.
  public init(booting machine: borrowing Machine, decisions: BootDecisions) {
    self.init()
    if machine.iommu == .amdVi {
      bootAMD(machine, decisions)
    } else {
      bootVTd(machine, decisions)
    }
    if outcome == .up && machine.requiresIOMMU && !iommuEnabled {
      outcome = .panic
      rule = .hv(6)
    }
  }

  private mutating func bootAMD(_ machine: borrowing Machine, _ decisions: BootDecisions) {
    var registration = IVRSRegistration(machine, decisions)
    do throws(IVRSRegistration.Fatal) {
      try registration.read()
      iommuEnabled = true
      requestors = registration.table
      units = registration.units
      let endless = units.contains { unit in
        unit.frames.count > BootReport.endlessFrames && machine.functions.contains { unit.lists($0.sbdf) }
      }
      if endless && decisions.rangeLimit == .none {
        outcome = .hang
        rule = .c(10)
      }
    } catch {
      rule = error.rule
      if error.hangs { outcome = .hang }
    }
    warnings = registration.warnings
  }

  private mutating func bootVTd(_ machine: borrowing Machine, _ decisions: BootDecisions) {
    var registration = Registration(machine, decisions)
    let refusal = BootReport.register(machine, &registration)
    warnings = registration.warnings
    if let refusal {
      rule = refusal
    } else if let (outcome, rule) = BootReport.hardwareFailure(registration) {
      self.outcome = outcome
      self.rule = rule
      return
    } else {
      iommuEnabled = true
      units = machine.statedUnits + registration.units.reversed()
      remappingUnits = registration.remappingUnits
      // Every visible unit is mapped for dom0, page by page where ranges have no limit.
      let endless = registration.units.contains {
        $0.frames.count > BootReport.endlessFrames && $0.isVisible(decisions.scopeEnd)
      }
      let hangs = registration.units.contains { $0.end > decisions.hangLimit ?? .max }
      if endless && decisions.rangeLimit == .none || hangs {
        outcome = .hang
        rule = .c(10)
      }
    }
  }

  /// Collects all units; the rule by which there is no VT-d, nil if there is.
  private static func register(_ machine: borrowing Machine, _ registration: inout Registration) -> Rule? {
    guard machine.iommu == .vtd else { return .hv(52) }
    let assumesHardware =
      switch machine.dmar {
      case .absent: !machine.statedUnits.isEmpty
      case .bytes: false
      case .structures(let structures): !structures.contains { if case .drhd = $0 { true } else { false } }
      }
    do throws(Registration.Fatal) {
      if machine.dmar != .absent || !assumesHardware { try registration.read(machine.dmar) }
    } catch {
      return error.rule
    }
    registration.readOptions()
    if assumesHardware { registration.assumeRemappingUnits() }
    return registration.hasRemappingUnits ? nil : .hv(84)
  }

  /// What goes wrong while the remapping hardware is set up, unit by unit, first faults of all, then queues.
  private static func hardwareFailure(_ registration: Registration) -> (Outcome, Rule)? {
    if !registration.allRegistersWork {
      return (.panic, .c(8))
    }
    // One hardware's invalidation queue is set up twice and never answers again.
    return registration.repeatsRegisters ? (.hang, .hv(23)) : nil
  }
}
