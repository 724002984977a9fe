/// Known deviations of Xen's hypervisor from the repaired design.
public enum HypervisorQuirk: UInt8, StageQuirk {
  /// Strict assignment looks at the result of the last matching unit only.
  case lastUnitDecides
  /// A phantom function's own unit is unmapped again by the ownership change of the main function.
  case phantomUnitUnmapped
  /// At boot every scoped device counts as existing.
  case existenceCheckDead
  /// A BDF of 00:00.0 ends a unit's device list.
  case zeroBDFEndsScope

  /// The stable name in traces and on the command line.
  public var name: String {
    switch self {
    case .lastUnitDecides: "last-unit-decides"
    case .phantomUnitUnmapped: "phantom-unit-unmapped"
    case .existenceCheckDead: "existence-check-dead"
    case .zeroBDFEndsScope: "zero-bdf-ends-scope"
    }
  }

  /// One sentence that says what happens under the quirk.
  public var sentence: String {
    switch self {
    case .lastUnitDecides:
      "The loop that maps a device's units goes on after a failure, and only the last unit's result counts."
    case .phantomUnitUnmapped:
      "After a strict assignment a phantom function's own unit is mapped and at once unmapped in the target."
    case .existenceCheckDead:
      "No PCI segment is known when the table is parsed, so units of absent devices are kept and reported."
    case .zeroBDFEndsScope:
      "A device 00:00.0 in a unit's list hides itself and all devices after it."
    }
  }

  /// Where it is described.
  public var citation: String {
    switch self {
    case .lastUnitDecides: "D-1, HV-89"
    case .phantomUnitUnmapped: "C-1, HV-83"
    case .existenceCheckDead: "D-2, HV-15"
    case .zeroBDFEndsScope: "G-1, HV-13"
    }
  }
}
