import AddressSpace
import Editions
import Hypervisor
import Invariants
import Platform
import Simulation
import Toolstack
import Tracing

/// A property of whole runs: something about machine or guests is changed that must not matter, or only in one way, and
/// the two runs are compared.
public struct Metamorphosis: Sendable {
  /// The stable name, lower case with hyphens; no invariant has it.
  public let id: String
  /// One sentence that says what holds.
  public let sentence: String
  /// Where it comes from.
  public let source: String
  /// The first event after which the runs differ as they must not, and how; nil if they do not.
  let compare: @Sendable (ComparedLife) -> Difference?

  /// Where two runs part.
  struct Difference {
    /// Index of the event.
    var event: Int
    /// One word.
    var relation: String
    /// One line.
    var detail: String
  }

  /// Every one, in the order in which they are looked at.
  public static let all: [Metamorphosis] = [
    tablesAgree, orderFree, strictImpliesRelaxed, strangerIgnored, rebootRepeats, textRepeats,
  ]

  /// The one called `id`.
  public static func named(_ id: String) -> Metamorphosis? { all.first { $0.id == id } }

  /// Compares two runs of `events` on `machine`; the violation and the index of its event, nil if there is none.
  public func check(
    _ events: [Event], on machine: Machine, in edition: Edition, firmware: (any GuestFirmware)? = nil
  ) -> (violation: Violation, event: Int)? {
    check(ComparedLife(events, on: machine, in: edition, firmware: firmware))
  }

  /// The same for `life`, which other properties may have looked at.
  public func check(_ life: ComparedLife) -> (violation: Violation, event: Int)? {
    guard let difference = compare(life) else { return nil }
    return (
      Violation(
        id, stage: life.events[difference.event].stage, relation: difference.relation, detail: difference.detail),
      difference.event
    )
  }

  /// Checks every one on a life of at most `longest` events; longer ones are not compared.
  public static func violations(
    in events: [Event], on machine: Machine, in edition: Edition, firmware: (any GuestFirmware)? = nil
  ) -> [(violation: Violation, event: Int)] {
    if events.isEmpty || events.count > longest { return [] }
    let life = ComparedLife(events, on: machine, in: edition, firmware: firmware)
    return all.compactMap { $0.check(life) }
  }

  /// Most events of a trace that is replayed in other ways, too.
  public static let longest = 1000

  // MARK: - The catalogue

  static let tablesAgree = Metamorphosis(
    id: "tables-agree",
    sentence: "Whether the IOMMU shares the p2m's tables or has its own makes no difference to any guest.",
    source: "HV-116, HV-117, BUG-7, BUG-12; review 2014 (2.1)"
  ) { life in
    guard life.machine.sharesPageTables else { return nil }
    // A guest may insist on either kind; tables of its own take memory.
    for event in life.events {
      switch event {
      case .create(_, let configuration): if configuration.passthrough == .sharePT { return nil }
      case .config(_, let text):
        if GuestText.read(text, edition: life.edition).guest?.passthrough == .sharePT { return nil }
      default: break
      }
    }
    for case .fault in life.events { return nil }
    var one = life.machine
    one.memory = .max >> 16
    var other = one
    other.sharesPageTables = false
    return firstDifference(
      playing: life.events, on: Host(machine: one, edition: life.edition, firmware: life.firmware),
      and: Host(machine: other, edition: life.edition, firmware: life.firmware)
    ) { $0.p2m == $1.p2m ? nil : "p2m" }
  }

  static let strangerIgnored = Metamorphosis(
    id: "stranger-ignored", sentence: "A device that nobody has anything to do with makes no difference.",
    source: "I-10, BL-50; review 2014 (5)"
  ) { life in
    let machine = life.machine
    let stranger = SBDF(segment: 0, bdf: 0xEEFF)
    let isNamed =
      machine.function(at: stranger) != nil
      || machine.functions.contains { $0.buses.map { $0.secondary <= 0xEE && 0xEE <= $0.subordinate } ?? false }
    // The first function of a segment makes the segment known.
    // AMD's tables can give a range to all devices there are.
    if machine.iommu == .amdVi, life.host.hypervisor.units.matching(stranger).count > 0 { return nil }
    if isNamed || !machine.functions.contains(where: { $0.sbdf.segment == 0 }) { return nil }
    for event in life.events {
      if case .plug = event { return nil }
      if case .hypercall = event { return nil }
    }
    var other = machine
    other.functions.append(PCIFunction(stranger, kind: .pcie))
    other.functions.sort { $0.sbdf < $1.sbdf }
    return firstDifference(
      playing: life.events, on: life.host, and: Host(machine: other, edition: life.edition, firmware: life.firmware)
    ) { $0.p2m == $1.p2m ? nil : "p2m" }
  }

  static let orderFree = Metamorphosis(
    id: "order-free", sentence: "A guest's memory does not depend on the order of ranges or of its devices.",
    source: "I-10, BL-53, D-1"
  ) { life in
    let machine = life.machine
    var reversed = machine
    if case .structures(let structures) = machine.dmar {
      let ranges = structures.filter(isReserved).reversed()
      reversed.dmar = .structures(structures.filter { !isReserved($0) } + ranges)
    }
    if case .blocks(let blocks) = machine.ivrs {
      let ranges = blocks.filter { if case .ivmd = $0 { true } else { false } }.reversed()
      reversed.ivrs = .blocks(blocks.filter { if case .ivhd = $0 { true } else { false } } + ranges)
    }
    reversed.statedUnits.reverse()
    var turnedHost: Host?
    return onFreshHosts(life) { creation in
      var turned = creation.configuration
      // A slot that one device names may be the first free one for another.
      if turned.devices.contains(where: { $0.slot != nil }) { return nil }
      turned.devices.reverse()
      let host = turnedHost ?? Host(machine: reversed, edition: life.edition, firmware: life.firmware)
      turnedHost = host
      let twin = ComparedLife.Creation(turned, on: host)
      if creation.isBuilt != twin.isBuilt {
        return ("outcome", "in one order \(creation.isBuilt ? "built" : "refused"), in the other not")
      }
      if creation.guest?.layout != twin.guest?.layout {
        return ("layout", "in one order RAM lies elsewhere than in the other")
      }
      return nil
    }
  }

