import AddressSpace
import Editions
import Hypervisor
import Platform
import TestSupport
import Testing

@Suite("Boot: reserved ranges of the table")
struct BootTableTests {
  @Test("HV-18, HV-36: stated units, then options reversed, then the table reversed")
  func listOrder() {
    var machine = host(
      [drhd(), rmrr(0x10_0000, 0x10_0FFF, 5), rmrr(0x20_0000, 0x20_0FFF, 6)],
      options: ["f0=0:5.0;f1=0:6.0", "f2=0:7.0"])
    machine.statedUnits = [
      RMRRUnit(base: 0x10_0000, end: 0x10_0FFF, devices: bdfs(5)), RMRRUnit(base: 0, end: 0xFFF, devices: bdfs(6)),
    ]
    for decisions in [xen417, repaired] {
      let report = BootReport(booting: machine, decisions: decisions)
      #expect(report.outcome == .up && report.vtdEnabled && report.rule == nil)
      #expect(report.units.map(\.base) == [0x10_0000, 0, 0xF2000, 0xF1000, 0xF0000, 0x20_0000, 0x10_0000])
    }
  }

  @Test("HV-14, HV-104: all pairs of ranges over three pages, devices present or absent, in both editions")
  func pairs() {
    // Byte ranges on page boundaries, also inverted ones.
    let ranges = (0..<3).flatMap { first in (0..<3).map { (UInt64(first) << 12, UInt64($0) << 12 | 0xFFF) } }
    let absent: UInt8 = 0x1E
    for (base1, end1) in ranges {
      for (base2, end2) in ranges {
        for (device1, device2) in [(5 as UInt8, 6 as UInt8), (5, absent), (absent, 6), (absent, absent)] {
          for checksExistence in [false, true] {
            var decisions = xen417
            decisions.segments = checksExistence ? .known : .unknown
            let report = boot([rmrr(base1, end1, device1), rmrr(base2, end2, device2)], as: decisions)
            // Told step by step: the second is compared with the first only if the first is on the list.
            let counts1 = !checksExistence || device1 != absent
            let counts2 = !checksExistence || device2 != absent
            let rule: Rule?
            if counts1 && base1 > end1 {
              rule = .hv(14)
            } else if counts1 && base2 <= end1 && base1 <= end2 {
              rule = .hv(19)
            } else {
              rule = counts2 && base2 > end2 ? .hv(14) : nil
            }
            #expect(report.rule == rule && report.vtdEnabled == (rule == nil))
            let expected = (counts2 ? [base2] : []) + (counts1 ? [base1] : [])
            #expect(report.units.map(\.base) == (rule == nil ? expected : []))
          }
        }
      }
    }
  }

  @Test("HV-S8: a range of an absent device is harmless in front of the one it overlaps, in releases fatal behind it")
  func absentOverlap() {
    let gone = rmrr(0x1000, 0x2FFF, 0x1E)
    let present = rmrr(0x2000, 0x3FFF, 5)
    #expect(boot([gone, present], as: repaired).units.map(\.base) == [0x2000])
    #expect(boot([present, gone], as: repaired).units.map(\.base) == [0x2000])
    let ordered = BootDecisions([.overlapsJudgedBeforeUse])
    #expect(boot([gone, present], as: ordered).units.map(\.base) == [0x2000])
    #expect(boot([present, gone], as: ordered).rule == .hv(19))
    #expect(boot([gone, present], as: xen417).rule == .hv(19))
  }

