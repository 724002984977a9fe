import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import Simulation
import Toolstack
import Tracing

extension Host {
  /// The host in a few lines, for a person who looks at a verdict: the guest an event is about comes whole, others in one line.
  func lines(around event: Event) -> [String] {
    var lines: [String] = []
    let boot = hypervisor.boot
    lines.append(
      "host: \(hypervisor.isAMD ? "AMD-Vi" : "VT-d") \(boot.iommuEnabled ? "on" : "off"), \(hypervisor.units.units.count) reserved ranges"
    )
    if let crash = hypervisor.hostCrash { lines.append("host: crashed by \(crash)") }
    for life in guests {
      guard let domain = hypervisor.domain(life.domain) else { continue }
      var words = ["\(life.name) (domain \(life.domain.rawValue)):", "\(domain.totalPages) pages"]
      if let crash = domain.crash { words.append("crashed by \(crash)") }
      if domain.isDying { words.append("dying") }
      let owned = hypervisor.devices.filter { $0.owner == life.domain }.map {
        "\($0.sbdf)\($0.isStrict ? "" : " relaxed")"
      }
      words.append(owned.isEmpty ? "no devices" : "devices " + owned.joined(separator: ", "))
      lines.append(words.joined(separator: " "))
      guard life.name == event.guest else { continue }
      if let built = toolstack.guest(life.domain) {
        lines.append("  memory map: " + built.memoryMap.map(\.description).joined(separator: " "))
      }
      if let report = life.firmware, report.isHandedOver {
        lines.append("  E820: " + report.e820.map(\.description).joined(separator: " "))
      }
      lines.append(
        "  p2m: "
          + domain.p2m.runs.prefix(24).map { "\($0.frames):\($0.value.text(at: $0.frames.start))" }.joined(
            separator: " "))
    }
    for unit in hypervisor.units.units.prefix(16) {
      var devices = unit.devices.map { "\(SBDF(segment: unit.segment, bdf: $0))" }
      for run in unit.runs.prefix(8) {
        let first = SBDF(segment: unit.segment, bdf: run.first)
        devices.append(run.count == 1 ? "\(first)" : "\(first)-\(SBDF(segment: unit.segment, bdf: run.last))")
      }
      lines.append("  range \(hex(unit.base))-\(hex(unit.end)) (last byte) of \(devices.joined(separator: " "))")
    }
    return lines
  }
}

extension Event {
  /// The guest it is about, nil if it is about none.
  var guest: GuestName? {
    switch self {
    case .create(let name, _), .config(let name, _), .boot(let name), .attach(let name, _), .detach(let name, _, _),
      .balloon(let name, _),
      .reboot(let name), .destroy(let name), .access(let name, _, _):
      name
    case .hypercall(let event): event.call.domain == .itself ? event.caller : event.call.domain
    case .query(let query):
      switch query {
      case .layout(let name), .rdms(let name), .memoryMap(let name), .e820(let name), .bars(let name),
        .firmware(let name),
        .p2m(let name, _),
        .iommuTable(let name, _), .domain(let name):
        name
      case .units, .iommu, .warnings, .owner: nil
      }
    case .assignableAdd, .assignableRemove, .plug, .unplug, .dma, .fault: nil
    }
  }
}
