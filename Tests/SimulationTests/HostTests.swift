import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing
import Toolstack
import Tracing

@testable import Hypervisor
@testable import Simulation

@Suite("One host")
struct HostTests {
  private static let life = Life(
    "two guests",
    host: """
      host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=separate quarantine=basic
      rmrr 0xab80a000-0xab81dfff 0000:00:14.0
      device 0000:00:14.0 class=0c03 bar0=m64:64K@0xf7a00000
      device 0000:00:02.0 class=0300 bar0=m32:16M@0xf0000000
      """,
    events: """
      create dom3 memory=64 pci=0000:00:14.0
      boot dom3
      create dom1 memory=64
      boot dom1
      """)

  private static let host = life.run().hosts.last!

  private func observe(_ text: String, _ host: inout Host) -> String {
    let event = Event(text)
    let outcome = host.apply(event)
    return host.observation(of: event, outcome).text
  }

  @Test("events on guests and functions that are not there are refused and change nothing")
  func unknown() {
    let events = [
      "boot dom2": "refused NOTFOUND", "reboot dom2": "refused NOTFOUND", "destroy dom2": "refused NOTFOUND",
      "attach dom2 0000:00:02.0": "refused NOTFOUND", "detach dom2 0000:00:02.0": "refused NOTFOUND",
      "detach dom1 0000:00:14.0": "refused INVAL rule=BL-122", "balloon dom2 memory=32": "refused NOTFOUND",
      "access dom2 write 0x1000": "refused NOTFOUND", "attach dom1 0000:77:00.0": "",
      "create dom1 memory=64": "refused INVAL", "boot dom1": "refused INVAL", "unplug 0000:77:00.0": "",
      "assignable-add 0000:77:00.0": "refused FAIL rule=BL-125", "assignable-remove 0000:77:00.0": "",
      "plug 0000:00:02.0": "refused INVAL", "dma 0000:77:00.0 write 0x1000": "",
      "hypercall dom0 destroydomain dom2": "-ESRCH rule=HV-64", "hypercall dom2 memory_map capacity=128": "",
      "hypercall dom0 createdomain dom1 hvm hap": "-EEXIST",
      "hypercall dom1 max_mem dom3 kib=1": "-EPERM rule=HV-64",
    ]
    for (text, expected) in events.sorted(by: { $0.key < $1.key }) {
      var host = Self.host
      let seen = observe(text, &host)
      #expect(expected.isEmpty || seen == expected, "\(text): \(seen)")
      #expect(!seen.hasPrefix("ok") && host.firstDifference(from: Self.host) == nil, "\(text): \(seen)")
    }
  }

  @Test("names survive reboots; Xen's numbers do not, and are never given twice")
  func names() throws {
    var host = Self.host
    let old = try #require(host.guest(named: DomainID(3)))
    #expect(observe("owner 0000:00:14.0", &host) == "dom3")
    #expect(observe("reboot dom3", &host) == "ok low=0x3800000 high=0x0")
    let new = try #require(host.guest(named: DomainID(3)))
    #expect(new.domain != old.domain && new.domain > DomainID(2) && new.firmware == nil)
    #expect(host.name(of: new.domain) == DomainID(3) && host.name(of: old.domain) == nil)
    #expect(observe("owner 0000:00:14.0", &host) == "dom3")
    #expect(observe("boot dom3", &host).hasPrefix("ok"))
    #expect(host.guests.map(\.name) == [DomainID(1), DomainID(3)])
    _ = observe("destroy dom3", &host)
    _ = observe("create dom3 memory=64", &host)
    #expect(host.guest(named: DomainID(3))!.domain > new.domain)
    // The numbers of refused creations are not used up.
    let next = host.hypervisor.lastNumber
    #expect(observe("create dom4 memory=64 pci=0000:77:00.0", &host).hasPrefix("refused"))
    #expect(host.hypervisor.lastNumber <= next + 1)
  }