  @Test("HV-15: absent means no id; the first existing device keeps the unit, absent ones stay in its list")
  func existence() {
    for (vendor, device, exists) in [
      (0xFFFF, 0xFFFF, false), (0, 0, false), (0xFFFF, 0, false), (0, 0xFFFF, false), (0x8086, 0, true),
      (0x8086, 0xFFFF, true),
      (0, 1, true), (0xFFFF, 1, true),
    ] {
      var machine = host([drhd(), rmrr(0x1000, 0x1FFF, 5)])
      machine.functions = [PCIFunction(function(5), vendor: UInt16(vendor), device: UInt16(device))]
      #expect(BootReport(booting: machine, decisions: repaired).units.isEmpty != exists)
      #expect(BootReport(booting: machine, decisions: xen417).units.count == 1, "D-2")
    }
    let kept = boot([rmrr(0x1000, 0x1FFF, 0x1D, 5, 0x1E)], as: repaired)
    #expect(kept.units.map(\.devices) == [bdfs(0x1D, 5, 0x1E)])
    #expect(kept.warnings.map(\.kind) == [.absentDevice(function(0x1D))])
    let ignored = boot([rmrr(0x1000, 0x1FFF, 0x1D, 0x1E)], as: repaired)
    #expect(ignored.warnings.last?.kind == .allDevicesAbsent && ignored.warnings.last?.rule == .hv(15))
  }

  @Test("HV-15: devices of a segment without any function count as existing, and so do all if none is stated")
  func unknownSegments() {
    #expect(boot([rmrr(0x1000, 0x1FFF, 0x1E, segment: 1)], as: repaired).units.count == 1)
    var machine = host([drhd(), rmrr(0x1000, 0x1FFF, 0x1E, segment: 1)])
    machine.functions.append(PCIFunction(function(1, segment: 1)))
    #expect(BootReport(booting: machine, decisions: repaired).units.isEmpty)
    machine.functions = []
    #expect(BootReport(booting: machine, decisions: repaired).units.count == 1)
  }

  @Test("HV-9, HV-11: paths go through secondary buses; a missing bridge gives bus ff, another segment too before 4.19")
  func paths() {
    func bus(_ path: DeviceScope.Hop..., from start: UInt8 = 0, segment: UInt16 = 0, as decisions: BootDecisions)
      -> UInt16?
    {
      let scope = DeviceScope(.endpoint, startBus: start, path: path)
      var machine = host([drhd(), .rmrr(RMRRRecord(segment: segment, base: 0, end: 0xFFF, scopes: [scope]))])
      machine.functions.append(
        PCIFunction(function(9, segment: 1), kind: .pcieBridge, buses: .init(secondary: 7, subordinate: 7)))
      // Kept whether its device exists or not.
      var decisions = decisions
      if segment == 0 { decisions.segments = .unknown }
      return BootReport(booting: machine, decisions: decisions).units.first?.devices.first.map { $0 >> 8 }
    }
    for decisions in [xen417, repaired] {
      #expect(bus(.init(5, 0), as: decisions) == 0)
      #expect(bus(.init(5, 0), from: 3, as: decisions) == 3)
      #expect(bus(.init(9, 0), .init(0, 0), as: decisions) == 1)
      #expect(bus(.init(10, 0), .init(0, 0), .init(3, 0), as: decisions) == 3)
      #expect(bus(.init(9 + 32, 8), .init(0, 0), as: decisions) == 1, "5 bits of device, 3 of function")
      #expect(bus(.init(0x1E, 0), .init(0, 0), as: decisions) == 0xFF)
      #expect(bus(.init(0x1E, 0), .init(1, 0), .init(0, 0), as: decisions) == 0xFF)
      #expect(bus(.init(5, 0), .init(0, 0), as: decisions) == 0, "no bridge: what BAR 2 holds")
    }
    #expect(bus(.init(9, 0), .init(0, 0), segment: 1, as: xen417) == 0xFF)
    var machine = host([
      drhd(),
      .rmrr(
        RMRRRecord(
          base: 0, end: 0xFFF, scopes: [DeviceScope(.endpoint, startBus: 0, path: [.init(5, 0), .init(0, 0)])])),
    ])
    machine.functions[0].bars = [BAR(2, .m32, size: 0x1000, hostAddress: 0xFEB5_3000)]
    #expect(BootReport(booting: machine, decisions: xen417).units.first?.devices == [0x3000])
  }

