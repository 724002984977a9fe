import Editions
import Invariants
import Testing

/// Stories in `repaired` that come near to breaking an invariant, and what comes of their last event.
struct NearMiss: CustomTestStringConvertible, Sendable {
  let what: String
  let host: String
  let events: String
  let observed: String

  var testDescription: String { what }

  private static let shared = """
    rmrr 0x40000000-0x40000fff 0000:00:01.0 0000:00:02.0
    device 0000:00:01.0
    device 0000:00:02.0
    """

  static let all = [
    NearMiss(
      what: "ram-clear-of-ranges: RAM ends where the range begins",
      host: "rmrr 0x4000000-0x4000fff 0000:00:01.0\ndevice 0000:00:01.0",
      events: "create dom1 memory=72 pci=0000:00:01.0\nboot dom1", observed: "ok"),
    NearMiss(
      what: "rmrr-in-one-guest: a shared range stays with the first guest", host: shared,
      events: """
        assignable-add 0000:00:02.0
        create dom1 memory=64 pci=0000:00:01.0,policy=relaxed
        create dom2 memory=64 pci=0000:00:02.0,policy=relaxed
        """, observed: "refused EPERM rule=HV-86"),
    NearMiss(
      what: "rmrr-in-one-guest: a shared range goes from guest to guest", host: shared,
      events: """
        assignable-add 0000:00:02.0
        create dom1 memory=64 pci=0000:00:01.0,policy=relaxed
        destroy dom1
        create dom2 memory=64 pci=0000:00:02.0,policy=relaxed
        """, observed: "ok low=0x3800000 high=0x0"),
    NearMiss(
      what: "groups-atomic: both devices of a range in one guest", host: shared,
      events: "create dom1 memory=64 pci=0000:00:01.0,policy=relaxed pci=0000:00:02.0,policy=relaxed",
      observed: "ok low=0x3800000 high=0x0"),
    NearMiss(
      what: "groups-atomic: a bridge and a device that is not there do not count",
      host: """
        rmrr 0x40000000-0x40000fff 0000:00:01.0 0000:00:03.0 0000:00:04.0
        device 0000:00:01.0
        device 0000:00:03.0 kind=pcie-to-pci buses=02-02
        """, events: "create dom1 memory=64 pci=0000:00:01.0,policy=relaxed",
      observed: "ok low=0x3800000 high=0x0"),
    NearMiss(
      what: "groups-atomic: a bridge of the range was seized for a guest, cannot go there, and comes back to dom0",
      host: """
        rmrr 0x0-0xfff 0000:00:00.0 0000:00:01.0
        device 0000:00:00.0 kind=host-bridge
        device 0000:00:01.0
        """,
      events: """
        create dom1 memory=64 passthrough=enabled
        attach dom1 0000:00:01.0 policy=relaxed
        attach dom1 0000:00:00.0 policy=relaxed seize
        """, observed: "refused EPERM rule=C-4"),
    NearMiss(
      what: "windows-uncached: a window that few MTRRs cover matters more than one BAR's place",
      host: """
        unit 0xbc000000-0xf9ffffff 0000:00:14.0
        unit 0xbbfed000-0xbbfedfff 0000:00:14.0
        device 0000:00:01.0 bar0=m64:1M
        """, events: "create dom1 memory=4096 -hap strategy=host pci=0000:00:01.0\nboot dom1",
      observed: "ok hole=0xbbfed000-0xfc000000 high-window=none"),
    NearMiss(
      what: "groups-atomic: a device of the range that dom0 has stays there", host: shared,
      events: """
        assignable-add 0000:00:02.0
        create dom1 memory=64 pci=0000:00:01.0,policy=relaxed
        assignable-remove 0000:00:02.0
        """, observed: "refused EPERM rule=HV-86"),
    NearMiss(
      what: "rmrr-in-one-guest: ranges that touch",
      host: """
        rmrr 0x40000000-0x40000fff 0000:00:01.0
        rmrr 0x40001000-0x40001fff 0000:00:02.0
        device 0000:00:01.0
        device 0000:00:02.0
        """, events: "create dom1 memory=64 pci=0000:00:01.0\ncreate dom2 memory=64 pci=0000:00:02.0",
      observed: "ok low=0x3800000 high=0x0"),
    NearMiss(
      what: "one-owner: a detach that fails", host: "device 0000:00:01.0",
      events: "create dom1 memory=64 pci=0000:00:01.0\nfault hypercall=1 errno=EFAULT\ndetach dom1 0000:00:01.0",
      observed: "refused EFAULT rule=BL-122"),
    NearMiss(
      what: "strict-mapped: another strict device of the guest leaves",
      host: """
        rmrr 0x40000000-0x40000fff 0000:00:01.0
        rmrr 0x40001000-0x40001fff 0000:00:02.0
        device 0000:00:01.0
        device 0000:00:02.0
        """, events: "create dom1 memory=64 pci=0000:00:01.0 pci=0000:00:02.0\ndetach dom1 0000:00:02.0", observed: "ok"
    ),
    NearMiss(
      what: "views-agree: a BAR, ballooned RAM and a range in separate tables",
      host: """
        host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=separate quarantine=basic
        rmrr 0x40000000-0x40000fff 0000:00:01.0
        device 0000:00:01.0 bar0=m32:64K@0xf0000000
        """, events: "create dom1 memory=64 pci=0000:00:01.0\nboot dom1\nballoon dom1 memory=32",
      observed: "ok pages=6140"),
    NearMiss(
      what: "e820-ram-backed: all but the first megabyte ballooned away and back", host: "device 0000:00:01.0",
      events: "create dom1 memory=64\nboot dom1\nballoon dom1 memory=8\nballoon dom1 memory=64",
      observed: "ok pages=14332"),
    NearMiss(
      what: "ranges-reserved: hvmloader stops where a range takes its own page",
      host: "rmrr 0xfc000000-0xfc000fff 0000:00:01.0\ndevice 0000:00:01.0",
      events: "create dom1 memory=64 pci=0000:00:01.0,policy=relaxed\nboot dom1", observed: "crashed rule=LD-54"),
    NearMiss(
      what: "bars-placed: a range that leaves just the room",
      host: """
        rmrr 0xf8000000-0xfbffffff 0000:00:01.0
        device 0000:00:01.0 bar0=m32:64M
        """, events: "create dom1 memory=64 pci=0000:00:01.0\nboot dom1", observed: "ok"),
    NearMiss(
      what: "ram-conserved: less than a megabyte is lost to whole ones", host: "device 0000:00:01.0",
      events: "create dom1 memory=66559K", observed: "ok low=0x3800000 high=0x0"),
    NearMiss(
      what: "ram-agreed: hvmloader moves RAM under the old device model", host: "device 0000:00:01.0 bar0=m32:512M",
      events: "create dom1 memory=4096 device-model=traditional pci=0000:00:01.0\nboot dom1", observed: "ok"),
    NearMiss(
      what: "refusal-changes-nothing: the last step of a create fails", host: "device 0000:00:01.0",
      events: "create dom1 memory=64 pci=0000:00:02.0", observed: "refused EINVAL"),
    NearMiss(
      what: "destroy-gives-back: a guest with promised and ballooned memory", host: "device 0000:00:01.0",
      events: "create dom1 memory=32 maxmem=64\nboot dom1\nballoon dom1 memory=16\ndestroy dom1", observed: "ok"),
  ]
}

@Suite("What comes near to breaking an invariant")
struct NearMissTests {
  @Test("nothing is reported after any event", arguments: NearMiss.all)
  func nearMiss(_ nearMiss: NearMiss) {
    let story = Story(nearMiss.host, nearMiss.events)
    #expect(story.violations() == [])
    let scene = story.scene()
    let observed = scene.after.observation(of: scene.event, scene.outcome).text
    #expect(observed.hasPrefix(nearMiss.observed), "\(observed)")
  }
}
