import Editions
import Simulation
import Tracing

/// What an event may and may not change.
extension Invariant {
  static let refusalChangesNothing = Invariant(
    "refusal-changes-nothing", "A refused operation leaves hypervisor, toolstack and guests as they were.",
    source: "I-14, HV-91, BL-108; principle 5", reads: [.refusal]
  ) { scene in
    guard scene.outcome.isRefusal else { return nil }
    // There is no hypercall that asks for a right or a mapping: a toolstack that takes back what it did cannot know what
    // had been done by hand before.
    if let part = scene.firstDifference(ignoringWorkByHand: true) {
      return Violation(
        "refusal-changes-nothing", stage: scene.event.stage, relation: part,
        detail: "the event was refused, yet \(part) is not as it was")
    }
    return nil
  }

  static let destroyGivesBack = Invariant(
    "destroy-gives-back", "When a guest is gone, all its memory is free again and no device is left with it.",
    source: "HV-78, HV-79, I-7", reads: [.leaving]
  ) { scene in
    let name: GuestName
    switch scene.event {
    case .destroy(let destroyed): name = destroyed
    case .reboot(let rebooted): name = rebooted
    default: return nil
    }
    guard case .done = scene.outcome else { return nil }
    guard let life = scene.before.guests.first(where: { $0.name == name }),
      let domain = scene.before.port.port.domains.domain(life.domain)
    else {
      return nil
    }
    if scene.domain(life.domain) != nil {
      return Violation("destroy-gives-back", stage: "hypervisor", relation: "zombie", detail: "\(name) is still there")
    }
    if case .reboot = scene.event { return nil }
    let freed = scene.after.port.port.budget.free &- scene.before.port.port.budget.free
    let charged = domain.value.totalPages
    if freed != charged {
      return Violation(
        "destroy-gives-back", stage: "hypervisor", relation: freed < charged ? "leaked" : "too-much",
        detail: "\(name) was charged \(charged) pages, \(freed) came back")
    }
    return nil
  }
}
