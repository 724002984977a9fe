import AddressSpace
import Importing
import Platform
import Testing

@Suite("Linux logs")
struct LinuxLogTests {
  /// Lines that lost characters on a serial console, or whose end mail cut off: they are listed, and nothing else is.
  private static let broken: [String: [Int]] = [
    "linux_2019_HP-ProLiant-DL388p-Gen8.log": [202, 231, 259, 289, 307, 316, 331],
    "linux_2020_unknown_2883a6.log": [13, 14], "linux_doc-example.log": [18, 19, 38, 39],
  ]

  /// What the other program read in broken lines all the same: a register of negative size, a class of seven digits.
  private static let misread: Set<String> = ["24:00.3 1c", "3f:13.4"]

  @Test("each real log says what another program read in it; every line is understood or known to be broken")
  func real() throws {
    let machines = try TestInputs.machines.get()
    let logs = try TestInputs.linuxLogs.get()
    #expect(machines.count == 23 && logs.count == 24)
    for machine in machines {
      let log = try #require(logs.first { $0.name == machine.file })
      let facts = try InputReader().facts(of: log.bytes, path: log.name)
      #expect(facts.unclear.map(\.origin.line) == Self.broken[log.name] ?? [], "\(log.name): \(facts.unclear)")
      #expect(facts.host.name ?? "" == machine.machine, "\(log.name)")
      check(ranges: facts, machine)
      check(memory: facts, machine)
      check(identityMaps: facts, machine)
      check(functions: facts, machine)
    }
    // The one that is a collection of many machines' lines.
    let collection = try #require(logs.first { $0.name == "misc_rmrr_lines.log" })
    let facts = try InputReader().facts(of: collection.bytes, path: collection.name)
    #expect(facts.unclear.isEmpty && facts.ranges.count == 18, "\(facts.unclear)")
  }

  private func check(ranges facts: InputFacts, _ machine: LoggedMachine) {
    var told = facts.ranges.map { "\(hex($0.base))-\(hex($0.end))" }
    // Two logs lack the line with the range's end.
    for base in facts.host.openRanges {
      let whole = machine.rmrr.first { $0.hasPrefix("\(hex(base))-") }
      #expect(whole != nil, "\(machine.file): \(hex(base))")
      told.append(whole ?? "")
    }
    #expect(Set(told) == Set(machine.rmrr) && told.count == machine.rmrr.count, "\(machine.file)")
    let isCut = ["linux_2020_unknown_2883a6.log", "linux_doc-example.log"].contains(machine.file)
    #expect(facts.host.openRanges.isEmpty == !isCut, "\(machine.file)")
  }

  private func check(memory facts: InputFacts, _ machine: LoggedMachine) {
    let types: [String: E820Type] = [
      "usable": .ram, "reserved": .reserved, "ACPI data": .acpi, "ACPI NVS": .nvs, "unusable": .unusable,
    ]
    let expected = machine.e820.map { entry -> String in
      let start = number(entry[0]) ?? 0
      let type = types[entry[2]] ?? E820Type(rawValue: UInt32(entry[2].dropFirst(5)) ?? 0)
      return E820Entry(start: start, size: (number(entry[1]) ?? 0) &+ 1 &- start, type: type).description
    }
    #expect(Set(facts.host.e820.map(\.description)) == Set(expected), "\(machine.file)")
    #expect(facts.host.e820.count == Set(expected).count, "\(machine.file)")
  }

  private func check(identityMaps facts: InputFacts, _ machine: LoggedMachine) {
    let told = facts.host.identityMaps.map { map in
      "\(String(map.base, radix: 16))-\(String(map.end, radix: 16)) \(map.device.description.dropFirst(5))"
    }
    let expected = machine.identity_map.flatMap { range, devices in devices.map { "\(range) \($0)" } }
    #expect(Set(told) == Set(expected), "\(machine.file)")
  }