  @Test("HV-9: in the repaired edition a bridge of another segment is asked for its bus")
  func pathInKnownSegment() {
    let scope = DeviceScope(.endpoint, startBus: 0, path: [.init(9, 0), .init(0, 0)])
    var machine = host([drhd(), .rmrr(RMRRRecord(segment: 1, base: 0, end: 0xFFF, scopes: [scope]))])
    machine.functions += [
      PCIFunction(function(9, segment: 1), kind: .pcieBridge, buses: .init(secondary: 7, subordinate: 7)),
      PCIFunction(SBDF(1, 7, 0, 0)),
    ]
    #expect(BootReport(booting: machine, decisions: repaired).units.map(\.devices) == [[0x700]])
  }

  @Test("HV-10, HV-12: types 1 to 4 are listed, duplicates too; others skipped; a unit without devices is dropped")
  func scopeTypes() {
    for type: UInt8 in 0...255 {
      let scope = DeviceScope(.init(rawValue: type), startBus: 0, path: [.init(5, 0)])
      let unit = RMRRRecord(base: 0x1000, end: 0x1FFF, scopes: [scope, scope])
      let report = boot([.rmrr(unit), rmrr(0x1000, 0x1FFF, 6)], as: xen417)
      if 1...4 ~= type {
        #expect(report.rule == .hv(19))
      } else {
        #expect(report.units.map(\.devices) == [bdfs(6)] && report.warnings.first?.kind == .noDevices)
      }
    }
    let unit = RMRRRecord(base: 0x1000, end: 0x1FFF, scopes: [endpoint(5), endpoint(5)])
    #expect(boot([.rmrr(unit)], as: repaired).units.map(\.devices) == [bdfs(5, 5)])
  }

  @Test("HV-17: a range not reserved only causes a warning; in RAM it is fatal but under rangesInRAMAccepted")
  func memoryMap() {
    func report(_ base: UInt64, _ end: UInt64, _ decisions: BootDecisions) -> BootReport {
      var machine = host([drhd(), rmrr(base, end, 5)])
      machine.e820 = [
        E820Entry(start: 0, size: 0x8000, type: .ram), E820Entry(start: 0x8000, size: 0x4000, type: .reserved),
      ]
      return BootReport(booting: machine, decisions: decisions)
    }
    for (base, end, reserved, ram) in [
      (0x8000, 0x8FFF, true, false), (0x8000, 0xBFFF, true, false), (0x8000, 0xC000, false, false),
      (0x7000, 0x8FFF, false, true), (0x1000, 0x1000, false, true), (0x7FFF, 0x7FFF, false, true),
      (0x10000, 0x10FFF, false, false),
    ] as [(UInt64, UInt64, Bool, Bool)] {
      let lenient = report(base, end, xen417)
      #expect(lenient.vtdEnabled && lenient.warnings.map(\.kind) == (reserved ? [] : [.notReserved]))
      #expect(report(base, end, repaired).rule == (ram ? .hv(17) : nil))
    }
  }

  @Test("HV-22, C-10: ranges beyond every address: hang or a wrapped count, refused in the repaired edition")
  func hugeRanges() {
    let hang = boot([rmrr(0, 1 << 63, 5)], as: xen417)
    #expect(hang.outcome == .hang && hang.vtdEnabled && hang.rule == .c(10))
    #expect(boot([rmrr(0, 1 << 63, 0, 5)], as: xen417).outcome == .up, "hidden by HV-13: never mapped")
    #expect(boot([rmrr(.max - 0x1FFF, .max, 5)], as: xen417).outcome == .up, "the mapped set is empty")
    for (base, end) in [(0, 1 << 63), (1 << 52, 1 << 52 + 1), (.max - 0x1FFF, .max)] as [(UInt64, UInt64)] {
      let report = boot([rmrr(base, end, 5)], as: repaired)
      #expect(report.outcome == .up && report.rule == .hv(22) && !report.vtdEnabled)
    }
    #expect(boot([rmrr(0, 1 << 52 - 1, 5)], as: repaired).vtdEnabled)
  }

