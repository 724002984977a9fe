import AddressSpace
import Editions
import Hypervisor
import Platform
import Testing

@Suite("Boot: remapping units and options")
struct BootHardwareTests {
  @Test("HV-23: registers at 0 or all ones turn VT-d off", arguments: [0, UInt64.max])
  func impossibleBase(base: UInt64) {
    #expect(boot([drhd(1, at: base)], as: xen417).rule == .hv(23))
  }

  @Test("HV-23: one INCLUDE_ALL unit on segment 0, any number elsewhere")
  func includeAll() {
    #expect(boot([drhd(at: 0x1000)], as: xen417).rule == .hv(23))
    let report = boot([drhd(1, at: 0x1000), drhd(1, at: 0x2000)], as: xen417)
    #expect(report.iommuEnabled && report.remappingUnits.map(\.segment) == [0, 1, 1])
  }

  @Test("HV-24: one ALL_PORTS structure on segment 0, any number elsewhere")
  func allPorts() {
    func atsr(_ segment: UInt16) -> RemappingStructure { .atsr(ATSRRecord(segment: segment, allPorts: true)) }
    #expect(boot([atsr(0), atsr(1), atsr(1)], as: xen417).iommuEnabled)
    #expect(boot([atsr(0), atsr(0)], as: xen417).rule == .hv(24))
  }

  @Test("HV-23, HV-25: listing units come first in reverse, and decide before those that include all")
  func lookup() throws {
    let bridge = DeviceScope(.bridge, startBus: 0, path: [.init(10, 0)])
    let report = BootReport(
      booting: host([
        drhd(), drhd(at: 0x1000, includeAll: false, endpoint(5)),
        drhd(at: 0x2000, includeAll: false, endpoint(5), bridge),
        drhd(1, at: 0x3000, includeAll: false, endpoint(5)),
      ]), decisions: xen417)
    #expect(report.remappingUnits.map(\.registerBase) == [0x3000, 0x2000, 0x1000, 0xFED9_0000])
    #expect(report.remappingUnits[1].buses.members == [2, 3])
    func base(_ sbdf: SBDF, of physical: SBDF? = nil) -> UInt64? {
      report.remappingUnit(for: PCIFunction(sbdf, physicalFunction: physical))?.registerBase
    }
    #expect(base(function(5)) == 0x2000)
    #expect(base(function(6)) == 0xFED9_0000)
    #expect(base(SBDF(0, 3, 3, 0)) == 0x2000)
    #expect(base(SBDF(0, 1, 0, 0)) == 0xFED9_0000)
    #expect(base(function(5, segment: 1)) == 0x3000)
    #expect(base(function(6, segment: 1)) == nil)
    #expect(base(function(7), of: function(5)) == 0x2000, "a virtual function goes by its physical one")
  }

  @Test("HV-11: all of a bridge's buses are marked, those of a missing one are bus ff")
  func bridgeBuses() {
    for (device, buses) in [(9, [1]), (10, [2, 3]), (0x1E, [0xFF]), (5, [0])] as [(UInt8, [UInt8])] {
      let report = BootReport(
        booting: host([
          drhd(at: 0x1000, includeAll: false, DeviceScope(.bridge, startBus: 0, path: [.init(device, 0)]))
        ]), decisions: xen417)
      #expect(report.remappingUnits.map(\.buses.members) == [buses])
    }
  }

  @Test("C-8: no hardware at a unit's registers panics; where reads bring ones it is recognised")
  func missingHardware() {
    func report(_ bases: UInt64..., as decisions: BootDecisions = xen417) -> BootReport {
      var machine = host(bases.map { drhd(at: $0, includeAll: false, endpoint(5)) })
      machine.remappingHardware = [0xFED9_0000, 0xFED9_1000]
      machine.configurationWindow = AddressRange(0xB000_0000, 0xC000_0000)
      return BootReport(booting: machine, decisions: decisions)
    }
    #expect(report(0xFED9_0000, 0xFED9_1000).iommuEnabled)
    for base: UInt64 in [0xFED9_2000, 0xFED9_0800, 0x2000_0000] {
      let panic = report(0xFED9_0000, base)
      #expect(panic.outcome == .panic && panic.rule == .c(8) && !panic.iommuEnabled)
    }
    // In the window: bus 0xef is empty, 00:05.0 is not.
    #expect(report(0xFED9_0000, 0xBEFF_E000).rule == .hv(23))
    #expect(report(0xB002_8000).outcome == .panic)
    let hang = report(0xFED9_0000, 0xFED9_0000)
    #expect(hang.outcome == .hang && !hang.iommuEnabled && hang.units.isEmpty)
    #expect(report(0xFED9_0000, 0xFED9_0000, as: repaired).rule == .hv(23))
    #expect(report(0xFED9_0000, 0xFED9_0000, as: repaired).outcome == .up)
    #expect(report(0xFED9_2000, 0xFED9_2000).outcome == .panic, "faults are looked at before queues")
  }

  @Test("HV-34, HV-52, HV-84: no IOMMU, no table, no remapping unit")
  func noVTd() throws {
    var machine = host([drhd(), rmrr(0x1000, 0x1FFF, 5)], options: ["f0=0:5.0"])
    machine.iommu = .none
    #expect(BootReport(booting: machine, decisions: xen417).rule == .hv(52))
    machine.iommu = .vtd
    machine.dmar = .absent
    #expect(BootReport(booting: machine, decisions: xen417).rule == .hv(34))
    machine.dmar = .bytes(Array("RMAD".utf8))
    #expect(BootReport(booting: machine, decisions: xen417).rule == .hv(34))
    for structures in [[], [rmrr(0x1000, 0x1FFF, 5)]] {
      machine.dmar = .bytes(try DMARTable(structures).encoded())
      let report = BootReport(booting: machine, decisions: xen417)
      #expect(report.rule == .hv(84) && report.outcome == .up && report.units.isEmpty)
      machine.requiresIOMMU = true
      let panic = BootReport(booting: machine, decisions: xen417)
      #expect(panic.outcome == .panic && panic.rule == .hv(6))
      machine.requiresIOMMU = false
    }
  }

