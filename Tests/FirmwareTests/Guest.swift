import AddressSpace
import Editions
import Hypercalls
import Platform

@testable import Firmware

/// A guest as the tests write it: RAM ends in pages, reserved ranges in bytes, functions by device and function number.
struct Guest {
  var low: UInt32
  var high: UInt32 = 0
  var ranges: [E820Entry] = []
  var relocate = "1"
  var hole: String?
  var physicalBits: UInt8 = 39
  var functions: [GuestFunction] = []
  var entryStates: [BAREntryState] = []
  var bios = "seabios"
  var acpi: String?
  var platformBARUncacheable: String?
  /// Populate calls that succeed before all others fail.
  var populateLimit = UInt64.max
  var edition = Edition.xen4_17

  /// The memory map in libxl's order (LD-11).
  var memoryMap: [E820Entry] {
    var map = [E820Entry(start: 0x10_0000, size: UInt64(low) << 12 &- 0x10_0000, type: .ram)] + ranges
    if high != 0 { map.append(E820Entry(start: 1 << 32, size: UInt64(high) << 12 &- (1 << 32), type: .ram)) }
    return map
  }

  var input: FirmwareInput {
    let info = HVMInfo(lowMemoryEnd: low, highMemoryEnd: high, reservedStart: 0xFEFF0)
    let bridge = GuestFunction(devfn: 0x08, vendor: 0x8086, device: 0x7000, classCode: 0x0601)
    var input = FirmwareInput(hvmInfo: info.bytes, functions: functions + [bridge], physicalBits: physicalBits)
    input.keys.allowMemoryRelocate = relocate
    input.keys.mmioHoleSize = hole
    input.keys.bios = bios
    input.keys.acpi = acpi
    input.keys.platformBARUncacheable = platformBARUncacheable
    input.entryStates = entryStates
    return input
  }

  func run() -> FirmwareReport {
    var port = GuestPort(guest: self)
    var buffer = HypercallBuffer()
    return HVMLoader(edition: edition).run(input, as: DomainID(3), on: &port, &buffer)
  }
}

/// Bytes `[start, start + size)` that the guest is told of.
func rdm(_ start: UInt64, _ size: UInt64) -> E820Entry { E820Entry(start: start, size: size, type: .reserved) }

/// A passed-through function `device.function` on the guest's bus.
func function(
  _ device: UInt8, fn number: UInt8 = 0, vendor: UInt16 = 0x10DE, id: UInt16 = 0x1000, class code: UInt16 = 0x0302,
  pin: UInt8 = 0, host: Bool = false, _ bars: BAR...
) -> GuestFunction {
  GuestFunction(
    devfn: device << 3 | number, vendor: vendor, device: id, classCode: code, interruptPin: pin, bars: bars,
    host: host ? SBDF(0, 1, device, number) : nil)
}

/// RAM that follows the calls, and counts that can run out.
struct GuestPort: HypercallPort {
  let map: [E820Entry]
  var ram = RangeMap<UInt8>()
  var populateLeft: UInt64
  var calls: [Hypercall] = []
  var sharedInfo: GFN?
  /// Pages that populate calls gave.
  var granted: UInt64 = 0

  init(guest: Guest) {
    map = guest.memoryMap
    populateLeft = guest.populateLimit
    ram.set(FrameRange(0, 0xA0), to: 1)
    ram.set(FrameRange(0xC0, max(0xC0, UInt64(guest.low))), to: 1)
    ram.set(FrameRange(0x10_0000, max(0x10_0000, UInt64(guest.high))), to: 1)
  }

  mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    calls.append(call)
    guard caller == DomainID(3) else { return Errno.EPERM.negated }
    switch call {
    case .memoryMap(let capacity):
      buffer.entries = Array(map.prefix(Int(capacity)))
      return 0
    case .getParameter(.itself, let index):
      buffer.value = index == 1 ? 0xFEFFC : 5
      return 0
    case .addToPhysmap(.itself, let space, let index, let gfn, let count):
      guard count > 0, let target = FrameRange(start: gfn, count: count),
        let from = FrameRange(start: index, count: count)
      else { return Errno.EINVAL.negated }
      if space == .sharedInfo { sharedInfo = gfn } else { ram.set(from, to: nil) }
      ram.set(target, to: 1)
      return 0
    case .populatePhysmap(.itself, let extents, _):
      let done = min(extents.count, populateLeft)
      populateLeft -= done
      granted += done
      ram.set(FrameRange(extents.first, extents.first + done), to: 1)
      return Int(done)
    case .setParameter(.itself, _, _): return 0
    default: return Errno.ENOSYS.negated
    }
  }
}

/// The lines `dev.fn/register => value` of a report, as the specification's vectors write them.
func placements(_ report: FirmwareReport) -> [String] {
  report.records.compactMap { record in
    switch record {
    case .barPlaced(let devfn, let register, _, let value):
      let upper = String(value >> 32, radix: 16)
      let lower = String(UInt32(truncatingIfNeeded: value), radix: 16)
      return "\(name(devfn, register)) \(upper)\(String(repeating: "0", count: 8 - lower.count))\(lower)"
    case .barUnplaced(let devfn, let register, _): return "\(name(devfn, register)) -"
    default: return nil
    }
  }
}

private func name(_ devfn: UInt8, _ register: UInt8) -> String {
  "\(String(devfn >> 3, radix: 16)):\(devfn & 7)/\(String(register, radix: 16))"
}

/// Command word of `device.number`.
func command(_ report: FirmwareReport, _ device: UInt8, _ number: UInt8 = 0) -> UInt16? {
  report.commands.first { $0.devfn == device << 3 | number }?.value
}
