import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing

@testable import Firmware

func lines(_ report: FirmwareReport) -> [String] {
  report.logText.split(separator: "\n").map { String($0) }
}

private func runWithCalls(_ guest: Guest, change: (inout FirmwareInput) -> Void = { _ in }) -> (
  FirmwareReport, [Hypercall]
) {
  var port = GuestPort(guest: guest)
  var buffer = HypercallBuffer()
  var input = guest.input
  change(&input)
  let report = HVMLoader(edition: guest.edition).run(input, as: DomainID(3), on: &port, &buffer)
  return (report, port.calls)
}

@Suite("hvmloader's rules: start and memory map")
struct LoaderStartTests {
  @Test("LD-1, LD-61: hypercalls in the order of the steps, all by the guest about itself")
  func calls() {
    let (report, calls) = runWithCalls(
      Guest(low: 0xF0000, functions: [function(4, BAR(0, .m64p, size: 0x1000_0000))]))
    #expect(report.stop == .handedOver)
    #expect(
      calls == [
        .memoryMap(capacity: 128), .getParameter(.itself, index: 1), .getParameter(.itself, index: 2),
        .addToPhysmap(.itself, space: .sharedInfo, index: 0, gfn: 0xFDFFF, count: 1),
        .addToPhysmap(.itself, space: .gmfnRange, index: 0xE0001, gfn: 0x100000, count: 0xFFFF),
        .addToPhysmap(.itself, space: .gmfnRange, index: 0xE0000, gfn: 0x10FFFF, count: 1),
        .populatePhysmap(.itself, Extents(first: 0xFC100, count: 1, perCall: 1), flags: 0),
        .populatePhysmap(.itself, Extents(first: 0xFC000, count: 1, perCall: 1), flags: 0),
        .populatePhysmap(.itself, Extents(first: 0xFC001, count: 10, perCall: 1), flags: 0),
        .setParameter(.itself, index: 34, value: 0), .setParameter(.itself, index: 19, value: 1),
        .setParameter(.itself, index: 37, value: 384 << 32 | 0xFC10_0280),
      ])
  }

  @Test("LD-2, LD-5, LD-8: a range in the dynamic area ends the run before anything else is printed")
  func dynamicArea() {
    for (start, size) in [(0xFC10_0000, 0x1000), (0xFDFF_F000, 0x1000), (0xFC0F_F000, 0x2000), (0xFC20_0000, 0)] {
      for edition in [Edition.xen4_17, .repaired] where size != 0 || edition == .xen4_17 {
        let report = Guest(low: 0x80000, ranges: [rdm(UInt64(start), UInt64(size))], edition: edition).run()
        #expect(report.stop == .crashed(rule: .ld(8), record: .dynamicAreaConflict))
        #expect(
          lines(report) == [
            "HVM Loader", "Detected Xen v4.17.7",
            "Fail to setup memory map due to conflict on dynamic reserved memory range.",
            "*** HVMLoader bug at e820.c:52", "*** HVMLoader crashed.",
          ])
      }
    }
    for (start, size) in [(0xFC0F_F000, 0x1000), (0xFE00_0000, 0x1000)] {
      #expect(Guest(low: 0x80000, ranges: [rdm(UInt64(start), UInt64(size))]).run().stop == .handedOver)
    }
    let other = E820Entry(start: 0xFC20_0000, size: 0x1000, type: .acpi)
    #expect(Guest(low: 0x80000, ranges: [other]).run().stop == .handedOver)
  }

  @Test("LD-6, LD-7: no map")
  func noMap() {
    struct Empty: HypercallPort {
      let result: Int
      mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int { result }
    }
    for result in [0, Errno.ENOSYS.negated] {
      var port = Empty(result: result)
      var buffer = HypercallBuffer()
      buffer.entries = [rdm(0, 1)]
      let report = HVMLoader(edition: .xen4_17).run(Guest(low: 0x80000).input, as: DomainID(3), on: &port, &buffer)
      // A call that fails leaves the count as it was: the capacity.
      let count = result == 0 ? 0 : 128
      #expect(report.stop == .crashed(rule: .ld(7), record: .memoryMapFailed(count: count, result: result)))
      #expect(lines(report)[2] == "Get guest memory maps[\(count)] failed. (\(result))")
      #expect(lines(report)[3] == "*** HVMLoader bug at e820.c:39")
    }
  }

  @Test("LD-63, LD-86: an empty key counts as a missing one, for ACPI and for the BIOS")
  func emptyKeys() {
    var input = Guest(low: 0x80000).input
    for (acpi, wanted) in [(nil, true), ("", true), ("1", true), ("10", true), ("0", false), ("yes", false)] {
      input.keys.acpi = acpi
      #expect(input.keys.wantsACPI == wanted)
    }
    for (bios, named) in [(nil, .rombios), ("", .rombios), ("ovmf", .ovmf), ("bochs", nil)] as [(String?, BIOS?)] {
      input.keys.bios = bios
      #expect(input.keys.biosNamed == named)
    }
  }

  @Test("LD-53: the vm86 TSS lies behind SMBIOS structures that grow with processors and memory, as recorded")
  func tablesGrow() {
    // Of Debian's 4.17.7, one row each: processors, GiB, where it is.
    for (vcpus, gibibytes, place) in [
      (1, 1, 0xFC10_0280), (128, 1, 0xFC10_2480), (1, 47, 0xFC10_0300), (1, 160, 0xFC10_0500),
    ] as [(UInt32, UInt32, UInt64)] {
      let low = min(gibibytes << 18, 0xC0000)
      let guest = Guest(low: low, high: gibibytes << 18 > low ? 0x10_0000 + gibibytes << 18 - low : 0)
      var input = guest.input
      var info = HVMInfo(
        lowMemoryEnd: low, highMemoryEnd: gibibytes << 18 > low ? 0x10_0000 + gibibytes << 18 - low : 0,
        reservedStart: 0xFEFF0)
      info.vcpus = vcpus
      input.hvmInfo = info.bytes
      var port = GuestPort(guest: guest)
      var buffer = HypercallBuffer()
      let report = HVMLoader(edition: .xen4_17).run(input, as: DomainID(3), on: &port, &buffer)
      #expect(report.memory.tss == place, "\(vcpus) processors, \(gibibytes) GiB")
    }
  }

  @Test("LD-9: touching is no overlap, an empty range inside is")
  func overlap() {
    #expect(!meets(0x1000, 0x1000, rdm(0x2000, 0x1000)))
    #expect(!meets(0x2000, 0x1000, rdm(0x1000, 0x1000)))
    #expect(meets(0x1000, 0x1001, rdm(0x2000, 0x1000)))
    #expect(meets(0x1000, 0x1000, rdm(0x1800, 0)))
    #expect(!meets(0x1000, 0x1000, rdm(0x1000, 0)))
  }

  @Test("LD-13, LD-14: the low entry only shrinks, the first high one is resized, a missing one is appended")
  func adjust() {
    func adjusted(_ entries: [E820Entry], low: UInt32, high: UInt32, _ edition: Edition = .xen4_17) -> [String] {
      let guest = Guest(low: low, high: high, edition: edition)
      var state = LoaderState(of: HVMLoader(edition: edition), as: DomainID(3), guest.input)
      state.entries = entries
      state.hvm = HVMInfo(lowMemoryEnd: low, highMemoryEnd: high, reservedStart: 0)
      state.adjustMemoryMap()
      return state.entries.map(\.description)
    }
    let low = E820Entry(start: 0x10_0000, size: 0x7FF0_0000, type: .ram)
    let high = E820Entry(start: 1 << 32, size: 0x1000, type: .ram)
    let odd = E820Entry(start: 0x1_0000_1000, size: 0x1000, type: .ram)
    #expect(adjusted([low], low: 0x70000, high: 0) == ["0x100000-0x70000000:ram"])
    #expect(adjusted([low], low: 0x90000, high: 0) == ["0x100000-0x80000000:ram"])
    #expect(
      adjusted([low, high, high], low: 0x80000, high: 0x100004)
        == ["0x100000-0x80000000:ram", "0x100000000-0x100004000:ram", "0x100000000-0x100001000:ram"])
    #expect(
      adjusted([odd], low: 0x80000, high: 0x100004) == ["0x100001000-0x100002000:ram", "0x100000000-0x100004000:ram"])
    // B-6
    #expect(adjusted([low, high], low: 0x80000, high: 0).count == 2)
    #expect(adjusted([low, high], low: 0x80000, high: 0, .repaired).count == 1)
  }

  @Test("LD-71, LD-72: a broken hvm_info ends the run after the scan", arguments: [0, 8, 12])
  func hvmInfo(byte: Int) {
    let guest = Guest(low: 0x80000)
    let (report, _) = runWithCalls(guest) { input in
      input.hvmInfo[byte] = byte == 8 ? 47 : input.hvmInfo[byte] ^ 1
    }
    let defect: HVMInfo.Defect = byte == 0 ? .signature : byte == 8 ? .length : .checksum
    #expect(report.stop == .crashed(rule: .ld(71), record: .hvmInfoDefect(defect)))
    #expect(report.hvmInfo == nil)
    #expect(lines(report).suffix(4).first == "PCI-ISA link 3 routed to IRQ5")
    #expect(lines(report).suffix(3).first == "Bad hvm info \(defect.rawValue)")
  }

  @Test("LD-80, LD-86: BIOS by key and by module")
  func bios() {
    var guest = Guest(low: 0x80000, bios: "tianocore")
    #expect(lines(guest.run()).suffix(3).first == "Unknown BIOS tianocore, no ROM image found")
    guest.bios = "seabios"
    let (none, _) = runWithCalls(guest) { $0.biosImageBytes = nil }
    #expect(none.stop == .crashed(rule: .ld(80), record: .noBIOSImage))
    let (missing, _) = runWithCalls(guest) { $0.keys.bios = nil }
    #expect(missing.records.contains(.systemRequested(.rombios)))
  }

  @Test("LD-12: repaired, a map that hvm_info does not agree with is refused")
  func agreement() {
    let guest = Guest(low: 0x80000, edition: .repaired)
    let (report, _) = runWithCalls(guest) {
      $0.hvmInfo = HVMInfo(lowMemoryEnd: 0x70000, highMemoryEnd: 0, reservedStart: 0).bytes
    }
    #expect(report.stop == .crashed(rule: .ld(10), record: .mapRefused(guest.memoryMap[0], .disagreement)))
  }
}