  @Test("HV-4: what stood in front of a fault is dropped with it")
  func allOrNothing() {
    for fault in [rmrr(0x2000, 0x1FFF, 6), rmrr(0x1000, 0x1000, 6), drhd(at: 0), drhd()] {
      let report = boot([rmrr(0x1000, 0x1FFF, 5), fault], options: ["f0=0:5.0"], as: xen417)
      #expect(!report.vtdEnabled && report.rule != nil && report.outcome == .up)
      #expect(report.units.isEmpty && report.remappingUnits.isEmpty)
    }
  }

  @Test("HV-14: of two faults in one structure the earlier check decides")
  func orderOfChecks() throws {
    func report(_ structures: [RemappingStructure], spoiling offset: Int) throws -> BootReport {
      var bytes = try DMARTable([drhd()] + structures).encoded()
      bytes[offset] = 0
      var machine = host([])
      machine.dmar = .bytes(bytes)
      return BootReport(booting: machine, decisions: xen417)
    }
    // Overlap (step 2) comes before the scopes (step 5), the scopes before base > end (step 8).
    #expect(try report([rmrr(0x1000, 0x1FFF, 5), rmrr(0x1000, 0x1FFF, 6)], spoiling: 64 + 32 + 25).rule == .hv(19))
    #expect(try report([rmrr(0x2000, 0x1FFF, 5)], spoiling: 64 + 25).rule == .hv(8))
    #expect(try report([drhd(at: 0, includeAll: false, endpoint(5))], spoiling: 64 + 17).rule == .hv(23))
    #expect(try report([drhd(at: 4096, includeAll: false, endpoint(5))], spoiling: 64 + 17).rule == .hv(8))
  }

  @Test("bytes and structures give one report: random tables, both editions")
  func bytesAndStructures() throws {
    var random = SplitMix64(seed: 4)
    var enabled = 0
    for _ in 0..<20_000 {
      let structures = randomStructures(&random)
      var lines = host(structures)
      var bytes = lines
      if random.below(2) == 0 {
        lines.functions = []
        bytes.functions = []
      }
      bytes.dmar = .bytes(try DMARTable(structures).encoded())
      for decisions in [xen417, repaired] {
        let report = BootReport(booting: lines, decisions: decisions)
        #expect(report == BootReport(booting: bytes, decisions: decisions))
        if report.vtdEnabled { enabled += 1 }
      }
    }
    #expect(20_000...39_000 ~= enabled)
  }
}

/// A small table that often passes, always with a remapping unit.
func randomStructures(_ random: inout SplitMix64) -> [RemappingStructure] {
  func scopes() -> [DeviceScope] {
    (0..<(1 + random.below(3))).map { _ in
      DeviceScope(
        .init(rawValue: UInt8(random.below(8) == 0 ? random.below(7) : 1)), startBus: UInt8(random.below(4)),
        path: (0...(random.below(4) == 0 ? 1 : 0)).map { _ in .init(UInt8(random.below(12)), 0) })
    }
  }
  var structures = [drhd(0, at: 0xFED9_1000, includeAll: false, endpoint(5))]
  for _ in 0..<random.below(6) {
    let segment: UInt16 = random.below(8) == 0 ? 1 : 0
    switch random.below(10) {
    case 0:
      structures.append(
        .drhd(
          DRHDRecord(
            segment: segment, registerBase: UInt64(random.below(200)) << 12, includeAll: random.below(3) == 0,
            scopes: scopes())))
    case 1:
      structures.append(.atsr(ATSRRecord(segment: segment, allPorts: random.below(2) == 0, scopes: scopes())))
    case 2: structures.append(.skipped(type: UInt16(3 + random.below(5))))
    default:
      let base = UInt64(random.below(1 << 20))
      let end = random.below(50) == 0 ? random.next() : base &+ UInt64(random.below(0x8000)) &- 8
      structures.append(.rmrr(RMRRRecord(segment: segment, base: base, end: end, scopes: scopes())))
    }
  }
  return structures
}
