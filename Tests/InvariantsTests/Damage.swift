import AddressSpace
import Editions
import Platform
import Testing
import Tracing

@testable import Firmware
@testable import Hypervisor
@testable import Invariants
@testable import Simulation
@testable import Toolstack

/// What one damage by hand to the host after an event breaks; nothing if it only comes near.
struct Damage: CustomTestStringConvertible, Sendable {
  let what: String
  /// `invariant relation` of all that must be reported, in the order of the catalogue.
  let breaks: [String]
  var refused = false
  var event = "boot dom2"
  let apply: @Sendable (inout Host) -> Void

  var testDescription: String { what }

  init(
    _ what: String, breaks: [String] = [], refused: Bool = false, event: String = "boot dom2",
    _ apply: @escaping @Sendable (inout Host) -> Void
  ) {
    self.what = what
    self.breaks = breaks
    self.refused = refused
    self.event = event
    self.apply = apply
  }

  /// Two guests that run: dom1 has a device strictly, dom2 one relaxed; both have tables of their own for DMA.
  static let story = Story(
    """
    host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=separate quarantine=basic
    rmrr 0xe0000000-0xe0003fff 0000:00:01.0
    rmrr 0xe0004000-0xe0007fff 0000:00:02.0
    device 0000:00:01.0 bar0=m32:64K
    device 0000:00:02.0 bar0=m64:64K bar2=io:32
    device 0000:00:03.0
    """,
    """
    create dom1 memory=64 pci=0000:00:01.0,policy=strict
    boot dom1
    create dom2 memory=64 pci=0000:00:02.0,policy=relaxed
    boot dom2
    """)
}

extension Host {
  /// Changes the hypervisor's state of guest `number`; both have the numbers of their names.
  mutating func domain(_ number: UInt16, _ body: (inout Domain) -> Void) {
    let index = port.port.domains.firstIndex { $0.id == DomainID(number) }!
    body(&port.port.domains[index])
  }

  /// Changes what firmware reported of guest `number`.
  mutating func firmware(_ number: UInt16, _ body: (inout FirmwareReport) -> Void) {
    body(&guests[Int(number) - 1].firmware!)
  }

  /// Gives the device at `sbdf` another owner.
  mutating func give(_ sbdf: SBDF, to owner: DomainID?) {
    port.port.devices[port.port.deviceIndex(of: sbdf)!].owner = owner
  }
}

extension Domain {
  /// Puts RAM at a frame, or takes it away, and charges for it.
  mutating func setRAM(_ frame: GFN, _ isThere: Bool) {
    write(isThere ? .ram : nil, at: FrameRange(single: frame))
    totalPages = isThere ? totalPages + 1 : totalPages - 1
  }
}

extension FirmwareReport {
  /// Moves a register; `change` gets the one of size 64K behind slot 4.
  mutating func moveBAR(to address: UInt64, decodes: Bool = true) {
    let index = bars.firstIndex { $0.devfn == 0x20 && $0.bar.kind.isMemory }!
    bars[index].address = address
    bars[index].decodes = decodes
  }
}

extension Damage {
  static let all = memory + devices + tables + registers + transitions

