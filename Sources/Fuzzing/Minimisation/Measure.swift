import AddressSpace
import Platform
import Toolstack
import Tracing

/// How complicated a specimen is. Every accepted step of minimisation makes it strictly smaller, and there is no
/// endless descent: minimisation ends.
///
/// Compared in this order: things (events, reserved ranges, devices, BARs, …), departures from defaults, bytes of text,
/// sizes, significant bits of all other numbers, and last the text itself, so that distinct texts never tie.
public struct Measure: Comparable, Sendable {
  /// Events, structures, units, options, functions, BARs, list entries.
  public let things: Int
  /// Options and facts that are not at their default.
  public let departures: Int
  /// Bits of all sizes and counts: log2 of each, rounded up.
  public let extentBits: Int
  /// Bits between the highest and the lowest set one of all other numbers.
  public let significantBits: Int
  /// The canonical text.
  public let text: [UInt8]

  /// The measure of `specimen`, whose canonical text is `text`.
  public init(of specimen: Specimen, text: [UInt8]) {
    self.text = text
    var things = specimen.events.count + specimen.header.machine.things + specimen.header.assumed.count
    var departures = specimen.header.machine.departures
    for event in specimen.events {
      things += event.parts
      departures += event.departures
    }
    self.things = things
    self.departures = departures
    var extents = 0
    var significant = 0
    for (value, kind) in specimen.numbers where value != 0 {
      switch kind {
      case .extent: extents += 64 - value.leadingZeroBitCount
      case .position, .memory: significant += 64 - value.leadingZeroBitCount - value.trailingZeroBitCount
      }
    }
    extentBits = extents
    significantBits = significant
  }

  /// Simpler first.
  public static func < (left: Measure, right: Measure) -> Bool {
    for (a, b) in [
      (left.things, right.things), (left.departures, right.departures), (left.text.count, right.text.count),
      (left.extentBits, right.extentBits), (left.significantBits, right.significantBits),
    ] where a != b {
      return a < b
    }
    return left.text.lexicographicallyPrecedes(right.text)
  }
}

extension Machine {
  fileprivate var things: Int {
    var count = statedUnits.count + rmrrOptions.count + e820.count + functions.count
    for unit in statedUnits { count += unit.devices.count }
    for function in functions { count += function.bars.count }
    for structure in structures {
      count += 1
      switch structure {
      case .drhd(let record): count += record.scopes.reduce(0) { $0 + $1.path.count }
      case .rmrr(let record): count += record.scopes.reduce(0) { $0 + $1.path.count }
      case .atsr(let record): count += record.scopes.reduce(0) { $0 + $1.path.count }
      case .skipped: break
      }
    }
    for block in blocks {
      count += 1
      if case .ivhd(let record) = block { count += record.entries.count }
    }
    count += ivmdOptions.count
    if case .bytes = dmar { count += 1 }
    if case .bytes = ivrs { count += 1 }
    return count
  }

  fileprivate var departures: Int {
    let usual = Machine()
    var count = memory != usual.memory ? 1 : 0
    count += physicalAddressBits != usual.physicalAddressBits ? 1 : 0
    count += iommu != usual.iommu ? 1 : 0
    count += pageTables != usual.pageTables ? 1 : 0
    count += sharesPageTables != usual.sharesPageTables ? 1 : 0
    count += quarantine != usual.quarantine ? 1 : 0
    for range in reservedRanges {
      // Firmware reserves whole pages.
      count += (Page.isAligned(range.start) ? 0 : 1) + (Page.isAligned(range.end) ? 0 : 1)
    }
    return functions.reduce(count) { $0 + $1.departures }
  }
}

extension PCIFunction {
  fileprivate var departures: Int {
    let usual = PCIFunction(sbdf)
    var count = kind != usual.kind ? 1 : 0
    count += vendor != usual.vendor ? 1 : 0
    count += device != usual.device ? 1 : 0
    count += classCode != usual.classCode ? 1 : 0
    count += buses != nil ? 1 : 0
    count += phantomStride != 0 ? 1 : 0
    count += physicalFunction != nil ? 1 : 0
    count += interruptPin != 0 ? 1 : 0
    return bars.reduce(count) { $0 + ($1.kind == .m32 || $1.kind == .rom ? 0 : 1) }
  }
}

extension Event {
  /// Entries of lists inside the event.
  fileprivate var parts: Int {
    switch self {
    case .create(_, let configuration): configuration.devices.count
    case .config(_, let text): text.count
    case .plug(let function): function.bars.count
    case .hypercall(let event): event.entries.count + event.frames.count
    default: 0
    }
  }

  fileprivate var departures: Int {
    switch self {
    case .create(_, let configuration): configuration.departures
    case .attach(_, let device): device.departures
    case .detach(_, _, let force): force ? 1 : 0
    case .plug(let function): function.departures
    default: 0
    }
  }
}

extension GuestConfiguration {
  /// How many options are not at their default; memory has none.
  var departures: Int {
    let usual = GuestConfiguration(memoryMiB: 0)
    var count = targetMemoryKiB != maxMemoryKiB ? 1 : 0
    count += videoKiB != usual.videoKiB ? 1 : 0
    count += vcpus != usual.vcpus ? 1 : 0
    count += hap != usual.hap ? 1 : 0
    count += mmioHoleKiB != usual.mmioHoleKiB ? 1 : 0
    count += boundaryKiB != usual.boundaryKiB ? 1 : 0
    count += strategy != usual.strategy ? 1 : 0
    count += policy != usual.policy ? 1 : 0
    count += passthrough != usual.passthrough ? 1 : 0
    count += deviceModel != usual.deviceModel ? 1 : 0
    count += vga != usual.vga ? 1 : 0
    count += graphicsPassthrough != usual.graphicsPassthrough ? 1 : 0
    count += platformBARUncacheable != usual.platformBARUncacheable ? 1 : 0
    count += acpi != usual.acpi ? 1 : 0
    count += acpiFirmwareBytes != usual.acpiFirmwareBytes ? 1 : 0
    count += smbiosFirmwareBytes != usual.smbiosFirmwareBytes ? 1 : 0
    return devices.reduce(count) { $0 + $1.departures }
  }
}

extension AssignedDevice {
  fileprivate var departures: Int {
    (policy != nil ? 1 : 0) + (slot != nil ? 1 : 0) + (seize ? 1 : 0) + (byName ? 1 : 0)
  }
}