@Suite("hvmloader's rules: PCI")
struct LoaderPCITests {
  @Test("LD-15: anything but a number other than 0 forbids moving RAM", arguments: ["0", "", "x", "-0"])
  func forbidden(value: String) {
    #expect(Guest(low: 0x80000, relocate: value).run().records.contains(.relocationAllowed(false)))
    let (missing, _) = runWithCalls(Guest(low: 0x80000)) { $0.keys.allowMemoryRelocate = nil }
    #expect(missing.records.contains(.relocationAllowed(true)))
  }

  @Test("LD-18, LD-27: links and interrupts; without the ISA bridge every line is FF")
  func interrupts() {
    var guest = Guest(low: 0x80000, functions: (1...4).map { function(2, fn: $0, pin: $0) })
    #expect(
      lines(guest.run()).filter { $0.contains("->") } == [
        "pci dev 02:1 INTA->IRQ11", "pci dev 02:2 INTB->IRQ5", "pci dev 02:3 INTC->IRQ5", "pci dev 02:4 INTD->IRQ10",
      ])
    guest.functions = [function(2, pin: 1)]
    let (bare, _) = runWithCalls(guest) { $0.functions.removeLast() }
    #expect(lines(bare).contains("pci dev 02:0 INTA->IRQ255"))
  }

  @Test("LD-19: any order in, devfn order out; ids FFFF:FFFF are no function")
  func order() {
    let guest = Guest(
      low: 0x80000, functions: [function(31, fn: 7), function(2), function(5, vendor: 0xFFFF, id: 0xFFFF), function(2)])
    #expect(guest.run().commands.map(\.devfn) == [0x08, 0x10, 0xFF])
  }

  @Test("LD-20, LD-21: assertions of the bridge and of class 0680")
  func assertions() {
    let (bridge, _) = runWithCalls(Guest(low: 0x80000)) { $0.functions[0].device = 0x7001 }
    #expect(bridge.stop == .crashed(rule: .ld(20), record: .bug(.isaBridge)))
    #expect(
      lines(bridge).suffix(2).first
        == "*** HVMLoader assertion '(devfn != PCI_ISA_DEVFN) || ((vendor_id == 0x8086) && (device_id == 0x7000))' "
        + "failed at pci.c:170")
    var guest = Guest(low: 0x80000, functions: [function(1, fn: 3, vendor: 0x8086, id: 0x7113, class: 0x0680)])
    #expect(guest.run().stop == .handedOver)
    guest.functions.append(function(4, class: 0x0680))
    #expect(guest.run().stop == .crashed(rule: .ld(21), record: .bug(.powerManagement)))
  }

  @Test("LD-21, LD-46: which adapter is the primary one, and who gets an OpRegion")
  func primaryVGA() {
    let cirrus = function(2, vendor: 0x1013, id: 0xB8, class: 0x0300)
    let intel = function(3, vendor: 0x8086, id: 0x1616, class: 0x0300)
    let other = function(1, fn: 1, class: 0x0300)
    for (functions, primary, hasRegion) in [
      ([cirrus, intel], 0x10, false), ([intel], 0x18, true), ([other, intel], 0x09, false),
      ([other, cirrus], 0x10, false),
      ([intel, function(4, vendor: 0x1234, id: 0x1111, class: 0x0300)], 0x20, true),
    ] {
      let report = Guest(low: 0x80000, functions: functions).run()
      #expect(report.commands.filter { $0.value & 1 != 0 }.map(\.devfn) == [UInt8(primary)])
      #expect((report.opRegion != nil) == hasRegion)
    }
  }

  @Test("LD-23, LD-48: what sizing makes of a register")
  func sizing() {
    func size(_ bar: BAR) -> UInt64? { Guest(low: 0x80000, functions: [function(4, bar)]).run().bars.first?.bar.size }
    #expect(size(BAR(0, .m32, size: 8)) == 16)
    #expect(size(BAR(0, .io, size: 1)) == 4)
    #expect(size(BAR(6, .rom, size: 16)) == 0x800)
    #expect(size(BAR(0, .m32, size: 0x3000)) == 0x1000)
    #expect(size(BAR(0, .m32, size: 1 << 32)) == nil)
    #expect(size(BAR(0, .m64, size: 0)) == nil)
    #expect(size(BAR(0, .io, size: 0x1_0000)) == nil)
    #expect(size(BAR(7, .m32, size: 0x1000)) == nil)
    let twice = function(4, BAR(0, .m64, size: 0x1000), BAR(1, .m32, size: 0x1000), BAR(2, .m32, size: 0x1000))
    #expect(Guest(low: 0x80000, functions: [twice]).run().bars.map(\.bar.index) == [0, 2])
  }

  @Test("LD-26: descending by size, ties in scan order, the ROM last, ports among them")
  func list() {
    let guest = Guest(
      low: 0x80000,
      functions: [
        function(5, BAR(0, .m32, size: 0x1000), BAR(1, .io, size: 0x1000)),
        function(4, BAR(0, .m32, size: 0x800), BAR(2, .m32, size: 0x1000), BAR(6, .rom, size: 0x1000)),
      ])
    #expect(
      placements(guest.run()) == [
        "4:0/18 0f0000000", "4:0/30 0f0001000", "5:0/10 0f0002000", "5:0/14 00000c001", "4:0/10 0f0003000",
      ])
  }

  @Test("LD-28: a hole of 4G starts at 0 and ends in a crash, not in a loop")
  func wholeHole() {
    let report = Guest(low: 0x80000, hole: "4294967296").run()
    #expect(report.stop == .crashed(rule: .ld(63), record: .bug(.lowMemory)))
    #expect(report.hvmInfo?.lowMemoryEnd == 0)
    #expect(Guest(low: 0x80000, hole: "4294967296", edition: .repaired).run().stop == .handedOver)
  }

  @Test("LD-30: the window drops only for a range inside it that it does not end at")
  func drop() {
    for (start, expected): (UInt64, UInt64) in [
      (0xF000_0000, 0x8000_0000), (0xFBFF_F000, 0x8000_0000), (0xEFFF_F000, 0xF000_0000), (0x1_0000_0000, 0xF000_0000),
    ] {
      #expect(Guest(low: 0x80000, ranges: [rdm(start, 0x1000)]).run().lowWindow?.start == expected)
    }
    #expect(Guest(low: 0xF0000, ranges: [rdm(0xF100_0000, 0x1000)]).run().lowWindow?.start == 0xF000_0000)
  }

  @Test("LD-32: a refused move is a crash")
  func refusedMove() {
    struct Refusing: HypercallPort {
      var port: GuestPort
      mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
        if case .addToPhysmap(_, .gmfnRange, _, _, _) = call { return Errno.EINVAL.negated }
        return port.perform(call, by: caller, &buffer)
      }
    }
    let guest = Guest(low: 0xF0000, functions: [function(4, BAR(0, .m64p, size: 0x1000_0000))])
    var port = Refusing(port: GuestPort(guest: guest))
    var buffer = HypercallBuffer()
    let report = HVMLoader(edition: .xen4_17).run(guest.input, as: DomainID(3), on: &port, &buffer)
    #expect(report.stop == .crashed(rule: .ld(32), record: .bug(.relocation)))
    #expect(report.moves.isEmpty)
    #expect(lines(report).contains("Relocating 0xffff pages from 0e0001000 to 100000000 for lowmem MMIO hole"))
  }

  @Test("LD-35: high RAM that ends below 4G is warned of on the same line")
  func highEndBelow4G() {
    let report = Guest(low: 0x80000, high: 0x90000).run()
    #expect(
      lines(report).contains(
        "WARNING: hvm_info->high_mem_pgend 90000 does not point into high memory!RAM in high memory; setting high_mem "
          + "resource base to 100000000"))
  }

  @Test("LD-50: ports run out at 10000")
  func ports() {
    let guest = Guest(
      low: 0x80000, functions: (2...6).map { function($0, BAR(0, .io, size: 0x1000)) })
    #expect(placements(guest.run()).suffix(2) == ["5:0/10 00000f001", "6:0/10 -"])
    #expect(command(guest.run(), 6) == 4)
  }
}

