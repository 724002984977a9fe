import Platform
import Testing

@testable import Firmware

@Suite("Elements of the loader's list")
struct BARElementTests {
  @Test("The traits of a register are those of its kind", arguments: BAR.Kind.allCases)
  func traits(kind: BAR.Kind) {
    let traits = BARTraits(of: kind)
    #expect(traits.typeBits == kind.lowBits)
    #expect(traits.is64 == kind.is64Bit)
    #expect(traits.isIO == (kind == .io) && traits.readsIO == (kind == .io))
    #expect(traits.decodeBit == (kind == .io ? 1 : 2))
    #expect(!traits.isROM && !traits.isLarge && traits.marked(isLarge: true).isLarge)
    #expect(traits.marked(isLarge: true).typeBits == kind.lowBits)
  }

  @Test("An enabled ROM may read as I/O and is a ROM all the same")
  func roms() {
    #expect(BARTraits.expansionROM.isROM && !BARTraits.expansionROM.readsIO)
    let asIO = BARTraits.romAsIO
    #expect(asIO.isROM && asIO.readsIO && !asIO.isIO && asIO.typeBits == 1 && asIO.decodeBit == 2)
  }

  @Test("A home holds its base and its space")
  func homes() {
    let high = BARPlan.Home(.high, at: 0x8_0000_0000)
    #expect(high.isHigh && !high.isNone && high.base == 0x8_0000_0000)
    let io = BARPlan.Home(.io, at: 0xC004)
    #expect(!io.isHigh && !io.isNone && io.base == 0xC004)
    #expect(BARPlan.Home.none.isNone && BARPlan.Home(.low, at: 1 << 63).base == 1 << 63)
  }

  @Test("LD-25, LD-26: the largest first, equal ones as found; totals of what may be low", arguments: [0, 1, 7, 1792])
  func sorting(count: Int) {
    let orders: [UInt8] = [12, 4, 63, 12, 31, 4, 20, 12, 2, 63]
    let found = (0..<count).map { index in
      let order = orders[(index * index) % orders.count]
      let kind = BAR.Kind.allCases[index % 5]
      return BARElement(
        footprint: 1 << UInt64(order), sizeOrder: order, slot: index, function: index / 7,
        traits: BARTraits(of: kind).marked(isLarge: order > 30))
    }
    var memory = Array(repeating: BARElement.none, count: count)
    var sorted = memory
    var bars = found.map { PlacedBAR(devfn: 0, bar: BAR(0, .io, size: 0), address: UInt64($0.slot), decodes: false) }
    let described = bars
    let totals = memory.withUnsafeMutableBufferPointer { memory in
      bars.withUnsafeMutableBufferPointer { bars in
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 64) { tally in
          var list = BARList(in: memory, bars, tally: tally)
          for (bar, element) in zip(described, found) { list.append(bar, element) }
          sorted.withUnsafeMutableBufferPointer { list.sort(into: $0) }
          #expect(Array(list.found) == described && list.count == count)
          return list.totals
        }
      }
    }
    let expected = found.sorted { ($1.size, $0.slot) < ($0.size, $1.slot) }
    #expect(sorted.map(\.slot) == expected.map(\.slot))
    #expect(sorted.map(\.size) == expected.map(\.size) && sorted.map(\.function) == expected.map(\.function))
    let wide = found.filter { $0.traits.is64 && $0.traits.isLarge }
    #expect(totals.force == !wide.isEmpty)
    let counted = found.filter { !$0.traits.isIO && !($0.traits.is64 && $0.traits.isLarge) }
    #expect(totals.memory == counted.reduce(0) { $0 &+ $1.footprint })
  }
}
