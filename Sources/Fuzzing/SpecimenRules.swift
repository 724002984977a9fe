import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack
import Tracing

/// What every specimen keeps to, so that it can be written as a trace and read back, and its cost is bounded.
///
/// Generators and mutators make nothing else. Whether the host would boot or the toolstack agree is not asked here.
public struct SpecimenRules: Hashable, Sendable {
  /// Most events.
  public var eventCount = 64
  /// Most guests: names are `dom1` to this number.
  public var guestCount: UInt16 = 8
  /// Most functions of the host, plugged ones not counted.
  public var functionCount = 48
  /// Most structures of the table, stated units, and `rmrr=` options, each.
  public var unitCount = 24
  /// Most devices of one unit and of one guest.
  public var deviceCount = 16
  /// Most records and frames of one raw hypercall.
  public var recordCount = 127
  /// Most bytes of a configuration text.
  public var textBytes = 1 << 16
  /// Largest BAR in bytes.
  public var barSize: UInt64 = 1 << 35

  /// The rules as the fuzzer keeps them.
  public init() {}

  /// The first rule that `specimen` breaks, as one line; nil if it keeps all.
  public func violation(in specimen: Specimen) -> String? {
    violation(in: specimen.header.machine) ?? violation(in: specimen.events)
  }

  /// The first rule that `events` break.
  func violation(in events: [Event]) -> String? {
    if events.count > eventCount { return "more than \(eventCount) events" }
    for index in events.indices {
      if let violation = violation(in: events[index]) { return "event \(index): \(violation)" }
    }
    return nil
  }