  private func check(functions facts: InputFacts, _ machine: LoggedMachine) {
    let told = facts.host.functions.filter { $0.classCode != nil }
    var seen: Set<SBDF> = []
    for device in machine.devices {
      // Behind a volume management device Linux makes segments of its own, which hold the same places once more.
      guard let place = SBDF(device.bdf), !Self.misread.contains(device.bdf), seen.insert(place).inserted else {
        continue
      }
      let function = facts.host[place]
      guard let vendor = function.vendor, let id = function.device else {
        Issue.record("\(machine.file): \(device) is not told")
        continue
      }
      #expect(
        UInt64(vendor) << 16 | UInt64(id) == number(device.id.split(separator: ":").joined()),
        "\(machine.file) \(device.bdf)")
      #expect(
        UInt64(function.classCode ?? 0) << 8 | UInt64(function.interface ?? 0) == number(device.cls),
        "\(machine.file) \(device.bdf)")
      #expect(function.isBridge == (device.type == "01"), "\(machine.file) \(device.bdf)")
      check(registers: function, device, machine.file)
    }
    #expect(told.count == seen.count, "\(machine.file): \(told.count) \(seen.count)")
  }

  private func check(registers function: FunctionFacts, _ device: LoggedMachine.Device, _ file: String) {
    for (register, expected) in device.bars {
      guard let offset = number(register), !Self.misread.contains("\(device.bdf) \(register)") else { continue }
      let index = offset == 0x30 || offset == 0x38 ? 6 : UInt8((offset - 0x10) / 4)
      guard let bar = function.bars?.first(where: { $0.index == index }) else {
        Issue.record("\(file): \(device.bdf) has no register \(register): \(expected)")
        continue
      }
      #expect(bar.size == number(expected.size), "\(file): \(device.bdf) \(register)")
      #expect((bar.kind == .io) == (expected.kind == "io"), "\(file): \(device.bdf) \(register)")
      if index < 6, bar.kind != .io {
        #expect(bar.kind.is64Bit == expected.flags.contains("64bit"), "\(file): \(device.bdf) \(register)")
        let isPrefetchable = bar.kind == .m32p || bar.kind == .m64p
        #expect(isPrefetchable == expected.flags.contains("pref"), "\(file): \(device.bdf) \(register)")
      }
      // A register without an address may have got one later.
      let base = number(expected.base)
      #expect(bar.hostAddress == base || base == 0, "\(file): \(device.bdf) \(register)")
    }
  }

  @Test("spellings of all times: memory map, units, ranges, mappings, functions, registers, buses")
  func spellings() throws {
    let facts = try InputFacts(
      reading: """
        Apr  1 02:01:01 laptop kernel: [    0.000000]  BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)
         BIOS-e820: 000000003fff0000 - 000000003fff3000 (ACPI NVS)
        [    0.000000] BIOS-e820: [mem 0x0000000100000000-0x000000025effffff] soft reserved
        BIOS-e820: [mem 0x0000000300000000-0x00000003ffffffff] persistent (type 12)
        \tACPI DMAR:Host address width 36
        \tACPI DMAR:DRHD (flags: 0x00000000)base: 0x00000000fed90000
        <6>[    0.1] DMAR: DRHD base: 0x000000fed93000 flags: 0x1
        \tACPI DMAR:RMRR base: 0x00000000000ed000 end: 0x00000000000effff
        > > DMAR: RMRR base: 0x000000d8d28000 end:
        > 0x000000d8d46fff
        > [   10.653886] kernel:  DMAR: RMRR base: 0x0000009864f000 end: 0x00000098=
        66efff=
        [Sat Mar 22 00:41:30 2014] IOMMU: Setting identity map for device 0000:00:02.0 [0xdb800000 - 0xdf9fffff]
        [    0.9] DMAR: Setting identity map for device 0000:00:1f.0 [0x0 - 0xffffff]
        [   22.4] pci 0000:06:00.0: DMAR: Setting identity map [0xf4000 - 0xf4fff]
        [    0.2] pci 0000:00:02.0: [8086:2a42] type 0 class 0x000300
        [    0.2] pci 0000:00:02.0: reg 10 64bit mmio: [0xfe400000-0xfe7fffff]
        [    0.2] pci 0000:00:02.0: reg 18 64bit mmio pref: [0xd0000000-0xdfffffff]
        [    0.2] pci 0000:00:02.0: reg 20 io port: [0xcc00-0xcc07]
        [    0.3] pci 0000:01:00.0: [10de:1f91] type 00 class 0x030000 PCIe Legacy Endpoint
        [    0.3] pci 0000:01:00.0: BAR 0 [mem 0xf6000000-0xf6ffffff]
        [    0.3] pci 0000:01:00.0: BAR 1 [mem 0xe0000000-0xefffffff 64bit pref]
        [    0.3] pci 0000:01:00.0: BAR 5 [io  0x3000-0x307f]
        [    0.3] pci 0000:01:00.0: ROM [mem 0xf7000000-0xf707ffff pref]
        [    0.3] pci 0000:01:00.0: reg 0x184: [mem 0x00000000-0x00003fff 64bit]
        [    0.4] pci 0000:00:1c.0: [8086:9c90] type 01 class 0x060400
        [    0.4] pci 0000:00:1c.0: PCI bridge to [bus 01-03]
        [    0.5] pcieport 0000:00:1d.0: PCI bridge to [bus 04]
        [    0.5] pci 10000:e0:06.0: [8086:9a09] type 01 class 0x060400
        ACPI: PCI Root Bridge [PCI0] (domain 0000 [bus 00-7e])
        pci_bus 0000:80: root bus resource [bus 80-ff]
        Reserving Intel graphics stolen memory at 0x9d800000-0x9fffffff
        address sizes\t: 39 bits physical, 48 bits virtual
        """)
    #expect(facts.unclear.isEmpty, "\(facts.unclear)")
    let host = facts.host
    #expect(
      host.e820.map(\.description) == [
        "0x0-0x9fc00:ram", "0x3fff0000-0x3fff3000:nvs", "0x100000000-0x25f000000:4026531839",
        "0x300000000-0x400000000:12",
      ])
    #expect(host.tableAddressBits == 36 && host.addressBits == 39)
    #expect(
      host.structures.map(\.structure).prefix(2) == [
        .drhd(.init(registerBase: 0xFED9_0000, includeAll: false)),
        .drhd(.init(registerBase: 0xFED9_3000, includeAll: true)),
      ])
    #expect(
      facts.ranges.map { "\(hex($0.base))-\(hex($0.end))" } == [
        "0xed000-0xeffff", "0xd8d28000-0xd8d46fff", "0x9864f000-0x9866efff",
      ])
    #expect(
      host.identityMaps == [
        IdentityMap(SBDF(0, 0, 2, 0), base: 0xDB80_0000, end: 0xDF9F_FFFF),
        IdentityMap(SBDF(0, 6, 0, 0), base: 0xF4000, end: 0xF4FFF),
      ])
    #expect(host[SBDF(0, 0, 2, 0)].classCode == 0x0300 && host[SBDF(0, 0, 2, 0)].interface == nil)
    #expect(
      host[SBDF(0, 0, 2, 0)].bars == [
        BAR(0, .m64, size: 4 << 20, hostAddress: 0xFE40_0000), BAR(2, .m64p, size: 256 << 20, hostAddress: 0xD000_0000),
        BAR(4, .io, size: 8, hostAddress: 0xCC00),
      ])
    #expect(
      host[SBDF(0, 1, 0, 0)].bars == [
        BAR(0, .m32, size: 16 << 20, hostAddress: 0xF600_0000),
        BAR(1, .m64p, size: 256 << 20, hostAddress: 0xE000_0000), BAR(5, .io, size: 128, hostAddress: 0x3000),
        BAR(6, .rom, size: 512 << 10, hostAddress: 0xF700_0000),
      ])
    #expect(host[SBDF(0, 1, 0, 0)].kind == .pcie)
    #expect(host[SBDF(0, 0, 0x1C, 0)].buses == .init(secondary: 1, subordinate: 3))
    #expect(host[SBDF(0, 0, 0x1D, 0)].buses == .init(secondary: 4, subordinate: 4))
    #expect(host.functions.count == 4)
    #expect(
      host.rootBuses == [RootBus(segment: 0, first: 0, last: 0x7E), RootBus(segment: 0, first: 0x80, last: 0xFF)])
    #expect(host.stolenGraphics == [AddressRange(0x9D80_0000, 0xA000_0000)])
  }

  @Test(
    "what looks like a fact and is none is listed with its line",
    arguments: [
      "BIOS-e820: [mem 0x0000000000000000-0x000000000009efff] odd", "BIOS-e820: [mem 0x0000000000000000-0x0000",
      "DMAR: RMRR base: 0x1000 end: ", "DMAR: DRHD base: 0xfed90000 flgs: 0x1", "DMAR: something never seen",
      "DMAR: Setting identity map [0x1000 - 0x1fff]", "pci 0000:00:02.0: [8086:2a4] type 00 class 0x030000",
      "pci 0000:00:02.0: reg 0x10: [mem 0xfe400000-0xfe7ffffe 64bit]",
      "pci 0000:00:02.0: reg 0x11: [mem 0xfe400000-0xfe7fffff 64bit]",
      "pci 0000:00:02.0: reg 0x24: [mem 0xfe400000-0xfe7fffff 64bit]",
      "pci 0000:00:02.0: reg 0x10: [mem 0xfe400000-0xffffffffffffffff 64bit]",
      "pci 0000:00:02.0: BAR 0 [mem 0xfe400000-", "DMAR: RMRR base: 0x10000000000000000 end: 0x1fff",
    ])
  func unclear(line: String) throws {
    let facts = try InputFacts(reading: "DMAR: IOMMU enabled\n\(line)\nDMAR: No ATSR found\n", path: "log")
    #expect(facts.unclear.map(\.origin) == [Origin("log", 2)], "\(facts.remarks)")
    #expect(facts.host.e820.isEmpty && facts.host.structures.isEmpty && facts.host.identityMaps.isEmpty)
    #expect(facts.host.functions.allSatisfy { ($0.bars ?? []).isEmpty })
  }

  @Test("prose, drivers' messages, the hypervisor's lines and notes are no facts and not listed")
  func silent() throws {
    let facts = try InputFacts(
      reading: """
        DMAR: IOMMU enabled
        # DMAR: RMRR base: 0x1000 end: 0x1fff
        One option is to hook in a check for buggy RMRRs in intel-iommu.c.
        (XEN) [VT-D]DMAR:[DMA Write] Request device [0000:04:00.4] fault addr bdf80000
        (d1) BIOS-e820: [mem 0x0000000000000000-0x000000000009efff] usable
        nvme 0000:6d:00.0: [8086:0975] is a disk
        xe 0000:03:00.0: BAR 2 [mem 0x4000000000-0x43ffffffff 64bit pref]: assigned
        """)
    #expect(facts.remarks.isEmpty, "\(facts.remarks)")
    var empty = HostFacts()
    empty.tableAddressBits = nil
    // The fault is the hypervisor's own message, no fact of the host's log.
    empty.steps = facts.host.steps
    #expect(facts.host == empty && facts.host.steps.map(\.origin.line) == [4])
  }

  @Test("a guest's own log gives the guest's memory map, not a host's")
  func guest() throws {
    let facts = try InputFacts(
      reading: """
        BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable
        DMI: Xen HVM domU, BIOS 4.17.3 01/01/2024
        pci 0000:00:02.0: [1013:00b8] type 00 class 0x030000
        """)
    #expect(facts.host == HostFacts() && facts.guests.count == 1)
    #expect(facts.guests[0].steps.map(\.observation?.words) == [["0x0-0xa0000:ram"]])
  }
}
