import Editions
import Platform
import Simulation
import Toolstack
import Tracing

/// What was asked for, held against what there is.
extension Invariant {
  static let askedIsGiven = Invariant(
    "asked-is-given",
    "A guest that is created or rebooted has the strategy, the policies and the devices that were asked for.",
    source: "BL-22, BL-39, BL-128, BL-130, LB-0, LB-10; reviews of 2014 and 2015", reads: [.event]
  ) { scene in
    let asked: [AssignedDevice]
    let name: GuestName
    switch scene.event {
    case .create, .config, .reboot: break
    default: return nil
    }
    switch (scene.event, scene.outcome) {
    case (.config(let created, let text), .undefined(let fields)):
      return violation(
        created, "undefined",
        "the text leaves \(fields.joined(separator: ", ")) to whatever memory held: "
          + "\"\(String(decoding: text.prefix(60), as: UTF8.self).filter { $0 != "\n" })\"")
    case (.config(let created, _), .rejected(let reading)) where reading.outcome == .died:
      return violation(created, "died", "xl died of the text")
    case (.config(let created, let text), .done):
      guard let built = scene.after.toolstackGuest(created) else { return nil }
      if let violation = textViolation(created, PlainText(text), built.configuration) { return violation }
      (name, asked) = (created, built.configuration.devices)
    case (.create(let created, let configuration), .done): (name, asked) = (created, configuration.devices)
    case (.reboot(let rebooted), .done):
      guard let before = scene.before.toolstackGuest(rebooted) else { return nil }
      name = rebooted
      // What was pulled out of the host meanwhile cannot come back.
      asked = before.devices.filter { !$0.isGone }.map { AssignedDevice($0.sbdf, policy: $0.policy) }
    default: return nil
    }
    guard let guest = scene.after.toolstackGuest(name) else { return nil }
    for device in asked {
      let functions = device.allFunctions ? scene.after.functions(inSlotOf: device.sbdf) : [device.sbdf]
      for function in functions {
        guard let attached = guest.devices.first(where: { $0.sbdf == function }) else {
          return violation(name, "device", "\(name) was to have \(function) and does not")
        }
        let policy = device.policy ?? .strict
        if attached.policy != policy {
          return violation(
            name, "policy", "\(name) has \(function) with policy \(attached.policy), asked for was \(policy)")
        }
      }
    }
    return nil
  }

  private static func violation(_ name: GuestName, _ relation: String, _ detail: String) -> Violation {
    Violation("asked-is-given", stage: "toolstack", relation: relation, detail: detail)
  }

  private static func textViolation(
    _ name: GuestName, _ text: PlainText, _ guest: GuestConfiguration
  ) -> Violation? {
    if let strategy = text.range["strategy"], strategy != guest.strategy.rawValue {
      return violation(name, "strategy", "the text says strategy=\(strategy), \(name) has \(guest.strategy.rawValue)")
    }
    let policy = text.range["policy"]
    if let policy, policy != guest.policy?.rawValue {
      return violation(
        name, "global-policy", "the text says policy=\(policy), \(name) has \(guest.policy?.rawValue ?? "none")")
    }
    guard let devices = text.devices else { return nil }
    if devices.count != guest.devices.count {
      return violation(
        name, "device-count", "the text has \(devices.count) devices, \(name) has \(guest.devices.count)")
    }
    guard let policy else { return nil }
    for (entry, device) in zip(devices, guest.devices) where !entry.contains("rdm_policy") {
      if device.policy?.rawValue != policy {
        return violation(
          name, "inherited-policy",
          "\(device.sbdf) has policy \(device.policy?.rawValue ?? "none"), the text says \(policy) for all")
      }
    }
    return nil
  }
}

/// A configuration text that needs no parser: one setting a line, no escapes, additions or comments.
///
/// It shares nothing with the reading of texts that it checks, and so says nothing of those that are not plain.
private struct PlainText {
  /// The pairs of `rdm`, in small letters; the last of a key counts. Empty if there are none, or the text is not plain.
  var range: [String: String] = [:]
  /// The entries of `pci`; nil if there are none, or the text is not plain.
  var devices: [String]?

  init(_ text: [UInt8]) {
    if text.contains(where: { "\\#;+".utf8.contains($0) || $0 >= 0x7F || $0 < 0x20 && $0 != 0x0A }) { return }
    var values: [Substring: Substring] = [:]
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n" as Character) {
      guard let equals = line.firstIndex(of: "=") else { return }
      values[line[..<equals].filter { $0 != " " }[...]] = line[line.index(after: equals)...]
    }
    if let pairs = values["rdm"].flatMap(PlainText.quoted) {
      for pair in pairs.split(separator: "," as Character, omittingEmptySubsequences: false) {
        let halves = pair.split(separator: "=" as Character, maxSplits: 1, omittingEmptySubsequences: false)
        if halves.count == 2 { range[String(halves[0])] = halves[1].lowercased() }
      }
    }
    guard let list = values["pci"]?.filter({ $0 != " " }), list.first == "[", list.last == "]", list.count > 2 else {
      return
    }
    let quote = list[list.index(after: list.startIndex)]
    guard quote == "'" || quote == "\"" else { return }
    let entries = list.dropFirst().dropLast().split(separator: quote, omittingEmptySubsequences: false)
    // Between two entries stands a comma and nothing else.
    let gaps = entries.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    guard gaps.dropFirst().dropLast().allSatisfy({ $0 == "," }), gaps.first == "", gaps.last == "" else { return }
    devices = entries.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }

  private static func quoted(_ value: Substring) -> Substring? {
    let value = value.drop { $0 == " " }
    guard let quote = value.first, quote == "'" || quote == "\"" else { return nil }
    let rest = value.dropFirst()
    guard let end = rest.firstIndex(of: quote), rest[rest.index(after: end)...].allSatisfy({ $0 == " " }) else {
      return nil
    }
    return rest[..<end]
  }
}

extension Host {
  fileprivate func toolstackGuest(_ name: GuestName) -> Guest? {
    guest(named: name).flatMap { toolstack.guest($0.domain) }
  }

  fileprivate func functions(inSlotOf sbdf: SBDF) -> [SBDF] {
    toolstack.functions.map(\.sbdf).filter { $0.rawValue & ~7 == sbdf.rawValue & ~7 }
  }
}
