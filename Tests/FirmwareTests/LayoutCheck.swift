import AddressSpace
import Editions
import Hypercalls
import Platform

@testable import Firmware

/// The first property that a finished run of the repaired loader breaks, nil if none: INV-1 to INV-5, INV-8 to INV-13
/// of the specification, checked by means that share nothing with the loader.
func brokenProperty(_ guest: Guest, _ report: FirmwareReport, _ port: GuestPort) -> String? {
  guard report.stop == .handedOver else { return nil }
  var end: UInt64 = 0
  for entry in report.e820 {
    guard let range = entry.range else { return "E820 entry \(entry) wraps" }
    if range.start < end { return "E820 \(entry) is out of order or overlaps" }
    if range.start & 0xFFF != 0 || range.end & 0xFFF != 0 || range.isEmpty { return "E820 \(entry) is not pages" }
    if entry.type == .ram, !port.ram.allSatisfy(in: range.frames, { $0 == 1 }) { return "\(entry) has no RAM" }
    end = range.end
  }
  for told in guest.ranges {
    guard let range = told.range, !range.isEmpty else { continue }
    let reserved = report.e820.filter { $0.type == .reserved }.compactMap { $0.range?.intersection(range)?.count }
    if reserved.reduce(0, +) != range.count { return "\(told) is not reserved" }
    if port.ram.contains(in: range.frames, where: { _ in true }) { return "RAM lies in \(told)" }
  }
  var placed: [PlacedBAR] = []
  for bar in report.bars {
    if bar.address == 0 {
      if bar.decodes { return "a register without address decodes: \(bar)" }
      continue
    }
    guard let range = bar.range else { return "\(bar) wraps" }
    if range.start % bar.bar.size != 0 { return "\(bar) is not aligned" }
    for other in placed where other.bar.kind.isMemory == bar.bar.kind.isMemory {
      if other.range.map({ $0.overlaps(range) }) ?? true { return "\(bar) meets \(other)" }
      let both = guest.functions.filter { $0.devfn == bar.devfn || $0.devfn == other.devfn }
      let passed = both.contains { $0.host != nil }
      if bar.bar.kind.isMemory, passed, other.range.map({ $0.frames.overlaps(range.frames) }) ?? true {
        return "\(bar) shares a page with \(other)"
      }
    }
    placed.append(bar)
    if !bar.bar.kind.isMemory {
      if range.start < 0xC000 || range.end > 0x1_0000 { return "\(bar) is outside the ports" }
      continue
    }
    if port.ram.contains(in: range.frames, where: { _ in true }) { return "\(bar) lies over RAM" }
    if guest.ranges.contains(where: { $0.range.map { $0.overlaps(range) } ?? false }) { return "\(bar) over a range" }
    let inside = [report.lowWindow, report.highWindow].contains { $0.map { $0.contains(range) } ?? false }
    if !inside { return "\(bar) is in no window" }
  }
  if let low = report.lowWindow, port.ram.contains(in: low.frames, where: { _ in true }) { return "RAM in the window" }
  if let hvm = report.hvmInfo {
    var expected = RangeMap<UInt8>()
    expected.set(FrameRange(0, 0xA0), to: 1)
    expected.set(FrameRange(0xC0, UInt64(hvm.lowMemoryEnd)), to: 1)
    if hvm.highMemoryEnd != 0 { expected.set(FrameRange(0x10_0000, UInt64(hvm.highMemoryEnd)), to: 1) }
    for frames in report.memory.populated { expected.set(frames, to: 1) }
    if let page = port.sharedInfo { expected.set(FrameRange(single: page), to: 1) }
    if expected != port.ram { return "hvm_info and RAM disagree" }
    if port.ram.frameCount != report.ramAtStart(guest) + port.granted { return "RAM was lost or made" }
  }
  return nil
}

extension FirmwareReport {
  /// Pages of RAM before the loader ran, with the shared-info page it maps.
  func ramAtStart(_ guest: Guest) -> UInt64 {
    0xA0 + UInt64(guest.low) - 0xC0 + (guest.high == 0 ? 0 : UInt64(guest.high) - 0x10_0000) + 1
  }
}

/// A small reproducible source of numbers.
struct Draw: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }
  mutating func chance(_ percent: UInt64) -> Bool { below(100) < percent }
  mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(below(UInt64(values.count)))] }
}
