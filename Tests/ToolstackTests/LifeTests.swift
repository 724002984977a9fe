import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing

@testable import Toolstack

/// Creation, hotplug, reboot and destruction, with faults at every hypercall.
@Suite("The life of a guest")
struct LifeTests {
  private func passthroughGuest() -> GuestConfiguration { .guest(4096, .graphics, .usb, .nic) }

  private func pages(_ guest: Guest) -> UInt64 { guest.populated.reduce(0) { $0 + $1.count } }

  /// `work` once per ordinal until it is no longer hit, each time from a fresh copy of `bench`.
  private func faults(
    _ bench: Bench, _ work: (inout Bench) throws(Refusal) -> Void,
    _ check: (_ ordinal: UInt64, _ refusal: Refusal?, _ before: Bench, _ after: Bench) -> Void
  ) -> UInt64 {
    var ordinal: UInt64 = 1
    while true {
      var copy = bench
      copy.port.port.clear()
      copy.port.arm(.failure(ordinal: ordinal, errno: .ENOMEM))
      var refusal: Refusal?
      do throws(Refusal) { try work(&copy) } catch { refusal = error }
      if copy.port.fault != nil { return ordinal - 1 }
      check(ordinal, refusal, bench, copy)
      ordinal += 1
    }
  }

  @Test("BL-75…103: a guest of 4 GiB is created in a few dozen crossings, in the real order")
  func creation() throws {
    var bench = Bench(.xen4_17)
    let guest = try bench.create(passthroughGuest())
    let kinds = bench.calls.map { "\($0)".prefix { $0 != "(" } }
    #expect(bench.calls.count < 64)
    func place(_ kind: String) throws -> Int { try #require(kinds.firstIndex { $0 == kind }) }
    let order = [
      "createDomain", "maxVCPUs", "maxMem", "setPagingAllocation", "reservedDeviceMemoryMap", "claimPages",
      "populatePhysmap", "setMemoryMap", "testAssignDevice", "ioportPermission", "assignDevice",
    ]
    let places = try order.map(place)
    // The graphics device comes first and has memory before ports.
    #expect(places == places.sorted())
    #expect(kinds.last == "assignDevice")
    #expect(bench.calls.contains(.maxMem(guest.domain, kib: 4097 << 10)), "BL-75")
    #expect(bench.calls.contains(.claimPages(guest.domain, pages: (4088 << 8) - 0x20)), "BL-92")
    #expect(bench.host.claimed == 0)
    #expect(guest.hvmInfo.lowMemoryEnd == 0xAB800)
    #expect(pages(guest) == (4088 << 8) - 0x20 + 16, "I-8")
    #expect(guest.devices.map(\.devfn) == [0x20, 0x28, 0x30])
    #expect(bench.host.domains[guest.domain]?.memoryMap == guest.memoryMap)
    #expect(bench.toolstack.binding(of: .usb)?.recordedOwner == guest.domain)
  }

  @Test("BL-108: a fault at any hypercall of create leaves nothing behind in repaired, no domain in 4.17")
  func faultsInCreate() {
    var configuration = passthroughGuest()
    configuration.graphicsPassthrough = true
    for edition in [Edition.repaired, .xen4_17] {
      let count = faults(Bench(edition)) { bench throws(Refusal) in
        _ = try bench.create(configuration)
      } _: { ordinal, refusal, before, after in
        guard refusal != nil else { return }
        #expect(after.host.domains.isEmpty, "\(ordinal)")
        #expect(after.toolstack.guests.isEmpty)
        if edition == .repaired {
          #expect(after.host == before.host, "\(ordinal): \(after.calls.suffix(3))")
          #expect(after.toolstack == before.toolstack, "\(ordinal)")
        }
      }
      #expect(count > 40)
    }
  }

  @Test("BL-96: a superpage refused once is no failure")
  func faultInSuperpage() {
    var survivors = 0
    _ = faults(Bench(.repaired)) { bench throws(Refusal) in
      _ = try bench.create(.guest(4096))
    } _: { _, refusal, _, after in
      guard refusal == nil else { return }
      survivors += 1
      let guest = after.toolstack.guests[0]
      #expect(pages(guest) == (4088 << 8) - 0x20 + 16)
    }
    #expect(survivors > 3)
  }

  @Test("BL-127, BL-122, BL-134: faults in attach, detach, mem-set, destroy and the assignable list")
  func faultsInOperations() throws {
    var base = Bench(.repaired)
    var configuration = passthroughGuest()
    configuration.strategy = .host
    configuration.devices.removeLast()
    let domain = try base.create(configuration).domain
    try base.assignableAdd(.otherSegment)
    try base.mapBARs(
      of: domain,
      [PlacedBAR(devfn: 0x20, bar: BAR(0, .m64, size: 16 << 20), address: 0xF400_0000, decodes: true)])
    var seized = AssignedDevice(.nicSecond)
    seized.seize = true
    var unbound = base
    unbound.toolstack.bindings[4].isBound = false

    func check(_ ordinal: UInt64, _ refusal: Refusal?, _ before: Bench, _ after: Bench) {
      #expect(refusal != nil, "\(ordinal)")
      #expect(after.host == before.host, "\(ordinal): \(after.calls)")
      #expect(after.toolstack == before.toolstack, "\(ordinal)")
    }
    #expect(faults(base, { b throws(Refusal) in try b.attach(AssignedDevice(.nic), to: domain) }, check) == 4)
    #expect(faults(unbound, { b throws(Refusal) in try b.attach(seized, to: domain) }, check) == 5)
    #expect(faults(base, { b throws(Refusal) in try b.detach(.graphics, from: domain) }, check) == 4)
    #expect(faults(base, { b throws(Refusal) in try b.destroy(domain) }, check) == 1)
    #expect(
      faults(
        base,
        { b throws(Refusal) in
          try b.setMemoryTarget(domain, targetKiB: 2 << 20)
        }, check) == 3)
    #expect(
      faults(base, { b throws(Refusal) in try b.assignableAdd(.nic) }, check) == 1)
    #expect(
      faults(
        base, { b throws(Refusal) in try b.assignableRemove(.otherSegment) }, check)
        == 1)
    #expect(
      faults(
        base,
        { b throws(Refusal) in
          try b.mapBARs(
            of: domain,
            [
              PlacedBAR(devfn: 0x20, bar: BAR(0, .m64, size: 16 << 20), address: 0xF500_0000, decodes: true),
              PlacedBAR(devfn: 0x28, bar: BAR(0, .m64, size: 64 << 10), address: 0xF400_0000, decodes: true),
            ])
        }, check) == 3)
  }

  @Test("BL-122: what destroy and detach give back", arguments: [Edition.repaired, .xen4_17])
  func givingBack(edition: Edition) throws {
    var bench = Bench(edition)
    let domain = try bench.create(passthroughGuest()).domain
    try bench.detach(.usb, from: domain)
    #expect(bench.host.owners[.usb] == .io)
    #expect(bench.toolstack.binding(of: .usb)?.isQuarantined == true)
    #expect(bench.toolstack.guest(domain)?.deviceModel.passed.contains { $0.devfn == 0x28 } == false)
    #expect(throws: Refusal(.invalid, rule: .bl(122))) { try bench.detach(.usb, from: domain) }
    let rights = bench.host.domains[domain]?.rights.count
    #expect(rights == (edition == .repaired ? 3 : 4), "BL-124")
    #expect(!bench.calls.contains { if case .getDeviceGroup = $0 { true } else { false } }, "BL-126")
    try bench.destroy(domain)
    #expect(bench.host.domains.isEmpty)
    #expect(bench.toolstack.guests.isEmpty)
    #expect(bench.toolstack.bindings.allSatisfy { $0.recordedOwner == nil })
    #expect(bench.host.owners[.graphics] == .io)
    #expect(throws: Refusal(.notFound, rule: nil)) { try bench.destroy(domain) }
  }

  @Test("BL-108: in 4.17 a guest that cannot be destroyed has lost its devices, in repaired it keeps them")
  func refusedDestruction() throws {
    for edition in [Edition.repaired, .xen4_17] {
      var bench = Bench(edition)
      let domain = try bench.create(.guest(64, .nic)).domain
      bench.port.arm(.failure(ordinal: edition == .repaired ? 1 : 2, errno: .EBUSY))
      #expect(throws: Refusal(.fail, errno: .EBUSY, rule: .hv(78))) { try bench.destroy(domain) }
      let kept = edition == .repaired
      #expect(bench.toolstack.guest(domain)?.devices.isEmpty == !kept)
      #expect(bench.host.owners[.nic] == (kept ? domain : .io))
    }
  }

  @Test("BL-128…130: a reboot builds the same guest again", arguments: [Edition.repaired, .xen4_17])
  func reboot(edition: Edition) throws {
    var bench = Bench(edition)
    var configuration = passthroughGuest()
    configuration.devices[1].policy = .relaxed
    configuration.devices[2].slot = 9
    let first = try bench.create(configuration)
    guard case .running(let second) = try bench.reboot(first.domain) else {
      Issue.record("lost")
      return
    }
    #expect(second.domain != first.domain)
    #expect(second.layout == first.layout)
    #expect(second.memoryMap == first.memoryMap)
    #expect(second.devices == first.devices)
    #expect(second.configuration.devices.map(\.policy) == [.strict, .relaxed, .strict])
    #expect(second.configuration.devices.map(\.slot) == [4, 5, 9])
    #expect(bench.toolstack.guests == [second])
  }

  @Test("BL-129, LB-5: a reboot from the old structure overlaps RAM and range in 4.17")
  func rebootFromOldStructure() throws {
    for edition in [Edition.repaired, .xen4_17] {
      var bench = Bench(edition)
      let first = try bench.create(.guest(4096, .graphics, policy: .relaxed))
      let outcome = try bench.reboot(first.domain, retrieved: false)
      guard case .running(let second) = outcome else {
        Issue.record("lost")
        return
      }
      #expect(second.layout.lowMemoryEnd == (edition == .repaired ? 0xAD00_0000 : 0xF000_0000))
    }
  }

  @Test("BL-128: a reboot whose second half fails says so")
  func lostReboot() throws {
    var bench = Bench(.repaired)
    let domain = try bench.create(passthroughGuest()).domain
    bench.port.arm(.failure(ordinal: 4, errno: .ENOMEM))
    let outcome = try bench.reboot(domain)
    #expect(outcome == .lost(Refusal(.fail, errno: .ENOMEM, rule: .bl(75))))
    #expect(bench.toolstack.guests.isEmpty)
    #expect(bench.host.domains.isEmpty)
  }

  @Test("BL-134: mem-set")
  func memorySet() throws {
    var bench = Bench(.repaired)
    let domain = try bench.create(.guest(1024)).domain
    try bench.setMemoryTarget(domain, targetKiB: 512 << 10)
    #expect(bench.host.domains[domain]?.limitKiB == 513 << 10)
    #expect(bench.host.domains[domain]?.podTarget == (505 << 10) / 4)
    #expect(throws: Refusal(.invalid, rule: .bl(134))) {
      try bench.setMemoryTarget(domain, targetKiB: 1025 << 10)
    }
    bench.port.arm(.failure(ordinal: 3, errno: .ENOMEM))
    var old = Bench(.xen4_17)
    old.toolstack.guests = bench.toolstack.guests
    old.port = bench.port
    #expect(throws: Refusal.self) {
      try old.setMemoryTarget(domain, targetKiB: 256 << 10)
    }
    #expect(old.host.domains[domain]?.limitKiB == 257 << 10, "BL-127")
  }

  // MARK: E1

  @Test("BL-3: sizes not given")
  func defaultSizes() throws {
    var configuration = GuestConfiguration(memoryMiB: 1)
    configuration.maxMemoryKiB = .max
    configuration.targetMemoryKiB = .max
    configuration.videoKiB = .max
    let prepared = try Toolstack(machine: .laptop, edition: .repaired).prepared(configuration)
    #expect(prepared.maxMemoryKiB == 32 << 10)
    #expect(prepared.targetMemoryKiB == 32 << 10)
    #expect(prepared.videoKiB == 8 << 10)
  }

  @Test(
    "BL-4: the least video memory",
    arguments: [
      (GuestConfiguration.VGA.cirrus, GuestConfiguration.DeviceModel.qemuXen, UInt64(8)), (.stdvga, .qemuXen, 16),
      (.none, .qemuXen, 0), (.cirrus, .traditional, 0), (.stdvga, .traditional, 8),
    ])
  func videoMemory(vga: GuestConfiguration.VGA, model: GuestConfiguration.DeviceModel, least: UInt64) throws {
    let toolstack = Toolstack(machine: .laptop, edition: .repaired)
    var configuration = GuestConfiguration(memoryMiB: 64)
    configuration.vga = vga
    configuration.deviceModel = model
    configuration.videoKiB = least << 10
    #expect(try toolstack.prepared(configuration).videoKiB == least << 10)
    guard least > 0 else { return }
    configuration.videoKiB -= 1
    #expect(throws: Refusal(.invalid, rule: .bl(4))) { try toolstack.prepared(configuration) }
  }

  @Test("BL-12: every passthrough setting with and without device, HAP, sharing and IOMMU")
  func passthroughSettings() {
    for setting in GuestConfiguration.Passthrough.allCases {
      for device in [false, true] {
        for hap in [false, true] {
          for sharing in [false, true] {
            for directIO in [false, true] {
              var toolstack = Toolstack(machine: .laptop, edition: .xen4_17)
              toolstack.sharesPageTables = sharing
              toolstack.directIO = directIO
              var configuration = device ? GuestConfiguration.guest(64, .nic) : .guest(64)
              configuration.hap = hap
              configuration.passthrough = setting
              let wants = setting == .default ? device : setting != .disabled
              let canShare = hap && sharing
              var expected: GuestConfiguration.Passthrough? = wants ? (canShare ? .sharePT : .syncPT) : .disabled
              if setting == .syncPT { expected = .syncPT }
              if wants && !directIO || !wants && device || setting == .sharePT && !canShare { expected = nil }
              let prepared = try? toolstack.prepared(configuration)
              #expect(prepared?.passthrough == expected)
              #expect(
                (prepared?.iommuPoolKiB ?? 0) == (expected == .syncPT ? 4 * (32 + 1 + 1 + 1) : 0), "BL-13")
            }
          }
        }
      }
    }
  }

  @Test("BL-111, BL-131: populate on demand, and not together with an IOMMU")
  func populateOnDemand() throws {
    var bench = Bench(.xen4_17)
    var configuration = GuestConfiguration.guest(1024)
    configuration.targetMemoryKiB = 512 << 10
    let domain = try bench.create(configuration).domain
    #expect(bench.host.domains[domain]?.podTarget == (504 << 8) - 0x20, "BL-92")
    let flags = bench.calls.compactMap { if case .populatePhysmap(_, _, let flags) = $0 { flags } else { nil } }
    #expect(flags.prefix(3) == [0x1_0000, 0x1_0000, 0x1_0000], "BL-90")
    #expect(flags.suffix(2) == [0, 0], "BL-98, LD-3")
    configuration.passthrough = .enabled
    #expect(throws: Refusal(.invalid, rule: .bl(131))) { try bench.create(configuration) }
  }

  @Test("BL-10: memory for page tables")
  func pagingPool() {
    var configuration = GuestConfiguration(memoryMiB: 1024)
    configuration.vcpus = 2
    #expect(configuration.pagingPoolKiB == 4 * (512 + 1024))
    configuration.hap = false
    #expect(configuration.pagingPoolKiB == 4 * (512 + 2048))
  }

  @Test("BL-18: gfx_passthru without an Intel adapter among the devices")
  func graphics() {
    var bench = Bench(.repaired)
    var configuration = GuestConfiguration.guest(1024, .nic)
    configuration.graphicsPassthrough = true
    #expect(throws: Refusal(.fail, rule: .bl(18))) { try bench.create(configuration) }
    #expect(bench.host.domains.isEmpty)
  }

  @Test("BL-104: vcpus and the online bitmap")
  func vcpus() throws {
    var bench = Bench(.repaired)
    var configuration = GuestConfiguration.guest(64)
    configuration.vcpus = 11
    let info = try bench.create(configuration).hvmInfo
    #expect(info.vcpus == 11)
    #expect(info.onlineVCPUs == 0x7FF)
    #expect(info.bytes.reduce(0, &+) == 0)
  }

  @Test("what shows as the same memory is equal, and every change of it shows")
  func sameness() throws {
    func areSame(_ left: Toolstack, _ right: Toolstack) -> Bool {
      withUnsafePointer(to: left) { left in withUnsafePointer(to: right) { Toolstack.areSame(left, $0) } }
    }
    // One more, and it has to be looked at, too.
    #expect(Mirror(reflecting: Bench(.repaired).toolstack).children.count == 9)
    var bench = Bench(.repaired)
    let domain = try bench.create(.guest(1024, .nic)).domain
    let before = bench.toolstack
    #expect(areSame(before, bench.toolstack))
    var changed: [Toolstack] = []
    func change(_ deed: (inout Toolstack) -> Void) {
      var copy = before
      deed(&copy)
      changed.append(copy)
    }
    change { $0.unplug(.usb) }
    change { $0.forget(domain) }
    change { $0.bindings[0].isBound.toggle() }
    change { $0.directIO.toggle() }
    change { $0.sharesPageTables.toggle() }
    change { $0.claimsMemory.toggle() }
    change { $0.images.system += 1 }
    change { $0.adoptRules(of: Toolstack(machine: .laptop, edition: .xen4_17)) }
    var quiet = Machine.laptop
    quiet.quarantine = .none
    #expect(!areSame(Toolstack(machine: quiet, edition: .repaired), Toolstack(machine: .laptop, edition: .repaired)))
    for copy in changed { #expect(copy != before && !areSame(copy, before)) }
  }

  @Test("every change of a guest but of its memory's target shows as one of its construction or of its devices")
  func guestSameness() throws {
    var bench = Bench(.repaired)
    let guest = try bench.create(.guest(1024, .usb))
    #expect(!guest.rdms.isEmpty && !guest.memoryMap.isEmpty)
    // One more, and it has to be looked at, too.
    #expect(Mirror(reflecting: guest).children.count == 7)
    #expect(Mirror(reflecting: guest.deviceModel).children.count == 7)
    func shows(_ deed: (inout Guest) -> Void) -> (construction: Bool, devices: Bool) {
      var copy = guest
      deed(&copy)
      return withUnsafePointer(to: guest) { guest in
        withUnsafePointer(to: copy) {
          (!Guest.areOfOneConstruction(guest, $0), !Guest.haveSameDevices(guest, $0))
        }
      }
    }
    #expect(shows { $0.targetMemoryKiB -= 4 } == (false, false))
    #expect(shows { $0.rdms.removeAll() } == (true, false))
    #expect(shows { $0.memoryMap.removeLast() } == (true, false))
    #expect(shows { $0.deviceModel.lowMemoryEnd -= 4096 } == (true, false))
    #expect(shows { $0.deviceModel.highMemoryEnd += 4096 } == (true, false))
    #expect(shows { $0.devices[0].isGone = true } == (false, true))
    #expect(shows { $0.deviceModel.detach(.usb) } == (false, true))
  }
}
