import AddressSpace
import Editions
import Hypervisor
import Toolstack
import Tracing

extension Outcome {
  /// What a trace would write of it; nil where that takes a look at the host.
  public var observation: Observation? {
    switch self {
    case .done: nil
    case .refused(let refusal):
      Observation(["refused", refusal.errno.map { "\($0)" } ?? refusal.error.name], Outcome.field(refusal.rule))
    case .rejected(let reading):
      Observation(
        reading.outcome == .died ? ["died"] : ["rejected", "\(reading.exit)"],
        reading.messages.isEmpty ? [] : [.init("said", reading.messages.joined(separator: "\n"))])
    case .undefined(let fields): Observation(["undefined"] + fields)
    case .unmodelled(let what): Observation(["unmodelled", what])
    case .lost(let refusal):
      Observation(["lost", refusal.errno.map { "\($0)" } ?? refusal.error.name], Outcome.field(refusal.rule))
    case .crashed(let rule): Observation(["crashed"], Outcome.field(rule))
    case .result(let result, let rule):
      Observation([Errno(result: result).map { "-\($0)" } ?? "\(result)"], Outcome.field(rule))
    case .touched(let access): Observation(access.words)
    case .transferred(let transfer): Observation(transfer.words)
    case .answer(let observation): observation
    }
  }

  private static func field(_ rule: Rule?) -> [Observation.Field] {
    rule.map { [Observation.Field("rule", "\($0)")] } ?? []
  }
}

extension Host {
  /// What a trace would write behind `event` if `outcome` came of it; the host is the one after the event.
  public func observation(of event: Event, _ outcome: Outcome) -> Observation {
    outcome.observation ?? Observation(["ok"], facts(after: event))
  }

  /// What is worth a look after an event that happened.
  private func facts(after event: Event) -> [Observation.Field] {
    switch event {
    case .create(let name, _), .reboot(let name):
      guard let life = guest(named: name), let built = toolstack.guest(life.domain) else { return [] }
      return [.init("low", hex(built.layout.lowMemoryEnd)), .init("high", hex(built.layout.highMemoryEnd))]
    case .config(let name, _):
      guard let life = guest(named: name), let built = toolstack.guest(life.domain) else { return [] }
      return facts(after: .create(name, built.configuration)) + Host.facts(of: built.configuration)
    case .boot(let name):
      guard let report = guest(named: name)?.firmware else { return [] }
      let unmapped = guest(named: name)?.unmappedBARs.map {
        Observation.Field("unmapped-bars", $0.errno.map { "\($0)" } ?? $0.error.name)
      }
      return [
        .init("hole", report.lowWindow.map { "\($0)" } ?? "none"),
        .init("high-window", report.highWindow.map { "\($0)" } ?? "none"),
      ]
        + (unmapped.map { [$0] } ?? [])
    case .balloon(let name, _):
      guard let life = guest(named: name), let domain = hypervisor.domain(life.domain) else { return [] }
      return [.init("pages", "\(domain.totalPages)")]
    case .attach, .detach, .assignableAdd, .assignableRemove, .destroy, .plug, .unplug, .hypercall, .access, .dma,
      .fault,
      .query:
      return []
    }
  }

  /// The effective configuration, as far as text says it.
  private static func facts(of configuration: GuestConfiguration) -> [Observation.Field] {
    var fields: [Observation.Field] = [.init("strategy", configuration.strategy.rawValue)]
    if let policy = configuration.policy { fields.append(.init("policy", policy.rawValue)) }
    for device in configuration.devices {
      let options = [device.policy?.rawValue, device.slot.map { "slot=\($0)" }, device.allFunctions ? "all" : nil]
      fields.append(.init("pci", (["\(device.sbdf)"] + options.compactMap(\.self)).joined(separator: ",")))
    }
    return fields
  }
}