  @Test("raw hypercalls speak of guests by their names")
  func translated() throws {
    var host = Self.host
    // dom3 has Xen's number 1, dom1 has number 2.
    #expect(host.guest(named: DomainID(3))!.domain == DomainID(1))
    #expect(host.guest(named: DomainID(1))!.domain == DomainID(2))
    #expect(observe("hypercall dom0 max_mem dom3 kib=40960", &host) == "0")
    #expect(host.hypervisor.domain(DomainID(1))!.maxPages == 10240)
    #expect(host.guest(named: DomainID(3))!.tampered && !host.guest(named: DomainID(1))!.tampered)
    #expect(observe("hypercall dom1 decrease_reservation dom_self first=0x100 count=2", &host) == "2")
    #expect(host.hypervisor.domain(DomainID(2))!.p2m[0x101] == nil)
    #expect(host.guest(named: DomainID(1))!.tampered)
    // What is refused touches nobody.
    host = Self.host
    #expect(observe("hypercall dom0 populate_physmap dom1 first=0xffffffffff count=1", &host).hasPrefix("0"))
    #expect(!host.guest(named: DomainID(1))!.tampered)
    // Destroyed under the toolstack's feet: it forgets, and the name is free.
    #expect(observe("hypercall dom0 destroydomain dom3", &host) == "0")
    #expect(host.guest(named: DomainID(3)) == nil && host.toolstack.guests.count == 1)
    #expect(host.toolstack.binding(of: SBDF(0, 0, 0x14, 0))?.recordedOwner == nil)
    #expect(observe("hypercall dom0 createdomain dom3 hvm hap iommu", &host) == "0")
    #expect(observe("hypercall dom0 assign_device dom3 0000:00:14.0", &host) == "0")
    #expect(observe("owner 0000:00:14.0", &host) == "dom3")
    #expect(observe("boot dom3", &host) == "refused INVAL")
    // One without a name cannot be spoken of, and stays; its number is told.
    #expect(observe("hypercall dom0 createdomain hvm hap iommu", &host) == "4")
    #expect(host.guests.count == 2 && host.hypervisor.domains.count == 4)
  }