  static let strictImpliesRelaxed = Metamorphosis(
    id: "strict-implies-relaxed", sentence: "A guest that can be built with strict devices can be with relaxed ones.",
    source: "BL-65, HV-108, HV-109"
  ) { life in
    onFreshHosts(life) { creation in
      guard creation.configuration.devices.contains(where: { $0.policy != .relaxed }) else { return nil }
      guard creation.isBuilt else { return nil }
      var lax = creation.configuration
      lax.policy = .relaxed
      for index in lax.devices.indices { lax.devices[index].policy = .relaxed }
      return ComparedLife.Creation(lax, on: life.host).isBuilt
        ? nil
        : ("refused", "built with strict devices, refused with relaxed ones")
    }
  }

  static let rebootRepeats = Metamorphosis(
    id: "reboot-repeats", sentence: "A guest that is built again from its retrieved configuration is the same.",
    source: "BL-128 to BL-130, I-3, LB-5, d8cba539f2, 99a9c70583"
  ) { life in
    onFreshHosts(life) { creation in
      guard let first = creation.guest else { return nil }
      var host = creation.host
      guard case .done = host.apply(.reboot(ComparedLife.Creation.name)),
        let second = ComparedLife.Creation.guest(on: host)
      else {
        return ("lost", "the guest cannot be built again")
      }
      if first.layout != second.layout { return ("layout", "RAM lies elsewhere after the reboot") }
      if first.memoryMap != second.memoryMap { return ("memory-map", "another memory map after the reboot") }
      let devices = (first.devices.map { [$0.sbdf.description, $0.policy.rawValue, "\($0.devfn)"] })
      if devices.sorted(by: precedes)
        != second.devices.map({ [$0.sbdf.description, $0.policy.rawValue, "\($0.devfn)"] })
        .sorted(by: precedes)
      {
        return ("devices", "other devices or policies after the reboot")
      }
      return nil
    }
  }

  static let textRepeats = Metamorphosis(
    id: "text-repeats", sentence: "A trace that is written and read again is the same.", source: "design: principle 1"
  ) { life in
    let events = life.events
    let trace = Trace(TraceHeader(edition: life.edition, machine: life.machine), events.map { TraceStep($0) })
    guard let again = try? Trace(bytes: trace.bytes, name: "text") else {
      return Difference(event: max(0, events.count - 1), relation: "unreadable", detail: "its text cannot be read")
    }
    if again.header != trace.header { return Difference(event: 0, relation: "header", detail: "another machine") }
    let index = zip(again.steps, trace.steps).enumerated().first { $1.0.event != $1.1.event }?.offset
    return index.map { Difference(event: $0, relation: "event", detail: "event \($0 + 1) reads differently") }
  }
}

private func precedes(_ left: [String], _ right: [String]) -> Bool { left.lexicographicallyPrecedes(right) }

private func isReserved(_ structure: RemappingStructure) -> Bool {
  if case .rmrr = structure { true } else { false }
}

/// Hands each guest that `life` creates, on a fresh host, to `compare`.
private func onFreshHosts(
  _ life: ComparedLife, _ compare: (ComparedLife.Creation) -> (relation: String, detail: String)?
) -> Metamorphosis.Difference? {
  for (index, event) in life.events.enumerated() {
    guard case .create(let name, let configuration) = event,
      let difference = compare(life.creation(index, of: configuration))
    else { continue }
    return Metamorphosis.Difference(
      event: index, relation: difference.relation, detail: "\(name): \(difference.detail)")
  }
  return nil
}

/// Plays `events` on both hosts; the first event after which outcomes or guests differ.
private func firstDifference(
  playing events: [Event], on one: Host, and other: Host, _ compare: (Domain, Domain) -> String?
) -> Metamorphosis.Difference? {
  var left = one
  var right = other
  for (index, event) in events.enumerated() {
    let outcomes = (left.apply(event), right.apply(event))
    guard outcomes.0.isSame(as: outcomes.1) else {
      return .init(event: index, relation: "outcome", detail: "one run says \(outcomes.0), the other \(outcomes.1)")
    }
    for life in left.guests {
      let domains = (
        left.hypervisor.domain(life.domain),
        right.guest(named: life.name).flatMap { right.hypervisor.domain($0.domain) }
      )
      switch domains {
      case (let one?, let other?):
        if let relation = compare(one, other) {
          return .init(event: index, relation: relation, detail: "\(life.name)'s \(relation) differs between the runs")
        }
      case (nil, nil): break
      default: return .init(event: index, relation: "guests", detail: "only one run has \(life.name)")
      }
    }
  }
  return nil
}

extension Outcome {
  /// True if a caller sees the same, whatever the rule that is cited.
  fileprivate func isSame(as other: Outcome) -> Bool {
    switch (self, other) {
    case (.result(let left, _), .result(let right, _)): left == right
    case (.refused, .refused), (.crashed, .crashed), (.lost, .lost): true
    default: self == other
    }
  }
}