  @Test("a machine described by lines without a DRHD gets one that includes all, on each segment that occurs")
  func assumedHardware() {
    var machine = host([rmrr(0x1000, 0x1FFF, 5), rmrr(0x3000, 0x3FFF, 5, segment: 3)], options: ["f0=7:0:5.0"])
    machine.functions.append(PCIFunction(function(5, segment: 9)))
    for decisions in [xen417, repaired] {
      let report = BootReport(booting: machine, decisions: decisions)
      #expect(report.iommuEnabled && report.units.count == 3)
      #expect(report.remappingUnits.map(\.segment) == [0, 3, 7, 9])
      #expect(report.remappingUnits.allSatisfy { $0.includeAll })
      #expect(report.remappingUnit(for: PCIFunction(function(1, segment: 9))) != nil)
    }
    machine = host([])
    #expect(BootReport(booting: machine, decisions: repaired).iommuEnabled)
    machine.dmar = .absent
    #expect(!BootReport(booting: machine, decisions: repaired).iommuEnabled)
    machine.statedUnits = [RMRRUnit(segment: 2, base: 0, end: 0xFFF, devices: [8])]
    let stated = BootReport(booting: machine, decisions: repaired)
    #expect(
      stated.iommuEnabled && stated.units == machine.statedUnits && stated.remappingUnits.map(\.segment) == [0, 2])
  }

  @Test("HV-31: each check of an option, skipping only that unit")
  func optionChecks() {
    func kinds(_ option: String, _ decisions: BootDecisions) -> (kinds: [BootReport.Warning.Kind], firsts: [UInt64]) {
      var machine = host([drhd(), rmrr(0x3E00_0800, 0x3E00_17FF, 5)], options: [option + ";f0=0:5.0"])
      machine.e820 = [
        E820Entry(start: 0x10_0000, size: 0x3DF0_0000, type: .ram),
        E820Entry(start: 0x3E00_0000, size: 0x1_0000, type: .reserved),
        E820Entry(start: 0x3E01_0000, size: 0x10_0000, type: .ram),
      ]
      let report = BootReport(booting: machine, decisions: decisions)
      return (report.warnings.map(\.kind), report.units.map { $0.base >> 12 })
    }
    for decisions in [xen417, repaired] {
      #expect(kinds("f1=0:6.0", decisions) == ([], [0xF0, 0xF1, 0x3E000]))
      #expect(kinds("3e001=0:6.0", decisions) == ([.optionOverlaps], [0xF0, 0x3E000]))
      #expect(kinds("fffffffffffffff8-7=0:6.0", decisions) == ([.optionInverted], [0xF0, 0x3E000]))
      #expect(kinds("c0000=0:6.0", decisions) == ([.optionFrames], [0xF0, 0x3E000]))
      #expect(kinds("3e10f-3e110=0:6.0", decisions) == ([.optionFrames], [0xF0, 0x3E000]))
      #expect(kinds("f1=0:5.0,1:0:6.0", decisions) == ([.optionSegments], [0xF0, 0x3E000]))
    }
    // HV-31: by the start of the last page 3e000-3e000 ends in front of 0x3e000800.
    #expect(kinds("3dfff-3e000=0:6.0", xen417).firsts == [0xF0, 0x3DFFF, 0x3E000])
    #expect(kinds("3dfff-3e000=0:6.0", repaired).kinds == [.optionOverlaps])
    // HV-32: bits of segment 1 are among those of segment 3.
    #expect(kinds("f1=3:0:5.0,1:0:6.0", xen417).firsts == [0xF0, 0xF1, 0x3E000])
    #expect(kinds("f1=3:0:5.0,1:0:6.0", repaired).kinds == [.optionSegments])
    // HV-15
    #expect(kinds("f1=0:1e.0", xen417).firsts == [0xF0, 0xF1, 0x3E000])
    #expect(kinds("f1=0:1e.0", repaired).kinds == [.absentDevice(function(0x1E)), .allDevicesAbsent])
  }

  @Test("HV-32: the whole unit goes to the first device's segment; HV-33: its end is that of the last page")
  func optionUnit() {
    let report = boot([], options: ["f0-f1=3:0:5.0,1:0:6.0"], as: xen417)
    #expect(report.units == [RMRRUnit(segment: 3, base: 0xF0000, end: 0xF1FFF, devices: bdfs(5, 6))])
  }

  @Test("D-3: an option is cut at 127 characters with rmrr=, but not in the repaired edition")
  func cutOption() {
    let units = (0..<6).map { "f\($0)=0000:00:05.0" }.joined(separator: ";")
    for padding in 0...40 {
      let option = units + ";" + String(repeating: "0", count: padding) + "f8=0:7.0"
      // Up to one character less than needed the dot is still there (C-7).
      let kept = "rmrr=\(option)".utf8.count <= 128
      #expect(boot([], options: [option], as: xen417).units.count == (kept ? 7 : 6))
      #expect(boot([], options: [option], as: repaired).units.count == 7)
    }
  }

  @Test("options that are refused are noted with their rule, and the next is read")
  func refusedOptions() {
    let report = boot([], options: ["zz", "f0-1ff=0:5.0", "f1=0:6.0"], as: repaired)
    #expect(report.warnings.map(\.rule) == [.hv(29), .hv(28)])
    #expect(report.units.map(\.base) == [0xF1000])
  }
}