  private static let memory: [Damage] = [
    Damage(
      "RAM in a told range", breaks: ["ram-clear-of-ranges inside", "identity-kept lost", "e820-lists-ram unlisted"]
    ) {
      $0.domain(2) { $0.setRAM(0xE_0004, true) }
    },
    Damage("RAM on both sides of the ranges", breaks: ["e820-lists-ram unlisted"]) { host in
      host.domain(1) { $0.setRAM(0xD_FFFF, true) }
      host.domain(1) { $0.setRAM(0xE_0004, true) }
      host.domain(2) { $0.setRAM(0xE_0003, true) }
      host.domain(2) { $0.setRAM(0xE_0008, true) }
    },
    Damage(
      "RAM in the strict range",
      breaks: ["ram-clear-of-ranges inside", "strict-mapped p2m", "identity-kept lost", "e820-lists-ram unlisted"]
    ) {
      $0.domain(1) { $0.setRAM(0xE_0003, true) }
    },
    Damage("a page charged and not there", breaks: ["ram-conserved leaked"]) { $0.domain(1) { $0.totalPages += 1 } },
    Damage("a page there and not charged", breaks: ["ram-conserved uncharged"]) { $0.domain(1) { $0.totalPages -= 1 } },
    Damage("the charge of a guest that somebody changed by raw calls") { host in
      host.guests[0].tampered = true
      host.domain(1) { $0.totalPages += 1 }
    },
    Damage("a page promised and kept ready") { host in
      host.domain(1) {
        $0.promise.cache += 1
        $0.totalPages += 1
      }
    },
    Damage("QEMU's idea of low RAM", breaks: ["ram-agreed device-model"]) {
      $0.toolstack.guests[0].deviceModel.lowMemoryEnd -= 4096
    },
    Damage("QEMU's idea of high RAM", breaks: ["ram-agreed device-model"]) {
      $0.toolstack.guests[0].deviceModel.highMemoryEnd = 0x1_0000_1000
    },
    Damage("hvm_info after hvmloader", breaks: ["ram-agreed hvm-info"]) {
      $0.firmware(1) { $0.hvmInfo!.lowMemoryEnd -= 1 }
    },
    Damage("hvmloader's map", breaks: ["ram-agreed hvm-info"]) {
      $0.firmware(1) { $0.memoryMap.append(E820Entry(AddressRange(0x1_0000_0000, 0x1_0000_1000), .ram)) }
    },
    Damage("hvmloader moved RAM under QEMU", breaks: ["ram-agreed moved"]) {
      $0.firmware(1) { $0.moves = [RAMMove(from: FrameRange(0x3000, 0x3001), to: FrameRange(0x10_0000, 0x10_0001))] }
    },
  ]

