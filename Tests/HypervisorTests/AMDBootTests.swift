import AddressSpace
import Editions
import Hypervisor
import Platform
import TestSupport
import Testing

/// An AMD host with 00:05.0 to 00:08.0 and `blocks`.
private func amd(_ blocks: [IVRSBlock], options: [String] = [], e820: [E820Entry] = []) -> Machine {
  var machine = Machine()
  machine.iommu = .amdVi
  machine.pageTables = .npt
  machine.physicalAddressBits = 48
  machine.functions = (5...8).map { PCIFunction(function($0)) }
  machine.ivrs = .blocks(blocks)
  machine.ivmdOptions = options
  machine.e820 = e820
  return machine
}

private let hardware = ivhd(.init(3, through: .max))

private func ivhd(_ entries: IVHDRecord.Entry...) -> IVRSBlock {
  .ivhd(IVHDRecord(registerBase: 0xFEB8_0000, entries: entries))
}

/// Pages `first` to `last`, both inclusive.
private func ivmd(
  _ first: UInt64, _ last: UInt64, _ target: IVMDRecord.Target,
  _ flags: IVMDRecord.Flags = [.unity, .read, .write]
) -> IVRSBlock {
  .ivmd(IVMDRecord(start: first << 12, length: (last + 1 - first) << 12, flags: flags, target: target))
}

/// 00:`device`.0.
private func one(_ device: UInt8) -> IVMDRecord.Target { .device(function(device).bdf) }

private func report(_ machine: Machine, _ decisions: BootDecisions = repaired) -> BootReport {
  BootReport(booting: machine, decisions: decisions)
}

/// Pages and rights of the units.
private func ranges(_ report: BootReport) -> [String] {
  report.units.map { "\($0.frames)\($0.isReadable ? "r" : "")\($0.isWritable ? "w" : "")" }
}

private func decisions(_ quirks: HypervisorQuirk...) -> BootDecisions {
  BootDecisions(QuirkSet(quirks))
}

@Suite("Boot of AMD hosts")
struct AMDBootTests {
  @Test("HV-37: rounded outward; one of unity and exclusion is needed; what cannot be addressed is skipped")
  func blocks() {
    let odd = IVRSBlock.ivmd(IVMDRecord(start: 0x8000_0800, length: 0x1000, target: one(5)))
    #expect(ranges(report(amd([hardware, odd]))) == ["0x80000-0x80002rw"])
    let none = report(amd([hardware, ivmd(0x80000, 0x80000, one(5), [.read, .write])]))
    #expect(!none.iommuEnabled && none.rule == .hv(37) && none.units.isEmpty)
    for (page, isKept) in [(0xF_FFFF_FFFF, true), (0x10_0000_0000, false)] as [(UInt64, Bool)] {
      let far = report(amd([hardware, ivmd(page, page, one(5)), ivmd(0x80000, 0x80000, one(6))]))
      #expect(far.iommuEnabled && far.units.count == (isKept ? 2 : 1))
      #expect(far.warnings.map(\.rule) == (isKept ? [] : [.hv(37)]))
    }
    // BUG-36: nobody asked.
    #expect(report(amd([hardware, ivmd(1 << 36, 1 << 36, one(5))]), decisions(.ivmdUnjudged)).units.count == 1)
  }

  @Test("HV-38, BUG-27, BUG-36: reserved is fine, unknown becomes reserved, ACPI passes, RAM turns the IOMMU off")
  func hostMemory() {
    typealias Case = (type: E820Type?, warned: Bool, on: Bool, inverted: Bool)
    let cases: [Case] = [
      (.reserved, false, true, true), (nil, true, true, true), (.acpi, true, true, false), (.nvs, true, true, false),
      (.unusable, true, true, false), (.ram, true, false, true),
    ]
    for (type, warned, on, inverted) in cases {
      var e820 = [E820Entry(AddressRange(0, 0x7000_0000), .ram)]
      if let type { e820.append(E820Entry(AddressRange(0x8000_0000, 0x8000_1000), type)) }
      let machine = amd([hardware, ivmd(0x80000, 0x80000, one(5))], e820: e820)
      let sound = report(machine)
      #expect(sound.iommuEnabled == on && sound.warnings.isEmpty != warned, "\(String(describing: type))")
      #expect(sound.rule == (on ? nil : .hv(38)))
      #expect(report(machine, decisions(.ivmdInRAMAccepted)).iommuEnabled == inverted, "\(String(describing: type))")
      #expect(report(machine, decisions(.ivmdUnjudged)).iommuEnabled)
    }
    // A page that is RAM in part, and an entry nobody knows (C-9).
    for entry in [
      E820Entry(AddressRange(0x7000_0000, 0x8000_0800), .ram),
      E820Entry(AddressRange(0x8000_0000, 0x8000_1000), E820Type(rawValue: 77)),
    ] {
      let machine = amd([hardware, ivmd(0x80000, 0x80000, one(5))], e820: [entry])
      #expect(report(machine).iommuEnabled)
      #expect(!report(machine, decisions(.ivmdJudgedByPages)).iommuEnabled)
    }
  }