  @Test("queries change nothing, before and after a boot, of guests that are there and not")
  func queries() {
    let queries = [
      "units", "units 0000:00:14.0", "units 0000:77:00.0", "iommu", "layout", "rdms", "memory-map", "e820", "bars",
      "p2m", "iommu-table", "owner 0000:00:14.0", "owner 0000:77:00.0", "domain",
    ]
    for host in Self.life.run().hosts {
      for query in queries {
        let isOfGuest = !query.contains(" ") && query != "units" && query != "iommu"
        for name in isOfGuest ? [" dom1", " dom2", " dom3"] : [""] {
          var asked = host
          let range = query == "p2m" || query == "iommu-table" ? " 0x0-0x1000000" : ""
          let answer = observe(query + name + range, &asked)
          #expect(!answer.isEmpty && observe(query + name + range, &asked) == answer)
          #expect(asked.firstDifference(from: host) == nil && asked.hypervisor == host.hypervisor)
          if name == " dom2" { #expect(answer == "gone") }
        }
      }
    }
  }

  @Test("a host is a value: copies go their own ways, and going back is assigning")
  func value() {
    let kept = Self.host
    var left = kept
    var right = kept
    #expect(observe("destroy dom3", &left) == "ok")
    #expect(observe("balloon dom1 memory=32", &right).hasPrefix("ok"))
    #expect(kept.firstDifference(from: Self.host) == nil)
    #expect(left.firstDifference(from: kept) != nil && right.firstDifference(from: kept) != nil)
    #expect(left.firstDifference(from: right) != nil)
    // The same from the same state.
    var again = kept
    #expect(observe("destroy dom3", &again) == "ok")
    #expect(again.firstDifference(from: left) == nil && again.hypervisor == left.hypervisor)
    left = kept
    #expect(left.firstDifference(from: kept) == nil)
  }

  @Test("a fault is there for one event")
  func fault() {
    var host = Self.host
    let boot = Event("destroy dom3")
    #expect(observe("fault hypercall=1 errno=EFAULT", &host) == "ok" && !host.faultStruck)
    #expect(host.apply(boot) == .refused(Refusal(.fail, errno: .EFAULT, rule: .hv(78))) && host.faultStruck)
    #expect(host.apply(boot) == .done && !host.faultStruck)
    // One that does not strike is gone all the same; one more replaces it.
    #expect(observe("fault allocation=100", &host) == "ok")
    #expect(observe("attach dom1 0000:00:02.0 policy=relaxed", &host).hasPrefix("refused") && !host.faultStruck)
    #expect(observe("fault hypercall=1 errno=EFAULT", &host) == "ok")
    #expect(observe("fault hypercall=2 errno=EFAULT", &host) == "ok")
    #expect(observe("destroy dom1", &host) == "ok" && !host.faultStruck)
  }

  @Test("what comes of an event that changes nothing is what comes of it, and it changes nothing", arguments: Life.all)
  func plainOutcomes(_ life: Life) throws {
    var (plain, changing) = (0, 0)
    for host in life.run().hosts {
      let guests = host.guests.map(\.name.description) + ["dom9"]
      var events: [Event] = []
      for address in ["0x1000", "0xab80a000", "0xc0000", "0x300000", "0xf0000000", "0xfee00000", "0x140000000"] {
        for access in ["read", "write", "execute"] {
          events += guests.map { Event("access \($0) \(access) \(address)") }
        }
        events += ["0000:00:14.0", "0000:00:02.0"].map { Event("dma \($0) write \(address)") }
      }
      events += [
        "boot dom9", "attach dom9 0000:00:14.0", "detach dom9 0000:00:14.0", "balloon dom9 memory=32", "reboot dom9",
        "destroy dom9",
      ].map(Event.init)
      for event in events {
        var after = host
        let outcome = after.apply(event)
        guard let expected = withUnsafePointer(to: host, { Host.plainOutcome(of: event, on: $0) }) else {
          changing += 1
          continue
        }
        plain += 1
        #expect(outcome == expected && after.firstDifference(from: host) == nil, "\(event)")
      }
      var armed = host
      _ = armed.apply(Event("fault hypercall=1 errno=EFAULT"))
      #expect(withUnsafePointer(to: armed) { Host.plainOutcome(of: events[0], on: $0) } == nil)
      for guest in host.guests {
        #expect(withUnsafePointer(to: host) { Host.plainOutcome(of: Event("boot \(guest.name)"), on: $0) } == nil)
      }
    }
    #expect(plain > changing)
  }

  @Test("a host that catches up with a later state of it shares all memory with that", arguments: Life.all)
  func catchingUp(_ life: Life) {
    let hosts = life.run().hosts
    for (index, later) in hosts.enumerated() {
      for earlier in hosts[..<index] {
        var host = earlier
        withUnsafePointer(to: later) { host.catchUp(with: $0) }
        #expect(Self.firstUnlike(host, later) == nil)
      }
    }
  }

  @Test("what catches up is told from what does not")
  func notCaughtUp() {
    var host = Self.host
    #expect(Self.firstUnlike(host, Self.host) == nil)
    _ = host.apply(Event("fault hypercall=1 errno=EFAULT"))
    #expect(Self.firstUnlike(host, Self.host) == ".armed")
    host = Self.host
    host.port.port.lastNumber += 1
    #expect(Self.firstUnlike(host, Self.host) == ".port.port.lastNumber")
    host = Self.host
    host.port.port.domains[0].pagingMiB += 1
    #expect(Self.firstUnlike(host, Self.host)?.hasPrefix(".port.port.domains.boxes") == true)
  }

  /// The path to the first stored part in which two values differ; boxes are alike if they are one, and memory that
  /// events work in says nothing.
  private static func firstUnlike(_ one: Any, _ other: Any) -> String? {
    let (left, right) = (Mirror(reflecting: one), Mirror(reflecting: other))
    if left.displayStyle == .class { return one as AnyObject === other as AnyObject ? nil : "" }
    if left.children.count != right.children.count { return "" }
    if left.children.isEmpty { return String(describing: one) == String(describing: other) ? nil : "" }
    for (own, its) in zip(left.children, right.children) where own.label != "buffer" && own.label != "loaderMemory" {
      if let path = firstUnlike(own.value, its.value) { return ".\(own.label ?? "element")\(path)" }
    }
    return nil
  }

  @Test(
    "firstDifference sees every part",
    arguments: ["domains", "devices", "memory", "functions", "host", "toolstack", "guests"])
  func difference(_ part: String) {
    var host = Self.host
    switch part {
    case "domains": host.port.port.domains[1].pagingMiB += 1
    case "devices": host.port.port.devices[0].owner = nil
    case "memory":
      var claim: UInt64 = 0
      #expect(host.port.port.budget.take(extents: 1, of: 1, claim: &claim) == 1)
    case "functions": host.port.port.functions.removeLast()
    case "host": host.port.port.hostCrash = .hv(6)
    case "toolstack": host.toolstack.unplug(SBDF(0, 0, 2, 0))
    default: host.guests[0].ballooned.set(FrameRange(0x100, 0x101), to: true)
    }
    #expect(host.firstDifference(from: Self.host) == part && Self.host.firstDifference(from: host) == part)
  }
}

@Suite("The balloon driver")
struct BalloonTests {
  private static let life = Life(
    "balloon",
    host: """
      host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=separate quarantine=basic
      rmrr 0x2800000-0x2803fff 0000:00:14.0
      rmrr 0xb8000000-0xb8003fff 0000:00:02.0
      device 0000:00:14.0 class=0c03
      device 0000:00:02.0 class=0300
      """,
    events: """
      create dom1 memory=3500 boundary=32 pci=0000:00:02.0 pci=0000:00:14.0,policy=relaxed
      boot dom1
      """)

