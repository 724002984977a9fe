import AddressSpace
import Platform

/// Host addresses for base address registers, as firmware gives them: each aligned to its size, no two meet, none meets
/// what the memory map holds.
struct BARPlacement {
  /// Holes below 4 GiB, filled from their upper ends.
  private var low: [AddressRange]
  /// Holes above 4 GiB, filled from their lower ends.
  private var high: [AddressRange]
  /// Ports, filled from the lower end.
  private var ports = BARPlacement.allPorts

  private static let allPorts = AddressRange(0x3000, 0x10000)

  /// Places within the holes of `memory`.
  init(_ memory: AssumedMemory) {
    low = memory.lowHoles
    high = memory.highHoles
  }

  /// Places within the holes of `memory` that `taken` leaves.
  init(_ memory: AssumedMemory, besides taken: [PCIFunction]) {
    var memory = memory
    var end = BARPlacement.allPorts.start
    // In order, so that each range is put behind those before.
    let bars = taken.flatMap(\.bars).sorted { ($0.hostAddress, $0.size) < ($1.hostAddress, $1.size) }
    for bar in bars where bar.hostAddress != 0 {
      guard let range = AddressRange(start: bar.hostAddress, size: bar.size) else { continue }
      if bar.kind == .io { end = max(end, min(range.end, BARPlacement.allPorts.end)) } else { memory.occupy(range) }
    }
    self.init(memory)
    ports = AddressRange(end, BARPlacement.allPorts.end)
  }

  /// The most bytes that a register can have below 4 GiB, and above it where it is prefetchable.
  var limits: (low: UInt64, high: UInt64) {
    // An eighth, so that several devices have room.
    (256 << 20, (high.map(\.count).max() ?? 0) / 8)
  }

  /// Gives every register an address, the large ones first; one for which no room is left keeps 0. Functions at `told`
  /// are left as they are.
  mutating func place(_ functions: inout [PCIFunction], leaving told: Set<SBDF> = []) {
    var order: [(size: UInt64, function: Int, bar: Int)] = []
    for (function, value) in functions.enumerated() where !told.contains(value.sbdf) {
      for (bar, register) in value.bars.enumerated() { order.append((register.size, function, bar)) }
    }
    order.sort { ($1.size, $0.function, $0.bar) < ($0.size, $1.function, $1.bar) }
    for (size, function, bar) in order {
      functions[function].bars[bar].hostAddress = address(functions[function].bars[bar].kind, size) ?? 0
    }
  }

  /// An address for a register of `kind`.
  private mutating func address(_ kind: BAR.Kind, _ size: UInt64) -> UInt64? {
    // Small registers get pages of their own.
    let pages = max(size, Page.size)
    switch kind {
    case .io:
      let start = alignUp(ports.start, to: size)
      guard let range = AddressRange(start: start, size: size), range.end <= ports.end else { return nil }
      ports = AddressRange(range.end, ports.end)
      return start
    case .m64p:
      for index in high.indices {
        let start = alignUp(high[index].start, to: pages)
        guard start >= high[index].start, let range = AddressRange(start: start, size: pages),
          range.end <= high[index].end
        else { continue }
        high[index] = AddressRange(range.end, high[index].end)
        return start
      }
    case .m32, .m32p, .m64, .rom:
      for index in low.indices where low[index].count >= pages {
        let start = alignDown(low[index].end - pages, to: pages)
        guard start >= low[index].start else { continue }
        low[index] = AddressRange(low[index].start, start)
        return start
      }
    }
    return nil
  }
}