  private static let devices: [Damage] = [
    Damage("another guest's range within reach", breaks: ["rmrr-in-one-guest shared", "dma-confined range"]) {
      $0.domain(2) {
        $0.write(.direct(DirectMapping(access: .readWrite, origin: .memoryMapping)), at: FrameRange(single: 0xE_0000))
      }
    },
    Damage("another guest's range at another address", breaks: ["rmrr-in-one-guest shared", "dma-confined bar"]) {
      $0.domain(2) {
        let mapping = DirectMapping(offset: 0xE_0003 &- 0xD_0000, access: .read, origin: .memoryMapping)
        $0.write(.direct(mapping), at: FrameRange(single: 0xD_0000))
      }
    },
    Damage("a machine page beside another guest's range", breaks: ["dma-confined bar"]) {
      $0.domain(2) {
        let mapping = DirectMapping(offset: 0xE_0008 &- 0xD_0000, access: .all, origin: .memoryMapping)
        $0.write(.direct(mapping), at: FrameRange(single: 0xD_0000))
      }
    },
    Damage("a device of a domain that is not there", breaks: ["one-owner dead"]) {
      $0.give(SBDF(0, 0, 3, 0), to: DomainID(77))
    },
    Damage(
      "an attached device that another guest owns",
      breaks: ["one-owner not-the-guest", "strict-mapped p2m", "identity-counted too-many", "dma-confined range"]
    ) {
      $0.give(SBDF(0, 0, 1, 0), to: DomainID(2))
    },
    Damage("a device nobody attached", breaks: ["one-owner unknown-to-toolstack"]) {
      $0.give(SBDF(0, 0, 3, 0), to: DomainID(2))
    },
    Damage("a free device in quarantine, or with nobody") { $0.give(SBDF(0, 0, 3, 0), to: .io) },
    Damage("an attached device that was pulled out", breaks: ["identity-counted too-many", "dma-confined range"]) {
      host in
      host.toolstack.guests[0].devices[0].isGone = true
      host.give(SBDF(0, 0, 1, 0), to: nil)
    },
    Damage("a hole in the strict range", breaks: ["strict-mapped p2m", "identity-kept lost"]) {
      $0.domain(1) { $0.write(nil, at: FrameRange(single: 0xE_0003)) }
    },
    Damage("a strict page that cannot be written", breaks: ["strict-mapped p2m"]) {
      $0.domain(1) {
        $0.write(.direct(DirectMapping(access: .read, origin: .record)), at: FrameRange(single: 0xE_0000))
      }
    },
    Damage("a strict page that is another", breaks: ["strict-mapped p2m", "identity-kept lost", "dma-confined bar"]) {
      $0.domain(1) {
        let mapping = DirectMapping(offset: 0x100, access: .readWrite, origin: .record)
        $0.write(.direct(mapping), at: FrameRange(single: 0xE_0000))
      }
    },
    Damage("a strict page for the CPU only", breaks: ["strict-mapped iommu", "views-agree differ"]) {
      $0.domain(1) { $0.writeDMATable(nil, at: FrameRange(single: 0xE_0001)) }
    },
    Damage("a strict page that can also be executed") {
      $0.domain(1) {
        $0.write(.direct(DirectMapping(access: .all, origin: .memoryMapping)), at: FrameRange(single: 0xE_0000))
      }
    },
    Damage("a hole in a relaxed range", breaks: ["identity-kept lost"]) {
      $0.domain(2) { $0.write(nil, at: FrameRange(single: 0xE_0005)) }
    },
    Damage("a record that counts one function too many", breaks: ["identity-counted too-many"]) {
      $0.domain(1) { $0.records[0].count += 1 }
    },
    Damage(
      "a record of a range that no device of the guest has", breaks: ["identity-counted too-few"],
      { $0.domain(2) { $0.records[0].count = 0 } }),
    Damage(
      "a device with a range in a quarantine without a table",
      breaks: [
        "one-owner not-the-guest", "identity-counted too-many", "quarantine-mapped no-table", "dma-confined range",
      ]
    ) { host in
      host.give(SBDF(0, 0, 2, 0), to: .io)
      host.port.port.devices[1].hasQuarantineTable = false
    },
    Damage(
      "two devices with a BAR in one page",
      breaks: ["one-owner not-the-guest", "bars-placed bar", "bar-pages-apart shared"]
    ) { host in
      var other = host.toolstack.guests[1].devices[0]
      other = AttachedDevice(
        sbdf: SBDF(0, 0, 3, 0), policy: .relaxed, devfn: other.devfn + 8, isMultifunction: false)
      host.toolstack.guests[1].devices.append(other)
      host.firmware(2) { report in
        var bar = report.bars.first { $0.devfn == other.devfn - 8 && $0.bar.kind.isMemory }!
        bar.devfn = other.devfn
        report.bars.append(bar)
      }
    },
    Damage("a guest that an attach crashes", breaks: ["nobody-crashes guest"], event: "attach dom1 0000:00:03.0") {
      $0.domain(1) { $0.crash = .hv(121) }
    },
    Damage("a guest that was crashed by its own hypercall", event: "boot dom2") {
      $0.domain(1) { $0.crash = .hv(121) }
    },
    Damage("a host that a detach crashes", breaks: ["nobody-crashes host"], event: "detach dom1 0000:00:01.0") {
      $0.port.port.hostCrash = .d(4)
    },
    Damage(
      "a guest whose list lacks its device's range", breaks: ["ranges-accounted silent"],
      event: "create dom2 memory=64"
    ) { $0.toolstack.guests[1].rdms.removeAll() },
    Damage(
      "a strict range that was dropped", breaks: ["ranges-accounted strict-dropped", "dropped-not-shown shown"],
      event: "create dom1 memory=64"
    ) { $0.toolstack.guests[0].rdms[0].policy = nil },
    Damage(
      "a strict range that is relaxed", breaks: ["strict-wins relaxed"], event: "create dom1 memory=64"
    ) { $0.toolstack.guests[0].rdms[0].policy = .relaxed },
    Damage("a relaxed range that is strict", event: "create dom2 memory=64") {
      $0.toolstack.guests[1].rdms[0].policy = .strict
    },
    Damage("a range that was dropped and is shown", breaks: ["dropped-not-shown shown"]) {
      $0.toolstack.guests[1].rdms[0].policy = nil
    },
    Damage("a page of RAM that devices do not see", breaks: ["views-agree differ"]) {
      $0.domain(1) { $0.writeDMATable(nil, at: FrameRange(single: 0x100)) }
    },
    Damage("a page that only devices see", breaks: ["views-agree differ"]) {
      $0.domain(1) { $0.writeDMATable(.ram, at: FrameRange(single: 0x9_0000)) }
    },
    Damage("RAM that devices see as a machine page", breaks: ["views-agree differ"]) {
      $0.domain(1) { $0.writeDMATable(.direct(offset: 0, access: .readWrite), at: FrameRange(single: 0x100)) }
    },
    Damage("a range that devices may write and the CPU not", breaks: ["views-agree differ"]) {
      $0.domain(2) {
        $0.writeP2M(.direct(DirectMapping(access: .read, origin: .record)), at: FrameRange(single: 0xE_0004))
      }
    },
    Damage("views of a guest that crashed") { host in
      host.domain(1) {
        $0.writeDMATable(nil, at: FrameRange(single: 0x100))
        $0.crash = .hv(118)
      }
    },
    Damage("a promised page, which devices do not see") {
      $0.domain(2) { $0.write(.populateOnDemand, at: FrameRange(single: 0x9_0000)) }
    },
  ]

