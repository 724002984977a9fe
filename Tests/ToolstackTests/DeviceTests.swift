import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing

@testable import Toolstack

/// Attach, detach, the assignable list, and what the device model makes of devices.
@Suite("Devices of a guest")
struct DeviceTests {
  /// A bench with a guest of 1 GiB that can take devices.
  private func running(
    _ edition: Edition, _ machine: Machine = .laptop, _ change: (inout GuestConfiguration) -> Void = { _ in }
  ) throws -> (Bench, DomainID) {
    var bench = Bench(edition, on: machine)
    var configuration = GuestConfiguration(memoryMiB: 1024)
    configuration.passthrough = .enabled
    change(&configuration)
    let domain = try bench.create(configuration).domain
    return (bench, domain)
  }

  @Test("BL-109, LB-11: a device that another guest has; 4.17 forgets who")
  func takenDevice() throws {
    for edition in [Edition.repaired, .xen4_17] {
      var (bench, first) = try running(edition) { $0.devices = [AssignedDevice(.nic)] }
      let second = try bench.create(.guest(64, .usb)).domain
      let refusal = Refusal(.fail, errno: .EINVAL, rule: .hv(81))
      #expect(throws: refusal) { try bench.attach(AssignedDevice(.nic), to: second) }
      #expect(bench.toolstack.binding(of: .nic)?.recordedOwner == (edition == .repaired ? first : nil))
      first = second
    }
  }

  @Test("BL-41: the same device twice fails at the second")
  func duplicate() {
    var bench = Bench(.repaired)
    #expect(throws: Refusal(.fail, errno: .EINVAL, rule: .hv(81))) { try bench.create(.guest(64, .nic, .nic)) }
    #expect(bench.host == SmallHost(.laptop))
  }