@Suite("hvmloader's rules: arenas, tables, E820")
struct LoaderTableTests {
  @Test("LD-53, LD-56: the TSS follows SMBIOS and MP tables; scratch memory is the sum of its pieces")
  func arenas() {
    func run(vcpus: UInt32, apic: UInt8 = 1) -> FirmwareReport {
      runWithCalls(Guest(low: 0x80000)) {
        var info = HVMInfo(lowMemoryEnd: 0x80000, highMemoryEnd: 0, reservedStart: 0)
        info.vcpus = vcpus
        info.apicMode = apic
        $0.hvmInfo = info.bytes
      }.0
    }
    #expect(run(vcpus: 1).memory.tss == 0xFC10_0280)
    #expect(run(vcpus: 4).memory.tss == 0xFC10_0300)
    #expect(lines(run(vcpus: 4)).filter { $0.hasPrefix(" - CPU") }.count == 4)
    #expect(lines(run(vcpus: 1)).contains(" 10000-100e3: Scratch space"))
    #expect(!lines(run(vcpus: 1, apic: 0)).contains("Creating MP tables ..."))
    #expect(run(vcpus: .max).stop == .crashed(rule: .ld(53), record: .bug(.arenaExhausted)))
    #expect(run(vcpus: 1).memory.populated == [FrameRange(0xFC100, 0xFC101), FrameRange(0xFC000, 0xFC00B)])
  }

