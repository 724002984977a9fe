import Importing
import Platform
import Testing
import Tracing

@Suite("What a table does not tell")
struct AssumptionTests {
  private func trace(_ structures: RemappingStructure..., width: UInt8 = 38) throws -> Trace {
    let table = try DMARTable(structures, width: width).encoded()
    return try TableImport(catalogue: try CorpusTables.catalogue.get()).trace(of: table, named: "made.bin")
  }

  private func drhd(_ scopes: DeviceScope...) -> RemappingStructure {
    .drhd(.init(registerBase: 0xFED9_0000, includeAll: true, scopes: scopes))
  }

  private func rmrr(_ base: UInt64, _ end: UInt64, _ scopes: DeviceScope...) -> RemappingStructure {
    .rmrr(.init(base: base, end: end, scopes: scopes))
  }

  private func path(kind: DeviceScope.Kind = .endpoint, bus: UInt8 = 0, _ hops: (UInt8, UInt8)...) -> DeviceScope {
    DeviceScope(kind, startBus: bus, path: hops.map { .init($0.0, $0.1) })
  }

  @Test("HV-9: bridges on paths get nested buses in address order; what is behind them is found")
  func buses() throws {
    let machine = try trace(
      drhd(path(kind: .bridge, (3, 0))),
      rmrr(
        0x7000_0000, 0x7000_0FFF, path((0x1C, 0), (0, 0), (5, 1), (7, 0)), path((0x1C, 0), (1, 0), (2, 0)),
        path((1, 0), (0, 0)))
    ).header.machine
    let buses = machine.functions.filter { $0.buses != nil }.prefix(7).map {
      "\($0.sbdf) \($0.buses!.secondary)-\($0.buses!.subordinate) \($0.kind.rawValue) \(String($0.classCode, radix: 16))"
    }
    #expect(
      buses.prefix(3) == [
        "0000:00:01.0 1-1 pcie-bridge 604", "0000:00:03.0 2-2 pcie-bridge 604", "0000:00:1c.0 3-6 pcie-bridge 604",
      ])
    #expect(machine.function(at: SBDF(0, 3, 0, 0))?.buses == .init(secondary: 4, subordinate: 5))
    #expect(machine.function(at: SBDF(0, 4, 5, 1))?.buses == .init(secondary: 5, subordinate: 5))
    #expect(machine.function(at: SBDF(0, 3, 1, 0))?.buses == .init(secondary: 6, subordinate: 6))
    for place in [SBDF(0, 5, 7, 0), SBDF(0, 6, 2, 0), SBDF(0, 1, 0, 0)] {
      #expect(machine.function(at: place)?.kind == .pcie, "\(place)")
    }
  }

  @Test("a bus that a scope names is behind a root port below 20h, a root bus from there on")
  func namedBuses() throws {
    let machine = try trace(
      drhd(DeviceScope(.ioapic, startBus: 2, path: [.init(0x1F, 0)])),
      rmrr(0x7000_0000, 0x7000_0FFF, path(bus: 1, (0, 0)), path(bus: 0x20, (4, 0)), path(bus: 6, (0, 0), (0, 0)))
    ).header.machine
    let ports = machine.functions.filter { $0.buses?.secondary == 1 || $0.buses?.secondary == 6 }
    #expect(ports.map(\.buses) == [.init(secondary: 1, subordinate: 1), .init(secondary: 6, subordinate: 7)])
    #expect(ports.allSatisfy { $0.sbdf.bus == 0 && $0.sbdf.device == 0x1C })
    #expect(machine.function(at: SBDF(0, 6, 0, 0))?.buses == .init(secondary: 7, subordinate: 7))
    #expect(machine.function(at: SBDF(0, 0x20, 4, 0))?.kind == .pcie)
    // An IOAPIC's bus is kept free, and nothing is in front of it or of a root bus.
    #expect(
      !machine.functions.compactMap(\.buses).contains {
        $0.secondary...$0.subordinate ~= 2 || $0.secondary == 0x20
      })
  }

  @Test(
    "HV-84: a table without a remapping unit stays bytes, since structures without one stand for one that is assumed")
  func withoutUnit() throws {
    let table = try DMARTable([rmrr(0x7000_0000, 0x7000_0FFF, path((2, 0)))]).encoded()
    let trace = try TableImport(catalogue: try CorpusTables.catalogue.get()).trace(of: table, named: "made.bin")
    #expect(trace.header.machine.dmar == .bytes(table))
    #expect(trace.header.machine.function(at: SBDF(0, 0, 2, 0))?.classCode == 0x0300)
  }

  @Test("HV-4: of a table that breaks off, the structures in front count")
  func truncated() throws {
    let whole = try DMARTable([
      drhd(), rmrr(0x7000_0000, 0x7000_0FFF, path((0x14, 0))), rmrr(0x7100_0000, 0x7100_0FFF, path((2, 0))),
    ]).encoded()
    // The third structure has its type and no length.
    let table = Array(whole.prefix(48 + 16 + 32 + 2))
    let machine = try TableImport(catalogue: try CorpusTables.catalogue.get()).trace(of: table, named: "x").header
      .machine
    #expect(machine.dmar == .bytes(table))
    #expect(machine.function(at: SBDF(0, 0, 0x14, 0)) != nil && machine.function(at: SBDF(0, 0, 2, 0)) == nil)
    #expect(HostMemoryMap(machine).covers(0x7000_0000, through: 0x7000_0FFF, as: .reserved))
  }

  @Test(
    "the width of addresses is the table's, within what x86 has",
    arguments: [(1, 36), (35, 36), (38, 39), (45, 46), (51, 52), (254, 52)])
  func width(written: UInt8, bits: UInt8) throws {
    let trace = try trace(drhd(), width: written)
    #expect(trace.header.machine.physicalAddressBits == bits)
    #expect(MachineCheck(trace).problem(of: [], isReal: true) == nil)
  }

  @Test("stolen memory at a boundary of 1 MiB ends low memory; above another range there is RAM")
  func topOfMemory() throws {
    let stolen = try trace(drhd(), rmrr(0x7B00_0000, 0x7F7F_FFFF, path((2, 0)))).header.machine
    let low = stolen.e820.filter { $0.start < 0xE000_0000 }
    #expect(low.last?.type == .reserved && low.last?.end == 0x7F80_0000)
    let usb = try trace(drhd(), rmrr(0x7B00_0000, 0x7B00_4FFF, path((0x14, 0)))).header.machine
    let ram = usb.e820.filter { $0.type == .ram && $0.start < 1 << 32 }
    #expect(ram.last!.start >= 0x7B00_5000 && ram.last!.end >= 0x7C00_0000)
  }

  @Test("the same table chooses the same, another one differently; choices are stable over builds")
  func draws() throws {
    let one = try trace(drhd(), rmrr(0x7B00_0000, 0x7F7F_FFFF, path((2, 0))))
    #expect(try trace(drhd(), rmrr(0x7B00_0000, 0x7F7F_FFFF, path((2, 0)))) == one)
    #expect(
      try trace(drhd(), rmrr(0x7B10_0000, 0x7F7F_FFFF, path((2, 0)))).header.machine.e820 != one.header.machine.e820)
    // A change of the rule makes another corpus: it shows here first.
    #expect(
      one.header.machine.e820.map(\.description).prefix(3)
        == ["0x0-0x9d000:ram", "0x9e000-0x100000:reserved", "0x100000-0x7a7ef000:ram"])
    #expect(one.header.machine.function(at: SBDF(0, 0, 2, 0))?.device == 0x0F31)
  }
}