  @Test(
    "HV-39: exclusion ranges are mapped like others; under the quirk the first and its neighbours go to the register")
  func exclusions() {
    let machine = amd([
      hardware, ivmd(0x80000, 0x80000, one(5), .exclusion), ivmd(0x80001, 0x80001, one(6), .exclusion),
      ivmd(0x80003, 0x80003, one(7), .exclusion), ivmd(0x80002, 0x80002, .all, .exclusion),
    ])
    #expect(
      ranges(report(machine)) == ["0x80002-0x80003rw", "0x80003-0x80004rw", "0x80001-0x80002rw", "0x80000-0x80001rw"])
    let register = report(machine, decisions(.exclusionRegisterUsed))
    // 0x80003 leaves a gap, and the one for all devices has another property.
    #expect(ranges(register) == ["0x80002-0x80003rw", "0x80003-0x80004rw"])
    let table = register.requestors
    #expect(table?.untranslated(of: function(5)) == FrameRange(0x80000, 0x80002))
    #expect(table?.untranslated(of: function(6)) == FrameRange(0x80000, 0x80002))
    #expect(table?.untranslated(of: function(7)) == nil)
    // BUG-18: any other extended it.
    let extended = report(machine, decisions(.exclusionRegisterUsed, .exclusionRegisterExtended))
    #expect(extended.units.isEmpty)
    #expect(extended.requestors?.untranslated(of: function(8)) == FrameRange(0x80000, 0x80004))
  }

  @Test("HV-40: an exact repeat is accepted, any other overlap on one function is fatal, on different ones it is not")
  func overlaps() {
    let first = ivmd(0x80000, 0x80003, one(5))
    #expect(ranges(report(amd([hardware, first, first]))) == ["0x80000-0x80004rw"])
    for other in [
      ivmd(0x80003, 0x80004, one(5)), ivmd(0x80001, 0x80001, one(5)), ivmd(0x80000, 0x80003, one(5), [.unity, .read]),
      ivmd(0x80003, 0x80003, .all), ivmd(0x80003, 0x80003, .iommu(2, capability: 0x40)),
    ] {
      let refused = report(amd([hardware, first, other]))
      #expect(!refused.iommuEnabled && refused.rule == .hv(40))
    }
    #expect(report(amd([hardware, first, ivmd(0x80004, 0x80004, one(5))])).units.count == 2)
    #expect(report(amd([hardware, first, ivmd(0x80003, 0x80004, one(6))])).units.count == 2)
    // BUG-18: one range from the first to the last.
    let merged = report(
      amd([hardware, first, ivmd(0x80008, 0x80008, one(5), [.unity, .read])]), decisions(.unityRangesMerged))
    #expect(ranges(merged) == ["0x80000-0x80009r"])
  }

  @Test("HV-40: the requestor's id has the map as well, and so has who else bears it")
  func aliases() {
    let blocks = [
      ivhd(.init(3, through: 0xFF), .init(0x100, alias: 0x50), .init(0x108, alias: 0x50)),
      ivmd(0x80000, 0x80000, .device(0x100)),
    ]
    let booted = report(amd(blocks))
    #expect(booted.requestors?.requestor(of: SBDF(rawValue: 0x108)) == SBDF(rawValue: 0x50))
    #expect(booted.units.map(\.runs) == [[BDFRange(0x50), BDFRange(0x100), BDFRange(0x108)]])
    // A function with an entry of its own besides goes by its own id.
    let both = report(
      amd([
        ivhd(.init(3, through: 0x1FF), .init(0x100, alias: 0x50)), ivmd(0x80000, 0x80000, .device(0x50)),
      ]))
    #expect(both.requestors?.requestor(of: SBDF(rawValue: 0x100)) == SBDF(rawValue: 0x100))
    #expect(both.units.map(\.runs) == [[BDFRange(0x50)]])
  }

  @Test("HV-40, BUG-30: a run that does not ascend is fatal; a function without IOMMU was, and is passed over")
  func targets() {
    for (first, last) in [(0x28, 0x28), (0x30, 0x28)] as [(UInt16, UInt16)] {
      #expect(report(amd([hardware, ivmd(1, 1, .devices(first, last))])).rule == .hv(40))
    }
    let stray = amd([ivhd(.init(0x28), .init(0x38)), ivmd(0x80000, 0x80000, .devices(0x28, 0x38))])
    let passed = report(stray)
    #expect(passed.units.map(\.runs) == [[BDFRange(0x28), BDFRange(0x38)]])
    #expect(passed.warnings.map(\.rule) == [.hv(40)])
    #expect(report(stray, decisions(.ivmdStrayDeviceFatal)).rule == .hv(40))
    // Beyond the table's last function and for an unknown IOMMU it always is.
    #expect(report(amd([ivhd(.init(0x28)), ivmd(1, 1, .device(0x30))])).rule == .hv(40))
    #expect(report(amd([hardware, ivmd(1, 1, .iommu(2, capability: 0x44))])).rule == .hv(40))
    // A function that the table does not name is like function 0 of its device.
    var machine = amd([ivhd(.init(0x28)), ivmd(0x80000, 0x80000, .device(0x28))])
    machine.functions.append(PCIFunction(SBDF(rawValue: 0x2B)))
    machine.functions.sort { $0.sbdf < $1.sbdf }
    #expect(report(machine).units.map(\.runs) == [[BDFRange(0x28), BDFRange(0x2B)]])
  }

  @Test("HV-41: one bad block leaves no IOMMU and no range; no table neither")
  func failure() {
    let bad = report(amd([hardware, ivmd(0x80000, 0x80000, one(5)), ivmd(0x90000, 0x90000, one(5), [])]))
    #expect(!bad.iommuEnabled && bad.units.isEmpty && bad.requestors == nil && bad.outcome == .up)
    var machine = amd([])
    machine.ivrs = .absent
    #expect(report(machine).rule == .hv(41))
    machine.requiresIOMMU = true
    #expect(report(machine).outcome == .panic)
    #expect(report(amd([.ivhd(IVHDRecord(registerBase: 0, entries: []))])).rule == .hv(41))
    // A DMAR table is not looked at.
    machine = amd([hardware])
    machine.dmar = .structures([drhd(), rmrr(0x8000_0000, 0x8000_0FFF, 5)])
    #expect(report(machine).units.isEmpty && report(machine).iommuEnabled)
  }

  @Test("HV-42: a unit keeps the rights firmware asks for")
  func rights() {
    for flags in [[.unity], [.unity, .read], [.unity, .write], [.unity, .read, .write]] as [IVMDRecord.Flags] {
      let unit = report(amd([hardware, ivmd(0x80000, 0x80000, one(5), flags)])).units.first
      #expect(unit?.isReadable == flags.contains(.read) && unit?.isWritable == flags.contains(.write))
    }
  }

  @Test("HV-43: options count as blocks behind the table's; a range of one function was fatal")
  func options() {
    #expect(
      ranges(report(amd([hardware, ivmd(1, 1, one(5))], options: ["80000=0:5.0", "81000"]))) == [
        "0x81000-0x81001rw", "0x80000-0x80001rw", "0x1-0x2rw",
      ])
    let single = amd([hardware], options: ["80000=0:5.0-0:5.0"])
    #expect(report(single).units.map(\.runs) == [[BDFRange(0x28)]])
    #expect(report(single, decisions(.ivmdOptionRangeOfOne)).rule == .hv(40))
    #expect(report(single, decisions(.ivmdOptionMissing)).units.isEmpty)
    let refused = report(amd([hardware], options: ["80000=0:5.0;x"]))
    #expect(refused.units.count == 1 && refused.warnings.map(\.rule) == [.hv(43)])
    // D-3: an option is cut.
    let long =
      "80000=" + Array(repeating: "0:5.0", count: 7).joined(separator: ",") + ";" + String(repeating: "0", count: 90)
      + "90000"
    #expect(
      report(amd([hardware], options: [long]), decisions(.optionCut)).units
        != report(amd([hardware], options: [long])).units)
  }

  @Test("blocks count in order under the quirk; a block without a byte hangs the host")
  func order() throws {
    let turned = amd([ivmd(0x80000, 0x80000, one(5)), ivhd(.init(0x28))])
    #expect(report(turned).units.count == 1)
    #expect(report(turned, decisions(.ivrsReadInOrder)).units.isEmpty)
    var bytes = try IVRSTable([hardware, ivmd(0x80000, 0x80000, one(5))]).encoded()
    var machine = turned
    machine.ivrs = .bytes(bytes)
    #expect(ranges(report(machine)) == ["0x80000-0x80001rw"])
    bytes[90] = 0
    bytes[9] = 0
    bytes[9] = 0 &- bytes.reduce(0 as UInt8, &+)
    machine.ivrs = .bytes(bytes)
    #expect(report(machine).outcome == .up && report(machine).rule == .hv(37))
    #expect(report(machine, decisions(.ivrsEmptyBlockHangs)).outcome == .hang)
  }

  @Test("BUG-18, BUG-27, BUG-30, BUG-36: which editions have them")
  func editions() {
    func has(_ quirk: HypervisorQuirk) -> [Edition.Name] { quirk.entry.editions.members }
    for quirk in [HypervisorQuirk.unityRangesMerged, .unityMapsStay, .unityMapsInIOMMUOnly, .exclusionRegisterExtended]
    {
      #expect(has(quirk).last == .xen4_9, "\(quirk)")
    }
    #expect(has(.ivmdInRAMAccepted) == [.xen4_16])
    #expect(has(.ivmdStrayDeviceFatal).last == .xen4_17)
    for quirk in [HypervisorQuirk.ivmdUnjudged, .unityMapsUnreported, .unityMapsMissingInDom0] {
      #expect(has(quirk).last == .xen4_14, "\(quirk)")
    }
  }
}

