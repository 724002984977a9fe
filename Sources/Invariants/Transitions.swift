import Editions
import Simulation
import Tracing

/// What an event may and may not change.
extension Invariant {
  static let refusalChangesNothing = Invariant(
    "refusal-changes-nothing", "A refused operation leaves hypervisor, toolstack and guests as they were.",
    source: "I-14, HV-91, BL-108; principle 5", reads: [.event]
  ) { scene in
    guard scene.outcome.isRefusal else { return nil }
    // There is no hypercall that asks for a right: a toolstack that takes back what it granted cannot know that it had
    // been granted by hand before.
    if let part = scene.before.firstDifference(from: scene.after, ignoringRightsByHand: true) {
      return Violation(
        "refusal-changes-nothing", stage: scene.event.stage, relation: part,
        detail: "the event was refused, yet \(part) is not as it was")
    }
    return nil
  }

  static let destroyGivesBack = Invariant(
    "destroy-gives-back", "When a guest is gone, all its memory is free again and no device is left with it.",
    source: "HV-78, HV-79, I-7", reads: [.event]
  ) { scene in
    let name: GuestName
    switch scene.event {
    case .destroy(let destroyed): name = destroyed
    case .reboot(let rebooted): name = rebooted
    default: return nil
    }
    guard case .done = scene.outcome else { return nil }
    guard let life = scene.before.guest(named: name), let domain = scene.before.hypervisor.domain(life.domain) else {
      return nil
    }
    let host = scene.after
    if host.hypervisor.domain(life.domain) != nil {
      return Violation("destroy-gives-back", stage: "hypervisor", relation: "zombie", detail: "\(name) is still there")
    }
    if case .reboot = scene.event { return nil }
    let freed = host.hypervisor.budget.free &- scene.before.hypervisor.budget.free
    if freed != domain.totalPages {
      return Violation(
        "destroy-gives-back", stage: "hypervisor", relation: freed < domain.totalPages ? "leaked" : "too-much",
        detail: "\(name) was charged \(domain.totalPages) pages, \(freed) came back")
    }
    return nil
  }
}