  private static func entries(_ change: @escaping @Sendable (inout [E820Entry]) -> Void)
    -> @Sendable (inout Host) -> Void
  {
    { host in host.firmware(2) { change(&$0.e820) } }
  }

  private static let tables: [Damage] = [
    Damage(
      "an entry without bytes", breaks: ["e820-well-formed empty"],
      entries {
        $0.insert(E820Entry(start: 0xA_0000, size: 0, type: .reserved), at: 1)
      }),
    Damage(
      "an entry that wraps", breaks: ["e820-well-formed wrapping"],
      entries {
        $0.append(E820Entry(start: 0x2_0000_0000, size: 0 &- 0x1000, type: .reserved))
      }),
    Damage(
      "an entry within a page", breaks: ["e820-well-formed unaligned"],
      entries {
        $0.append(E820Entry(start: 0x2_0000_0000, size: 0x800, type: .reserved))
      }),
    Damage(
      "an entry that begins within a page", breaks: ["e820-well-formed unaligned"],
      entries {
        $0.append(E820Entry(start: 0x2_0000_0800, size: 0x800, type: .reserved))
      }),
    Damage("an entry twice", breaks: ["e820-well-formed overlapping"], entries { $0.append($0[$0.count - 1]) }),
    Damage("entries out of order", breaks: ["e820-well-formed overlapping"], entries { $0.swapAt(0, 1) }),
    Damage(
      "entries that touch, of one type and of two",
      entries {
        $0.append(E820Entry(start: 0x1_0000_0000, size: 0x1000, type: .reserved))
        $0.append(E820Entry(start: 0x1_0000_1000, size: 0x1000, type: .reserved))
        $0.append(E820Entry(start: 0x1_0000_2000, size: 0x1000, type: .nvs))
      }),
    Damage(
      "a told range that is not in the table", breaks: ["ranges-reserved uncovered"],
      entries { table in
        table.removeAll { $0.start == 0xE000_4000 }
      }),
    Damage(
      "a told range without its last page", breaks: ["ranges-reserved uncovered"],
      entries { table in
        table[table.firstIndex { $0.start == 0xE000_4000 }!].size -= 0x1000
      }),
    Damage(
      "a told range that is not reserved but NVS", breaks: ["ranges-reserved uncovered"],
      entries { table in
        table[table.firstIndex { $0.start == 0xE000_4000 }!].type = .nvs
      }),
    Damage(
      "a told range in two entries",
      entries { table in
        let index = table.firstIndex { $0.start == 0xE000_4000 }!
        table[index].size = 0x1000
        table.insert(E820Entry(start: 0xE000_5000, size: 0x3000, type: .reserved), at: index + 1)
      }),
    Damage(
      "a told range in a larger entry",
      entries { table in
        let index = table.firstIndex { $0.start == 0xE000_4000 }!
        table[index] = E820Entry(start: 0xE000_0000, size: 0x10_0000, type: .reserved)
      }),
    Damage("a page of RAM that is gone", breaks: ["e820-ram-backed missing"]) {
      $0.domain(2) { $0.setRAM(0x3000, false) }
    },
    Damage(
      "RAM in the table where there is none", breaks: ["e820-ram-backed missing"],
      entries {
        $0.append(E820Entry(start: 0x1_0000_0000, size: 0x1000, type: .ram))
      }),
    Damage("a page of RAM that the balloon gave back") { host in
      host.domain(2) { $0.setRAM(0x3000, false) }
      host.guests[1].ballooned.set(FrameRange(single: 0x3000), to: true)
    },
    Damage("RAM that the table does not list", breaks: ["e820-lists-ram unlisted"]) {
      $0.domain(2) { $0.setRAM(0x10_0000, true) }
    },
    Damage("a window that MTRRs do not cover", breaks: ["windows-uncached uncovered"]) {
      $0.firmware(2) { $0.mtrrs!.uncovered.append(AddressRange(0xF000_0000, 0xF100_0000)) }
    },
    Damage("the table of a guest whose firmware crashed") { host in
      host.firmware(2) {
        $0.e820.append($0.e820[0])
        $0.stop = .crashed(rule: .ld(10), record: .crashed)
      }
    },
  ]