  @Test("BL-134: it keeps to RAM of the E820 above 1M, goes from the top and comes back where it was")
  func driver() throws {
    let start = Self.life.run().hosts.last!
    let name = DomainID(1)
    let report = try #require(start.guest(named: name)?.firmware)
    func domain(_ host: Host) -> Domain { host.hypervisor.domain(host.guest(named: name)!.domain)! }
    func balloon(_ mib: UInt64, _ host: inout Host) {
      #expect(host.apply(.balloon(name, targetKiB: mib << 10)) == .done)
    }

    var host = start
    for target in [3499, 3000, 2040, 1000, 100, 9, 8] as [UInt64] {
      balloon(target, &host)
      let gone = host.guest(named: name)!.ballooned
      for run in gone.runs {
        #expect(run.frames.start >= 0x100)
        #expect(domain(host).p2m.contains(in: run.frames) { _ in true } == false)
        #expect(
          report.e820.contains { entry in
            entry.type == .ram && entry.range.map { $0.contains(run.frames.addresses) } == true
          })
      }
      // From the top: what is left of RAM above 1M lies below all that is gone.
      for entry in report.e820 where entry.type == .ram && entry.start >= 0x10_0000 {
        var isGone = false
        gone.forEachPiece(in: entry.range!.frames) { _, piece in
          if isGone { #expect(piece == true) }
          isGone = piece == true
          return true
        }
      }
      let before = domain(start)
      #expect(domain(host).totalPages == before.totalPages - gone.frameCount)
      #expect(gone.frameCount <= (3500 - target) << 8)
      for range in [FrameRange(0x2800, 0x2804), FrameRange(0xB_8000, 0xB_8004)] {
        #expect(domain(host).p2m.allSatisfy(in: range) { $0.direct?.isIdentity == true })
      }
    }
    // Halfway back, and all the way.
    let least = host.guest(named: name)!.ballooned
    balloon(1000, &host)
    let half = host.guest(named: name)!.ballooned
    #expect(half.frameCount < least.frameCount && least.allSatisfy(in: half.runs[0].frames) { $0 })
    #expect(half.runs.first!.frames.start > least.runs.first!.frames.start)
    balloon(3500, &host)
    #expect(host.guest(named: name)!.ballooned.isEmpty)
    #expect(domain(host).p2m == domain(start).p2m && domain(host).dmaTable == domain(start).dmaTable)
    #expect(domain(host).totalPages == domain(start).totalPages)
  }

  @Test("a target beyond the guest's memory or below its video memory is refused")
  func limits() {
    let start = Self.life.run().hosts.last!
    for target in [0, 7 << 10, 3501 << 10, .max] as [UInt64] {
      var host = start
      #expect(host.apply(.balloon(DomainID(1), targetKiB: target)) == .refused(Refusal(.invalid, rule: .bl(134))))
      #expect(host.firstDifference(from: start) == nil)
    }
  }
}