  @Test("BL-113: a guest without IOMMU")
  func noIOMMU() throws {
    var bench = Bench(.repaired)
    let domain = try bench.create(.guest(64)).domain
    #expect(throws: Refusal(.fail, errno: .EOPNOTSUPP, rule: .bl(113))) {
      try bench.attach(AssignedDevice(.nic), to: domain)
    }
  }

  @Test("BL-109: only what pciback drives is assignable; seize takes it")
  func assignable() throws {
    var (bench, domain) = try running(.repaired)
    try bench.assignableAdd(.nic)
    try bench.assignableRemove(.nic)
    #expect(bench.host.owners[.nic] == .dom0)
    #expect(throws: Refusal(.fail, rule: .bl(109))) { try bench.attach(AssignedDevice(.nic), to: domain) }
    var device = AssignedDevice(.nic)
    device.byName = true
    #expect(throws: Refusal(.notFound, rule: .bl(109))) { try bench.attach(device, to: domain) }
    device.byName = false
    device.seize = true
    try bench.attach(device, to: domain)
    #expect(bench.host.owners[.nic] == domain)
    #expect(bench.calls.contains(.assignDevice(.io, .nic, flags: 1, deviceType: 0)), "BL-125")
    #expect(throws: Refusal(.fail, errno: .ENODEV, rule: .hv(73))) {
      try bench.assignableRemove(.nic)
    }
    #expect(throws: Refusal(.fail, rule: .bl(125))) {
      try bench.assignableAdd(SBDF(9, 9, 9, 1))
    }
  }

  @Test("BL-112: the policy becomes the flag; not given means strict (BL-40)")
  func flags() throws {
    var (bench, domain) = try running(.xen4_17)
    try bench.attach(AssignedDevice(.nic), to: domain)
    try bench.attach(AssignedDevice(.nicSecond, policy: .relaxed), to: domain)
    #expect(bench.calls.contains(.assignDevice(domain, .nic, flags: 0, deviceType: 0)))
    #expect(bench.calls.contains(.assignDevice(domain, .nicSecond, flags: 1, deviceType: 0)))
  }

  @Test("BL-121: strict hotplug of ranges the guest was not told of")
  func unannouncedHotplug() throws {
    // 1 GiB of RAM ends below the range: nothing in the hypervisor objects.
    var (old, oldDomain) = try running(.xen4_17)
    try old.attach(AssignedDevice(.graphics), to: oldDomain)
    var (bench, domain) = try running(.repaired)
    let before = bench
    #expect(throws: Refusal(.fail, rule: .bl(121))) { try bench.attach(AssignedDevice(.graphics), to: domain) }
    #expect(bench.host == before.host)
    #expect(bench.toolstack == before.toolstack)
    try bench.attach(AssignedDevice(.graphics, policy: .relaxed), to: domain)
    try bench.attach(AssignedDevice(.nic), to: domain)

    (bench, domain) = try running(.repaired) { $0.strategy = .host }
    try bench.attach(AssignedDevice(.graphics), to: domain)
    // What is told stays told: out and in again.
    try bench.detach(.graphics, from: domain)
    try bench.attach(AssignedDevice(.graphics), to: domain)
  }

  @Test("BL-127: a failing assignment leaves emulated device and rights in 4.17")
  func tracesOfFailure() throws {
    var (bench, domain) = try running(.xen4_17) { configuration in
      configuration.maxMemoryKiB = 4 << 20
      configuration.targetMemoryKiB = 4 << 20
    }
    #expect(throws: Refusal(.fail, errno: .EBUSY, rule: .hv(108))) {
      try bench.attach(AssignedDevice(.graphics), to: domain)
    }
    let guest = try #require(bench.toolstack.guest(domain))
    #expect(guest.devices.isEmpty)
    #expect(guest.deviceModel.passed.first { $0.devfn == 0x20 }?.host == .graphics)
    #expect(bench.host.domains[domain]?.rights.count == 2)
    #expect(bench.toolstack.binding(of: .graphics)?.recordedOwner == nil)
  }

  @Test("BL-56, LB-2: a device given by name")
  func named() throws {
    var configuration = GuestConfiguration.guest(4096, .graphics)
    configuration.devices[0].byName = true
    var bench = Bench(.repaired)
    let guest = try bench.create(configuration)
    #expect(guest.layout.lowMemoryEnd == 0xAD00_0000)
    #expect(guest.retrievedConfiguration.devices.map(\.byName) == [false], "BL-130")
    var old = Bench(.xen4_17)
    #expect(throws: Refusal(.fail, errno: .EBUSY, rule: .hv(108))) { try old.create(configuration) }
  }

  @Test("BL-110, LB-3, LB-10: a device given with all its functions")
  func allFunctions() throws {
    var machine = Machine.laptop
    machine.statedUnits.append(RMRRUnit(base: 0xA000_0000, end: 0xA000_0FFF, devices: [SBDF.nicSecond.bdf]))
    var device = AssignedDevice(.nic)
    device.allFunctions = true
    var configuration = GuestConfiguration.guest(1024)
    configuration.devices = [device]
    var bench = Bench(.repaired, on: machine)
    #expect(throws: Refusal(.invalid, rule: .bl(110))) { try bench.create(configuration) }
    configuration.devices[0].slot = 4
    let guest = try bench.create(configuration)
    #expect(guest.devices.map(\.devfn) == [0x21, 0x20])
    #expect(guest.rdms.map(\.start) == [0xA000_0000])
    #expect(guest.retrievedConfiguration.devices.map(\.allFunctions) == [true])
    guard case .running(let again) = try bench.reboot(guest.domain) else {
      Issue.record("lost")
      return
    }
    #expect(again.devices == guest.devices)

    var old = Bench(.xen4_17, on: machine)
    let broken = try old.create(configuration)
    #expect(broken.devices.map(\.devfn) == [0x21])
    #expect(broken.rdms.isEmpty)
    #expect(broken.retrievedConfiguration.devices.map(\.allFunctions) == [false], "BL-130")
  }

  @Test("LB-17: two devices that differ in the segment only")
  func segments() throws {
    var (old, oldDomain) = try running(.xen4_17)
    try old.attach(AssignedDevice(.nic), to: oldDomain)
    #expect(throws: Refusal(.fail, rule: .bl(110))) { try old.attach(AssignedDevice(.otherSegment), to: oldDomain) }
    var (bench, domain) = try running(Edition.xen4_17.with(.toolstack(.deviceNameWithoutSegment), on: false))
    try bench.attach(AssignedDevice(.nic), to: domain)
    try bench.attach(AssignedDevice(.otherSegment), to: domain)
  }

  @Test("BL-110: slots")
  func slots() throws {
    var (bench, domain) = try running(.repaired)
    try bench.attach(AssignedDevice(.nic, slot: 5), to: domain)
    try bench.attach(AssignedDevice(.nicSecond), to: domain)
    #expect(throws: Refusal(.fail, rule: .bl(110))) {
      try bench.attach(AssignedDevice(.otherSegment, slot: 3), to: domain)
    }
    #expect(throws: Refusal(.invalid, rule: .bl(33))) {
      try bench.attach(AssignedDevice(.otherSegment, slot: 32), to: domain)
    }
    try bench.attach(AssignedDevice(.otherSegment, slot: 0), to: domain)
    let model = try #require(bench.toolstack.guest(domain)?.deviceModel)
    #expect(model.functions.map(\.devfn) == [0, 8, 9, 0xB, 0x10, 0x18, 0x20, 0x28, 0x30])
    #expect(model.passed.first?.host == .nicSecond, "a single function becomes function 0")
    #expect(model.passed[1].bars.map(\.size) == [4096], "small BARs are shown as a page")
  }

  @Test("no slot is left")
  func fullBus() throws {
    var machine = Machine()
    for device in 0..<32 { machine.functions.append(PCIFunction(SBDF(0, 5, UInt8(device), 0))) }
    var (bench, domain) = try running(.repaired, machine)
    for device in 0..<28 { try bench.attach(AssignedDevice(SBDF(0, 5, UInt8(device), 0)), to: domain) }
    let before = bench.toolstack
    #expect(throws: Refusal(.fail, rule: .bl(110))) {
      try bench.attach(AssignedDevice(SBDF(0, 5, 28, 0)), to: domain)
    }
    #expect(bench.toolstack == before)
  }

  @Test("BL-122: a refused deassignment")
  func refusedDeassignment() throws {
    for (edition, forgotten) in [(Edition.repaired, false), (.xen4_17, true)] {
      var (bench, domain) = try running(edition) { $0.devices = [AssignedDevice(.nic)] }
      bench.host.owners[.nic] = .xen
      var refusal: Refusal?
      do throws(Refusal) { try bench.detach(.nic, from: domain) } catch { refusal = error }
      #expect(refusal == (forgotten ? nil : Refusal(.fail, errno: .ENODEV, rule: .hv(73))))
      #expect(bench.toolstack.guest(domain)?.devices.isEmpty == forgotten)
      #expect(bench.host.domains[domain]?.rights.count == 1)
    }
  }

  @Test("HV-146: a function pulled out under a guest can still be detached")
  func pulledOut() throws {
    var (bench, domain) = try running(.repaired) { $0.devices = [AssignedDevice(.nic)] }
    let function = try #require(bench.toolstack.function(at: .nic))
    bench.toolstack.unplug(.nic)
    bench.host.owners[.nic] = nil
    bench.toolstack.plug(function)
    bench.host.owners[.nic] = .dom0
    #expect(bench.toolstack.binding(of: .nic)?.isBound == false)
    try bench.detach(.nic, from: domain)
    #expect(bench.toolstack.guest(domain)?.devices.isEmpty == true)
    #expect(bench.host.domains[domain]?.rights.isEmpty == true)
    #expect(bench.host.owners[.nic] == .dom0)
  }

  @Test("BL-124: functions that share a host page keep the right to it until the last is gone")
  func sharedPage() throws {
    var (bench, domain) = try running(.repaired) { $0.devices = [AssignedDevice(.nic), AssignedDevice(.nicSecond)] }
    try bench.detach(.nic, from: domain)
    #expect(bench.host.domains[domain]?.rights == [.iomemPermission(domain, mfn: 0xB2000, count: 1, allow: true)])
    try bench.detach(.nicSecond, from: domain)
    #expect(bench.host.domains[domain]?.rights.isEmpty == true)
  }

  @Test("any BAR is survived, and what it brought is given back")
  func extremeBARs() throws {
    let extremes: [UInt64] = [0, 1, 0xFFF, 0x1000, 1 << 31, 1 << 32, 1 << 52, 1 << 63, .max - 0xFFF, .max]
    for size in extremes {
      for address in extremes {
        for kind in BAR.Kind.allCases {
          var machine = Machine()
          let bar = BAR(0, kind, size: size, hostAddress: address)
          machine.functions = [PCIFunction(.nic, bars: [bar]), PCIFunction(.nicSecond, bars: [bar])]
          for edition in [Edition.repaired, .xen4_17] {
            var (bench, domain) = try running(edition, machine)
            try bench.attach(AssignedDevice(.nic), to: domain)
            try bench.attach(AssignedDevice(.nicSecond), to: domain)
            for place in extremes {
              try bench.mapBARs(of: domain, [PlacedBAR(devfn: 0x20, bar: bar, address: place, decodes: true)])
            }
            try bench.detach(.nic, from: domain)
            try bench.detach(.nicSecond, from: domain)
            #expect(bench.host.domains[domain]?.mapped.isEmpty == true)
            if edition == .repaired { #expect(bench.host.domains[domain]?.rights.isEmpty == true) }
          }
        }
      }
    }
  }

  // MARK: Device model

  @Test("BL-76, LB-1: where QEMU believes RAM to be")
  func split() throws {
    var bench = Bench(.xen4_17)
    let model = try bench.create(.guest(4096, .graphics)).deviceModel
    #expect(model.lowMemoryEnd == 0xF000_0000)
    #expect(model.highMemoryEnd == 0x1_0F80_0000)
    var repaired = Bench(.repaired)
    let guest = try repaired.create(.guest(4096, .graphics))
    #expect(guest.deviceModel.lowMemoryEnd == guest.layout.lowMemoryEnd)
    #expect(guest.deviceModel.highMemoryEnd == guest.layout.highMemoryEnd)
    // Without a range that moves RAM both agree, whatever the hole.
    for hole: UInt64 in [0, 256, 1024, 4096 + 256] {
      for edition in [Edition.repaired, .xen4_17] {
        var configuration = GuestConfiguration.guest(4096)
        configuration.mmioHoleKiB = hole << 10
        var bench = Bench(edition)
        let guest = try bench.create(configuration)
        #expect(guest.deviceModel.lowMemoryEnd == guest.layout.lowMemoryEnd)
        #expect(guest.deviceModel.highMemoryEnd == guest.layout.highMemoryEnd)
      }
    }
  }

  @Test("BL-76, BL-77: keys for hvmloader")
  func firmwareKeys() throws {
    var configuration = GuestConfiguration.guest(1024)
    func keys() throws -> Guest.FirmwareKeys {
      var bench = Bench(.repaired)
      return try bench.create(configuration).firmwareKeys
    }
    #expect(try keys() == Guest.FirmwareKeys(allowMemoryRelocate: "0", mmioHoleSize: nil))
    configuration.mmioHoleKiB = 1 << 20
    #expect(try keys().mmioHoleSize == "1073741824")
    configuration.mmioHoleKiB = 256 << 10
    #expect(try keys().mmioHoleSize == "268435456", "equality is announced")
    configuration.mmioHoleKiB = 255 << 10
    #expect(try keys().mmioHoleSize == nil)
    configuration.deviceModel = .traditional
    #expect(try keys().allowMemoryRelocate == "1")
  }

  @Test("BARs of passed-through functions follow what the guest's firmware wrote")
  func barMappings() throws {
    var (bench, domain) = try running(.repaired) { configuration in
      configuration.strategy = .host
      configuration.devices = [AssignedDevice(.graphics), AssignedDevice(.nicSecond)]
    }
    func place(_ devfn: UInt8, _ bar: BAR, _ address: UInt64, decodes: Bool = true) -> PlacedBAR {
      PlacedBAR(devfn: devfn, bar: bar, address: address, decodes: decodes)
    }
    let memory = BAR(0, .m64, size: 16 << 20)
    func map(_ placed: [PlacedBAR]) throws -> Set<Hypercall> {
      try bench.mapBARs(of: domain, placed)
      return bench.host.domains[domain]?.mapped ?? []
    }
    let first = try map([
      place(0x10, BAR(0, .m32p, size: 32 << 20), 0xF000_0000),  // emulated
      place(0x20, memory, 0xF400_0000),
      place(0x20, BAR(4, .io, size: 64), 0xC000),
      place(0x28, BAR(0, .m32, size: 4096), 0xF500_0000, decodes: false),
      place(0x28, BAR(1, .m32, size: 4096), 0xF500_1000),  // host address unknown
      place(0x30, memory, 0xF600_0000),  // nothing there
    ])
    #expect(first == [.memoryMapping(domain, gfn: 0xF4000, mfn: 0xB0000, count: 0x1000, add: true)])
    let second = try map([place(0x20, memory, 0xF600_0000), place(0x28, BAR(0, .m32, size: 4096), 0xF500_0000)])
    #expect(
      second == [
        .memoryMapping(domain, gfn: 0xF6000, mfn: 0xB0000, count: 0x1000, add: true),
        .memoryMapping(domain, gfn: 0xF5000, mfn: 0xB2000, count: 1, add: true),
      ])
    #expect(try map([place(0x20, memory, 0)]).isEmpty, "0 was never placed")
    _ = try map([place(0x20, memory, 0xF400_0000)])
    try bench.detach(.graphics, from: domain)
    #expect(bench.host.domains[domain]?.mapped.isEmpty == true)
    #expect(bench.toolstack.guest(domain)?.deviceModel.mappedBARs.isEmpty == true)
    #expect(throws: Never.self) { _ = try map([place(0x28, memory, .max & ~0xFFF), place(0xFF, memory, 0x1000)]) }
  }
}