  private static func bar(_ address: UInt64, decodes: Bool = true) -> @Sendable (inout Host) -> Void {
    { host in host.firmware(1) { $0.moveBAR(to: address, decodes: decodes) } }
  }

  private static let registers: [Damage] = [
    Damage("a BAR that was never placed", breaks: ["bars-placed unplaced-low-gap"], bar(0)),
    Damage("a BAR that was never placed and does not decode", bar(0, decodes: false)),
    Damage("a BAR that is not aligned to its size", breaks: ["bars-placed unaligned"], bar(0xE100_8000)),
    Damage("a BAR over RAM", breaks: ["bars-placed ram"], bar(0x20_0000)),
    Damage("a BAR over RAM that does not decode", bar(0x20_0000, decodes: false)),
    Damage("a BAR right behind RAM", bar(0x380_0000)),
    Damage("a BAR over a told range", breaks: ["bars-placed told-range"]) { host in
      host.firmware(2) { $0.moveBAR(to: 0xE000_0000) }
    },
    Damage("a BAR right behind a told range") { host in host.firmware(2) { $0.moveBAR(to: 0xE001_0000) } },
    Damage("a BAR where another guest's range is", bar(0xE001_0000)),
    Damage("a BAR below 1M", breaks: ["bars-placed legacy"], bar(0xA_0000)),
    Damage("a BAR in firmware's window", breaks: ["bars-placed firmware"], bar(0xFD00_0000)),
    Damage("a BAR right below firmware's window", bar(0xFBFF_0000)),
    Damage("a BAR over another", breaks: ["bars-placed bar"]) { host in
      host.firmware(1) { report in
        let other = report.bars.first { $0.devfn == 0x10 && $0.bar.kind.isMemory }!
        report.moveBAR(to: other.address)
      }
    },
    Damage("a BAR with the number of a port") { host in
      host.firmware(2) { report in
        let index = report.bars.firstIndex { !$0.bar.kind.isMemory && $0.devfn == 0x20 }!
        report.bars[index].address = 0xC000
        report.bars.removeAll { $0.devfn != 0x20 && !$0.bar.kind.isMemory }
        report.bars.append(PlacedBAR(devfn: 0x28, bar: BAR(0, .m32, size: 32), address: 0xE001_0000, decodes: true))
      }
    },
  ]

