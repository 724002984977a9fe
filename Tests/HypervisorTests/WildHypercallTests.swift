import AddressSpace
import Editions
import Hypercalls
import Platform
import TestSupport
import Testing

@testable import Hypervisor

@Suite("Hypercalls with any numbers")
struct WildHypercallTests {
  private static func number(_ random: inout SplitMix64) -> UInt64 {
    let base: UInt64 = [0, 1, 0xF0, 0x1000, 1 << 20, 1 << 27, 1 << 36, 1 << 40, 1 << 52, 1 << 63, .max][
      random.below(11)]
    return base &+ UInt64(random.below(7)) &- 3
  }

  private static func device(_ random: inout SplitMix64) -> SBDF {
    let known = [World.a, World.b, World.c, World.behind, World.bridge, World.hostBridge, World.rootPort]
    return random.below(8) == 0 ? SBDF(rawValue: UInt32(truncatingIfNeeded: random.next())) : known[random.below(7)]
  }

  private static func domain(_ random: inout SplitMix64) -> DomainID {
    [DomainID(1), DomainID(2), DomainID(3), .dom0, .itself, .io, .xen, .invalid, DomainID(0xFFFF)][random.below(9)]
  }

  private static func call(_ random: inout SplitMix64, _ buffer: inout HypercallBuffer) -> Hypercall {
    let domain = domain(&random)
    let device = device(&random)
    let flags = UInt32(truncatingIfNeeded: number(&random))
    func any() -> UInt64 { number(&random) }
    let order = UInt8(truncatingIfNeeded: [0, 0, 1, 9, 18, 19, 64, 255][random.below(8)])
    var extents = Extents(first: any(), count: any(), order: order, perCall: any())
    if random.below(4) == 0 {
      buffer.frames = [any(), any(), any()]
      extents = Extents(scattered: random.below(6), order: order)
    }
    switch random.below(26) {
    case 0:
      return .createDomain(
        .init(
          kind: random.below(2) == 0 ? .hvm : .pv, hap: random.below(2) == 0, iommu: random.below(4) > 0,
          separateTables: random.below(2) == 0))
    case 1: return .destroyDomain(domain)
    case 2: return .maxMem(domain, kib: any())
    case 3: return .maxVCPUs(domain, flags)
    case 4, 5: return .memoryMapping(domain, gfn: any(), mfn: any(), count: any(), add: random.below(2) == 0)
    case 6: return .iomemPermission(domain, mfn: any(), count: any(), allow: random.below(4) > 0)
    case 7: return .ioportPermission(domain, first: flags, count: UInt32(truncatingIfNeeded: any()), allow: true)
    case 8, 9: return .assignDevice(domain, device, flags: UInt32(random.below(3)), deviceType: 0)
    case 10: return .deassignDevice(domain, device, flags: 0, deviceType: 0)
    case 11: return .getDeviceGroup(domain, device, capacity: flags)
    case 12: return .setLogDirty(domain, enable: random.below(2) == 0)
    case 13, 14: return .populatePhysmap(domain, extents, flags: random.below(2) == 0 ? 0 : flags)
    case 15: return .populatePhysmap(domain, extents, flags: 1 << 16)
    case 16: return .decreaseReservation(domain, extents)
    case 17, 18:
      return .addToPhysmap(
        domain, space: PhysmapSpace.allCases[random.below(4)], index: any(), gfn: any(), count: any())
    case 19: return .removeFromPhysmap(domain, gfn: any())
    case 20: return .reservedDeviceMemoryMap(device, flags: UInt32(random.below(3)), capacity: UInt32(random.below(5)))
    case 21: return .setMemoryMap(domain, count: flags)
    case 22: return .setPoDTarget(domain, pages: any())
    case 23: return .claimPages(domain, pages: any())
    case 24: return .pciDeviceAdd(device, flags: flags, physicalFunction: Self.device(&random))
    default: return .pciDeviceRemove(device)
    }
  }

  @Test("no trap, no endless loop, frames conserved, maps in order", arguments: 0..<8)
  func anything(seed: UInt64) {
    var mappings = 0
    var random = SplitMix64(seed: seed)
    for life in 0..<60 {
      let edition = life % 2 == 0 ? Edition.xen4_17 : .repaired
      var units = [World.unit(0xF0, 0xF3, World.a), World.unit(0xF2, 0xF8, World.a, World.c)]
      for _ in 0..<4 {
        units.append(
          RMRRUnit(base: Self.number(&random) << 12, end: Self.number(&random) << 12 | 0xFFF, devices: [World.b.bdf]))
      }
      var world = World(edition, units) {
        $0.memory = [0, 4096, 64 << 20, 1 << 50][random.below(4)]
        $0.pageTables = Machine.PageTables.allCases[random.below(2)]
        $0.quarantine = Machine.Quarantine.allCases[random.below(3)]
        $0.physicalAddressBits = UInt8(truncatingIfNeeded: random.next())
      }
      for _ in 0..<3 { _ = world.guest(random.below(4) == 0 ? .pv : .hvm, separate: random.below(2) == 0) }
      for _ in 0..<400 {
        let call = Self.call(&random, &world.buffer)
        world.xen.budget.arm(failing: UInt64(random.below(8)))
        _ = world.call(call, by: random.below(4) == 0 ? DomainID(1) : .dom0)
        world.xen.budget.arm(failing: 0)
        _ = world.xen.access(DomainID(1), gfn: Self.number(&random), .execute)
        _ = world.xen.dma(from: Self.device(&random), dfn: Self.number(&random), write: true)
      }
      var charged: UInt64 = 0
      for domain in world.xen.domains {
        charged += domain.totalPages
        #expect(domain.p2m.brokenRule == nil && domain.dmaTable.brokenRule == nil)
        #expect(domain.unreachablePages <= domain.totalPages)
        // What is looked at first does not hide a mapping.
        var reached: [FrameRange] = []
        _ = withUnsafePointer(to: domain) { Domain.update(&reached, of: $0) }
        for frames in reached where !frames.isEmpty {
          mappings += 1
          #expect(withUnsafePointer(to: domain) { Domain.reaches(frames, by: $0) })
        }
      }
      #expect(charged + world.xen.budget.free == world.xen.budget.frames)
    }
    #expect(mappings > 20)
  }
}