  /// The first rule that `machine` breaks.
  func violation(in machine: Machine) -> String? {
    if machine.memory == 0 || machine.memory > 1 << 46 { return "host memory \(machine.memory)" }
    if !(32...52).contains(machine.physicalAddressBits) { return "physical address bits" }
    if case .structures(let structures) = machine.dmar {
      if structures.count > unitCount { return "more than \(unitCount) structures" }
      for structure in structures {
        let scopes: [DeviceScope] =
          switch structure {
          case .drhd(let record): record.scopes
          case .rmrr(let record): record.scopes
          case .atsr(let record): record.scopes
          case .skipped: []
          }
        if scopes.count > deviceCount { return "more than \(deviceCount) scope entries" }
        if scopes.contains(where: { $0.path.isEmpty || $0.path.count > 8 }) { return "a scope path" }
      }
    }
    if case .blocks(let blocks) = machine.ivrs {
      if blocks.count > unitCount { return "more than \(unitCount) blocks" }
      for case .ivhd(let record) in blocks where record.entries.count > deviceCount {
        return "more than \(deviceCount) entries behind an IOMMU"
      }
    }
    if machine.statedUnits.count > unitCount { return "more than \(unitCount) units" }
    for unit in machine.statedUnits {
      if unit.devices.count > deviceCount { return "more than \(deviceCount) devices in a unit" }
      if unit.devices.isEmpty { return "a unit without devices" }
    }
    if machine.rmrrOptions.count > unitCount { return "more than \(unitCount) options" }
    if machine.ivmdOptions.count > unitCount { return "more than \(unitCount) options" }
    for option in machine.rmrrOptions + machine.ivmdOptions
    where option.isEmpty || option.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F || $0 == UInt8(ascii: "#") }) {
      return "an rmrr= or ivmd= option that is no word"
    }
    if machine.functions.count > functionCount { return "more than \(functionCount) functions" }
    for (function, next) in zip(machine.functions, machine.functions.dropFirst())
    where function.sbdf >= next.sbdf {
      return "functions not ascending at \(next.sbdf)"
    }
    for function in machine.functions {
      if let violation = violation(in: function) { return "\(function.sbdf): \(violation)" }
    }
    if machine.e820.count > recordCount { return "more than \(recordCount) E820 entries" }
    return violation(in: machine.e820)
  }

  private func violation(in entries: [E820Entry]) -> String? {
    if entries.count > recordCount { return "more than \(recordCount) records" }
    // A record is written with its end.
    return entries.contains { $0.end < $0.start } ? "a record that passes 2^64" : nil
  }

  private func violation(in function: PCIFunction) -> String? {
    if ![0, 1, 2, 4].contains(function.phantomStride) { return "phantom stride \(function.phantomStride)" }
    if function.interruptPin > 4 { return "interrupt pin \(function.interruptPin)" }
    if (function.buses != nil) != function.kind.isBridge { return "buses behind something else than a bridge" }
    if let buses = function.buses, buses.secondary > buses.subordinate { return "buses out of order" }
    var free: UInt8 = 0
    for bar in function.bars {
      if bar.index < free || bar.index > 6 { return "BAR \(bar.index) out of order" }
      if (bar.index == 6) != (bar.kind == .rom) { return "BAR \(bar.index) of kind \(bar.kind)" }
      if bar.kind.is64Bit, bar.index > 4 { return "64-bit BAR \(bar.index) without its upper half" }
      if bar.size & (bar.size &- 1) != 0 { return "BAR size \(bar.size)" }
      let sizes: ClosedRange<UInt64> =
        switch bar.kind {
        case .io: 4...0x8000
        case .rom: 0x800...0x100_0000
        case .m32, .m32p: 16...0x8000_0000
        case .m64, .m64p: 16...barSize
        }
      if !sizes.contains(bar.size) { return "BAR size \(bar.size) of kind \(bar.kind)" }
      if bar.hostAddress & (bar.size - 1) != 0 { return "BAR at \(hex(bar.hostAddress)) not aligned to its size" }
      free = bar.index + (bar.kind.is64Bit ? 2 : 1)
    }
    return nil
  }

  private func violation(in event: Event) -> String? {
    switch event {
    case .create(let name, let configuration):
      return violation(in: name) ?? violation(in: configuration)
    case .config(let name, let text):
      return violation(in: name) ?? (text.count > textBytes ? "a text of \(text.count) bytes" : nil)
    case .boot(let name), .reboot(let name), .destroy(let name), .balloon(let name, _), .access(let name, _, _),
      .detach(let name, _, _):
      return violation(in: name)
    case .attach(let name, let device): return violation(in: name) ?? violation(in: device)
    case .assignableAdd, .assignableRemove, .unplug, .dma: return nil
    case .plug(let function): return violation(in: function)
    case .hypercall(let event): return violation(in: event)
    case .fault(.hypercall(let ordinal, _)), .fault(.allocation(let ordinal)), .fault(.growingQuery(let ordinal)):
      return ordinal == 0 ? "a fault at ordinal 0" : nil
    case .query(let query):
      switch query {
      case .units, .iommu, .warnings, .owner: return nil
      case .layout(let name), .rdms(let name), .memoryMap(let name), .e820(let name), .bars(let name),
        .firmware(let name),
        .domain(let name):
        return violation(in: name)
      case .p2m(let name, let frames), .iommuTable(let name, let frames):
        return violation(in: name) ?? (frames.isEmpty ? "a query for no frames" : nil)
      }
    }
  }

  private func violation(in name: GuestName) -> String? {
    (1...guestCount).contains(name.rawValue) ? nil : "a guest named \(name)"
  }

  private func violation(in configuration: GuestConfiguration) -> String? {
    if configuration.maxMemoryKiB > 1 << 36 { return "a guest of \(configuration.maxMemoryKiB) KiB" }
    if configuration.targetMemoryKiB > 1 << 36 { return "a target of \(configuration.targetMemoryKiB) KiB" }
    if configuration.devices.count > deviceCount { return "more than \(deviceCount) devices of a guest" }
    if configuration.vcpus == 0 || configuration.vcpus > 128 { return "\(configuration.vcpus) vcpus" }
    if max(configuration.acpiFirmwareBytes, configuration.smbiosFirmwareBytes) > 1 << 20 { return "a large blob" }
    for device in configuration.devices {
      if let violation = violation(in: device) { return violation }
    }
    return nil
  }

  private func violation(in device: AssignedDevice) -> String? {
    if let slot = device.slot, slot > 31 { return "slot \(slot)" }
    return nil
  }

  private func violation(in event: HypercallEvent) -> String? {
    if event.caller != .dom0, violation(in: event.caller) != nil { return "a call by \(event.caller)" }
    if event.frames.count > recordCount { return "more than \(recordCount) frames" }
    if let violation = violation(in: event.entries) { return violation }
    switch event.call {
    case .createDomain:
      guard let created = event.created else { return "a created domain without a name" }
      return violation(in: created)
    case .setMemoryMap(_, let count):
      return Int(count) == event.entries.count ? nil : "a count of records that are not there"
    case .populatePhysmap(_, let extents, _), .decreaseReservation(_, let extents):
      return extents.scattered && Int(exactly: extents.count) != event.frames.count
        ? "a count of frames that are not there" : nil
    default: return event.created == nil ? nil : "a name for no created domain"
    }
  }
}