  @Test("LD-54: after a failed populate call the guest's own last pages are used, one at a time")
  func donors() {
    let report = Guest(low: 0x80000, high: 0x100003, populateLimit: 5).run()
    #expect(report.memory.donated == [0x100002, 0x100001, 0x100000, 0x7FFFF, 0x7FFFE, 0x7FFFD, 0x7FFFC])
    #expect(report.hvmInfo?.lowMemoryEnd == 0x7FFFC)
    #expect(report.hvmInfo?.highMemoryEnd == 0)
    #expect(report.e820.contains { $0.description == "0x100000-0x7fffc000:ram" })
  }

  @Test("LD-55: the ACPI arena ends where the dynamic area starts")
  func acpiArena() {
    for (pages, stop): (UInt32, FirmwareStop) in [
      (0xFF, .handedOver), (0x100, .crashed(rule: .ld(55), record: .bug(.acpiArenaExhausted))),
    ] {
      let (report, _) = runWithCalls(Guest(low: 0x80000)) { $0.platform.acpiTablePages = pages }
      #expect(report.stop == stop)
    }
  }

  @Test("LD-57, LD-63: OVMF below 4G, page by page")
  func ovmf() {
    let (report, calls) = runWithCalls(Guest(low: 0x80000, bios: "ovmf")) { $0.biosImageBytes = 0x1F_0000 }
    #expect(
      calls.contains(.populatePhysmap(.itself, Extents(first: 0xFFE00, count: 0x200, perCall: 1), flags: 0)))
    #expect(lines(report).contains(" ffe00000-fffeffff: Main BIOS"))
    #expect(report.e820[1].description == "0xf0000-0x100000:reserved")
    #expect(!lines(report).contains("Creating MP tables ..."))
    let (huge, _) = runWithCalls(Guest(low: 0x80000, bios: "ovmf")) { $0.biosImageBytes = .max }
    #expect(huge.stop == .crashed(rule: .ld(57), record: .bug(.ovmfTooLarge)))
  }

  @Test("LD-63: ROMBIOS keeps memory of its own below 640K")
  func rombios() {
    let report = Guest(low: 0x80000, bios: "rombios").run()
    #expect(
      report.e820.prefix(3).map(\.description) == [
        "0x0-0x9e000:ram", "0x9e000-0xa0000:reserved", "0xe0000-0x100000:reserved",
      ])
    #expect(lines(report).contains(" f0000-fffff: Main BIOS"))
  }

  @Test("LD-63: SeaBIOS images of every kind of size; less than 2M of RAM")
  func seabios() {
    for (bytes, stop): (UInt32, FirmwareStop) in [
      (0x4_0000, .handedOver), (1, .handedOver), (0, .crashed(rule: .ld(63), record: .bug(.biosBase))),
      (0x4_0001, .crashed(rule: .ld(63), record: .bug(.seabiosTooLarge))),
      (0x20_0000, .crashed(rule: .ld(63), record: .bug(.biosBase))),
    ] {
      let (report, _) = runWithCalls(Guest(low: 0x80000)) { $0.biosImageBytes = bytes }
      #expect(report.stop == stop, "\(bytes)")
    }
    #expect(Guest(low: 0x1FF).run().stop == .crashed(rule: .ld(63), record: .bug(.lowMemory)))
    #expect(Guest(low: 0x200).run().stop == .handedOver)
  }

  @Test(
    "LD-58: registers that each window start takes",
    arguments: [
      (0xF000_0000, 2), (0xE000_0000, 3), (0xC000_0000, 4), (0x8000_0000, 5), (0x7FF0_0000, 6), (0x7FEF_F000, 7),
      (0xC010_0000, 12), (0x7F5A_3000, 12),
    ] as [(UInt64, Int)])
  func mtrrs(start: UInt64, count: Int) {
    let window = AddressRange(start, 0xFC00_0000)
    #expect(MTRRLayout.count(over: window) == count)
    let layout = MTRRLayout(over: window, nil, available: 8)
    #expect(layout.ranges.count == min(8, count))
    #expect((layout.ranges + layout.uncovered).reduce(0) { $0 + $1.count } == window.count)
    #expect(layout.ranges.allSatisfy { $0.start % $0.count == 0 })
  }

  @Test("LD-58: without MTRRs the processor line is short")
  func noMTRRs() {
    let (report, _) = runWithCalls(Guest(low: 0x80000)) { $0.platform.variableMTRRs = nil }
    #expect(lines(report).contains(" - CPU0 ... done."))
    #expect(report.mtrrs == nil)
  }

  @Test("LD-64: without ACPI the special area is one reserved entry")
  func noACPI() {
    let report = Guest(low: 0x80000, acpi: "0").run()
    #expect(report.e820.last?.description == "0xfc000000-0x100000000:reserved")
    #expect(!lines(report).contains("Loading ACPI ..."))
    #expect(report.acpiInfo == nil)
  }

  @Test("LD-67: the sort is not stable")
  func sort() {
    // The first exchange carries entry [F2000000) behind both equal ones.
    let first = rdm(0xF300_0000, 0x1000)
    let second = rdm(0xF300_0000, 0x2000)
    let report = Guest(low: 0x80000, ranges: [first, second, rdm(0xF200_0000, 0x1000)]).run()
    #expect(report.e820.filter { $0.start == 0xF300_0000 }.map(\.size) == [0x2000, 0x1000])
  }

  @Test("LD-69: the dump's words")
  func dump() {
    let odd = E820Entry(start: 0xF000_0000, size: 0x1000, type: E820Type(rawValue: 7))
    let acpi = E820Entry(start: 0xF000_1000, size: 0x1000, type: .acpi)
    let text = lines(Guest(low: 0x80000, ranges: [odd, acpi]).run())
    #expect(text.contains(" [03]: 00000000:f0000000 - 00000000:f0001000: UNKNOWN (00000007)"))
    #expect(text.contains(" [04]: 00000000:f0001000 - 00000000:f0002000: ACPI"))
    #expect(text.contains(" HOLE: 00000000:f0002000 - 00000000:fc000000"))
    #expect(LogRecord.e820Entry(index: 100, rdm(0, 1)).text.hasPrefix(" [100]: "))
  }

  @Test("LD-73 to LD-77: CMOS, SMBIOS and what ACPI publishes")
  func published() {
    let report = Guest(
      low: 0x80000, high: 0x110000, functions: [function(4, BAR(0, .m64p, size: 0x8000_0000))]
    ).run()
    #expect(report.cmos == CMOSMemory(base: 640, extended: 0xFFFF, alternative: 0x7F00))
    #expect(report.smbiosMiB == 2048 + 256)
    #expect(
      report.acpiInfo
        == ACPIInfo(lowStart: 0xF000_0000, lowSize: 0x0C00_0000, highStart: 0x1_8000_0000, highSize: 0x8000_0000))
    #expect(Guest(low: 0x80000).run().acpiInfo?.highSize == 0)
  }
}