  private static let transitions: [Damage] = [
    Damage("a refusal that changed a domain", breaks: ["refusal-changes-nothing domains"], refused: true) {
      $0.domain(1) { $0.pagingMiB += 1 }
    },
    Damage("a refusal that changed a device", breaks: ["refusal-changes-nothing devices"], refused: true) {
      $0.give(SBDF(0, 0, 3, 0), to: .io)
    },
    Damage("a refusal that took memory", breaks: ["refusal-changes-nothing memory"], refused: true) { host in
      var claim: UInt64 = 0
      _ = host.port.port.budget.take(extents: 1, of: 1, claim: &claim)
    },
    Damage("a refusal that claimed memory", breaks: ["refusal-changes-nothing memory"], refused: true) { host in
      _ = host.port.port.budget.stake(1)
    },
    Damage("a refusal that changed the hardware", breaks: ["refusal-changes-nothing functions"], refused: true) {
      $0.port.port.functions.removeLast()
    },
    Damage("a refusal that brought the host down", breaks: ["refusal-changes-nothing host"], refused: true) {
      $0.port.port.hostCrash = .hv(148)
    },
    Damage("a refusal that changed dom0's books", breaks: ["refusal-changes-nothing toolstack"], refused: true) {
      $0.toolstack.bindings[2].isBound = false
    },
    Damage("a refusal that changed a guest's life", breaks: ["refusal-changes-nothing guests"], refused: true) {
      $0.guests[0].ballooned.set(FrameRange(single: 0x9_0000), to: true)
    },
    Damage("a refusal that used up a number and left a table ready for quarantine", refused: true) { host in
      host.port.port.lastNumber += 1
      host.port.port.devices[0].hasQuarantineTable.toggle()
    },
    Damage("a guest that does not go", breaks: ["destroy-gives-back zombie"], event: "destroy dom1") {
      $0.guests.remove(at: 0)
    },
    Damage("a guest whose reboot leaves the old one", breaks: ["destroy-gives-back zombie"], event: "reboot dom1") {
      _ in
    },
    Damage("a page that does not come back", breaks: ["destroy-gives-back leaked"], event: "destroy dom1") { host in
      _ = host.apply(Event("destroy dom1"))
      var claim: UInt64 = 0
      _ = host.port.port.budget.take(extents: 1, of: 1, claim: &claim)
    },
    Damage("a page too many", breaks: ["destroy-gives-back too-much"], event: "destroy dom1") { host in
      _ = host.apply(Event("destroy dom1"))
      host.port.port.budget.give(1)
    },
    Damage("a policy that a reboot forgets", breaks: ["asked-is-given policy"], event: "reboot dom1") { host in
      _ = host.apply(Event("reboot dom1"))
      let guest = host.toolstack.guests.count - 1
      let device = host.toolstack.guests[guest].devices[0]
      host.toolstack.guests[guest].devices[0] = AttachedDevice(
        sbdf: device.sbdf, policy: .relaxed, devfn: device.devfn, isMultifunction: device.isMultifunction)
    },
    Damage("an entry of RAM in the stored map that is doubled", breaks: ["memory-map-sound overlapping"]) {
      $0.toolstack.guests[1].memoryMap.append($0.toolstack.guests[1].memoryMap[0])
    },
    Damage("a reserved entry of the stored map that is doubled") {
      $0.toolstack.guests[1].memoryMap.append($0.toolstack.guests[1].memoryMap[1])
    },
    Damage("a strict range that is not in the stored map", breaks: ["strict-announced unannounced"]) {
      $0.toolstack.guests[0].memoryMap.removeAll { $0.type == .reserved }
    },
    Damage("a relaxed range that is not in the stored map") {
      $0.toolstack.guests[1].memoryMap.removeAll { $0.type == .reserved }
    },
    Damage("a guest that goes", event: "destroy dom1") { _ = $0.apply(Event("destroy dom1")) },
    Damage("a guest that comes again", event: "reboot dom1") { _ = $0.apply(Event("reboot dom1")) },
    Damage("nothing at all, refused", refused: true) { _ in },
    Damage("nothing at all") { _ in },
  ]
}

@Suite("Each invariant is seen to fail by damage, and not to fail by what comes near")
struct DamageTests {
  @Test("exactly what is expected is reported", arguments: Damage.all)
  func damage(_ damage: Damage) {
    let scene = Damage.story.scene()
    #expect(scene.violations == [])
    var after = scene.after
    damage.apply(&after)
    let damaged = Invariant.Scene(
      event: Event(damage.event), outcome: damage.refused ? .refused(Refusal(.fail, rule: nil)) : .done,
      before: scene.after, after: after)
    #expect(damaged.violations.map { "\($0.invariant) \($0.relation)" } == damage.breaks)
    #expect(
      damaged.violations.allSatisfy {
        ["hypervisor", "toolstack", "firmware"].contains($0.stage) && !$0.detail.isEmpty
      })
    #expect(Invariant.firstViolation(in: damaged) == damaged.violations.first)
  }
}
