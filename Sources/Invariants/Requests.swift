import Editions
import Platform
import Sharing
import Simulation
import Toolstack
import Tracing

/// What was asked for, held against what there is.
extension Invariant {
  static let askedIsGiven = Invariant(
    "asked-is-given",
    "A guest that is created or rebooted has the strategy, the policies and the devices that were asked for.",
    source: "BL-22, BL-39, BL-128, BL-130, LB-0, LB-10; reviews of 2014 and 2015", reads: [.building]
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
      guard let built = toolstackGuest(created, scene.after.guests, scene.after.toolstack.guests) else { return nil }
      if let violation = textViolation(created, PlainText(text), built.configuration) { return violation }
      (name, asked) = (created, built.configuration.devices)
    case (.create(let created, let configuration), .done): (name, asked) = (created, configuration.devices)
    case (.reboot(let rebooted), .done):
      guard let before = toolstackGuest(rebooted, scene.before.guests, scene.before.toolstack.guests) else {
        return nil
      }
      name = rebooted
      // What was pulled out of the host meanwhile cannot come back.
      asked = before.devices.filter { !$0.isGone }.map { AssignedDevice($0.sbdf, policy: $0.policy) }
    default: return nil
    }
    guard let guest = toolstackGuest(name, scene.after.guests, scene.after.toolstack.guests) else { return nil }
    for device in asked {
      let functions = device.allFunctions ? slot(of: device.sbdf, in: scene.after.toolstack.functions) : [device.sbdf]
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

  /// The toolstack's side of the guest called `name`, nil if it has none of that name. A host as an argument would be copied.
  private static func toolstackGuest(
    _ name: GuestName, _ lives: SharedArray<GuestLife>, _ guests: SharedArray<Guest>
  ) -> Guest? {
    guard let place = lives.place(of: name) else { return nil }
    return guests.position(of: lives[place].domain, near: place).map { guests[$0] }
  }

  private static func slot(of sbdf: SBDF, in functions: [PCIFunction]) -> [SBDF] {
    functions.map(\.sbdf).filter { $0.rawValue & ~7 == sbdf.rawValue & ~7 }
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
    for (entry, device) in zip(devices, guest.devices) where !entry.namesPolicy {
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
  /// An entry of `pci`.
  struct Entry {
    /// It says something of a policy of its own.
    let namesPolicy: Bool
  }

  /// The pairs of `rdm`, in small letters; the last of a key counts. Empty if there are none, or the text is not plain.
  var range: [String: String] = [:]
  /// The entries of `pci`; nil if there are none, or the text is not plain.
  var devices: [Entry]?

  private static let blank = UInt8(ascii: " ")

  init(_ text: [UInt8]) {
    var (rdm, pci): (ArraySlice<UInt8>?, ArraySlice<UInt8>?)
    for byte in text where byte != UInt8(ascii: "\n") {
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: "#"), UInt8(ascii: ";"), UInt8(ascii: "+"), 0x7F..., ..<0x20: return
      default: break
      }
    }
    for line in text.split(separator: UInt8(ascii: "\n")) {
      guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { return }
      let key = line[..<equals].lazy.filter { $0 != PlainText.blank }
      if key.elementsEqual("rdm".utf8) { rdm = line[(equals + 1)...] }
      if key.elementsEqual("pci".utf8) { pci = line[(equals + 1)...] }
    }
    let pairs = rdm.flatMap(PlainText.quoted)?.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    for pair in pairs ?? [] {
      let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard halves.count == 2 else { continue }
      let value = halves[1].map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
      range[String(decoding: halves[0], as: UTF8.self)] = String(decoding: value, as: UTF8.self)
    }
    guard let list = pci?.filter({ $0 != PlainText.blank }), list.first == UInt8(ascii: "["),
      list.last == UInt8(ascii: "]"), list.count > 2, PlainText.isQuote(list[1])
    else { return }
    let pieces = list[1..<list.count - 1].split(separator: list[1], omittingEmptySubsequences: false)
    // Before, between and after entries stand gaps: between two a comma and nothing else.
    for gap in stride(from: 0, to: pieces.count, by: 2) {
      let isEnd = gap == 0 || gap == pieces.count - 1
      guard pieces[gap].elementsEqual(isEnd ? [] : [UInt8(ascii: ",")]) else { return }
    }
    guard pieces.count % 2 == 1 else { return }
    devices = stride(from: 1, to: pieces.count, by: 2).map {
      Entry(namesPolicy: PlainText.names("rdm_policy", pieces[$0]))
    }
  }

  private static func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") }

  /// What stands between quotes, blanks around them aside.
  private static func quoted(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let value = value.drop { $0 == blank }
    guard let quote = value.first, isQuote(quote) else { return nil }
    let rest = value.dropFirst()
    guard let end = rest.firstIndex(of: quote), rest[(end + 1)...].allSatisfy({ $0 == blank }) else { return nil }
    return rest[..<end]
  }

  private static func names(_ word: String, _ entry: ArraySlice<UInt8>) -> Bool {
    entry.indices.contains { entry[$0...].starts(with: word.utf8) }
  }
}