@Suite("Boot of AMD hosts under spoiled tables")
struct AMDBootFuzzTests {
  @Test("no trap, one end, a list whose functions each have disjoint ranges")
  func spoiled() throws {
    var random = SplitMix64(seed: 31)
    let everything = BootDecisions(Edition.xen4_17.hypervisor)
    let old = BootDecisions(Edition(.xen4_9).hypervisor)
    let count = SpoiledInputs.count(usually: 10_000)
    var enabled = 0
    for round in 0..<count {
      func bdf() -> UInt16 { UInt16(random.below(4) == 0 ? random.below(0x1_0000) : 0x28 + random.below(4) * 8) }
      func page() -> UInt64 { random.below(8) == 0 ? random.next() >> 12 : 0x80000 + UInt64(random.below(16)) }
      var blocks = [
        random.below(3) == 0 ? ivhd(.init(bdf()), .init(bdf(), alias: bdf()), .init(0x28, through: 0x48)) : hardware
      ]
      for _ in 0..<random.below(5) {
        let first = page()
        blocks.append(
          .ivmd(
            IVMDRecord(
              start: first << 12, length: UInt64(random.below(4)) << 12 | UInt64(random.below(2)),
              flags: IVMDRecord.Flags(rawValue: UInt8(1 + random.below(15))),
              target: [
                .all, .device(bdf()), .device(bdf()), .devices(bdf(), bdf()), .iommu(2, capability: 0x40),
              ][random.below(5)])))
      }
      var machine = amd(blocks, options: [["80000=0:5.0-0:6.0"], ["90000", "80001=0:5.0"], []][random.below(3)])
      if round % 2 == 0, var bytes = try? IVRSTable(blocks).encoded() {
        for _ in 0..<random.below(3) { bytes[36 + random.below(bytes.count - 36)] = UInt8(random.below(256)) }
        if random.below(8) == 0 { bytes.removeLast(random.below(bytes.count)) }
        if bytes.count > 9 {
          bytes[9] = 0
          bytes[9] = 0 &- bytes.reduce(0 as UInt8, &+)
        }
        machine.ivrs = .bytes(bytes)
      }
      if random.below(2) == 0 {
        machine.e820 = [
          E820Entry(start: random.next() >> 40, size: random.next() >> UInt64(random.below(64)), type: .ram)
        ]
      }
      for decisions in [repaired, everything, old] {
        let booted = report(machine, decisions)
        if booted.iommuEnabled { enabled += 1 } else if !booted.units.isEmpty { Issue.record("units without IOMMU") }
        if (booted.rule == nil) != (booted.iommuEnabled && booted.outcome == .up) { Issue.record("rule: \(machine)") }
        let list = UnitList(booted.units, decisions: decisions)
        for device: UInt8 in 5...8 {
          let own = list.matching(function(device)).map { booted.units[$0] }
          #expect(own.allSatisfy { $0.lists(function(device)) })
          for (index, unit) in own.enumerated() {
            for other in own[(index + 1)...] where unit.frames.overlaps(other.frames) {
              Issue.record("\(unit) overlaps \(other)")
            }
          }
        }
      }
    }
    #expect(enabled > count / 3)
  }

  @Test("30,000 blocks for as many functions, and 16 for all functions, boot in time")
  func large() {
    let many = report(amd([hardware] + (0..<30_000).map { ivmd(UInt64($0), UInt64($0), .device(8 + UInt16($0))) }))
    #expect(many.units.count == 30_000)
    let all = report(amd([hardware] + (0..<15).map { ivmd(UInt64($0), UInt64($0), .iommu(2, capability: 0x40)) }))
    #expect(all.units.count == 15)
    // Xen's heap has an end.
    #expect(report(amd([hardware] + (0..<40).map { ivmd(UInt64($0), UInt64($0), .all) })).rule == .hv(40))
  }
}
