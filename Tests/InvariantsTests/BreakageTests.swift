import Editions
import Invariants
import Testing

/// A minimal trace that breaks one invariant where a bug is planted, and none in `repaired`.
struct Breakage: CustomTestStringConvertible, Sendable {
  let invariant: String
  let stage: String
  let relation: String
  let quirks: [Quirk]
  /// Others that see the same thing.
  var also: [String] = []
  let host: String
  let events: String

  var testDescription: String { "\(invariant) by \(quirks.map(\.name).joined(separator: " and "))" }

  private static let device = "device 0000:00:01.0 bar0=m32:64K"

  static let all = [
    Breakage(
      invariant: "ram-clear-of-ranges", stage: "toolstack", relation: "inside",
      quirks: [.toolstack(.fixedAreasUnchecked)],
      host: "rmrr 0xfefef000-0xfeff0fff 0000:00:01.0\n\(device)",
      events: "create dom1 memory=128 pci=0000:00:01.0,policy=relaxed"),
    Breakage(
      invariant: "rmrr-in-one-guest", stage: "hypervisor", relation: "shared",
      quirks: [.hypervisor(.relaxedSharesAcrossGuests)], also: ["groups-atomic"],
      host: "rmrr 0x40000000-0x40000fff 0000:00:01.0 0000:00:02.0\n\(device)\ndevice 0000:00:02.0",
      events: """
        assignable-add 0000:00:02.0
        create dom1 memory=128 pci=0000:00:01.0,policy=relaxed
        create dom2 memory=128 pci=0000:00:02.0,policy=relaxed
        """),
    Breakage(
      invariant: "groups-atomic", stage: "toolstack", relation: "hardware-domain",
      quirks: [.hypervisor(.groupsSplit)],
      host: "rmrr 0x40000000-0x40000fff 0000:00:01.0 0000:00:02.0\n\(device)\ndevice 0000:00:02.0",
      events: "create dom1 memory=128 pci=0000:00:01.0,policy=relaxed"),
    Breakage(
      invariant: "one-owner", stage: "toolstack", relation: "unknown-to-toolstack",
      quirks: [.toolstack(.detachFailureIgnored)], host: device,
      events: "create dom1 memory=128 pci=0000:00:01.0\nfault hypercall=1 errno=EFAULT\ndetach dom1 0000:00:01.0"),
    Breakage(
      invariant: "strict-mapped", stage: "toolstack", relation: "p2m", quirks: [.hypervisor(.zeroBDFEndsScope)],
      also: ["ranges-accounted", "strict-announced"],
      host: "rmrr 0x100000000-0x100000fff 0000:00:00.0 0000:00:01.0\n\(device)",
      events: "create dom1 memory=128 pci=0000:00:01.0"),
    Breakage(
      invariant: "e820-well-formed", stage: "firmware", relation: "overlapping",
      quirks: [.toolstack(.moduleMappedAtZero), .firmware(.specialAreaRangesAccepted)], host: device,
      events: "create dom1 memory=128 acpi-firmware=64K\nboot dom1"),
    Breakage(
      invariant: "e820-well-formed", stage: "firmware", relation: "overlapping",
      quirks: [.toolstack(.fixedAreasUnchecked), .firmware(.specialAreaRangesAccepted)],
      also: ["firmware-areas-clear"],
      host: "rmrr 0xff000000-0xff000fff 0000:00:01.0\n\(device)",
      events: "create dom1 memory=128 pci=0000:00:01.0,policy=relaxed\nboot dom1"),
    Breakage(
      invariant: "ranges-accounted", stage: "toolstack", relation: "silent",
      quirks: [.toolstack(.namedDeviceUnresolved)], also: ["strict-announced"],
      host: "rmrr 0xe0000000-0xe0000fff 0000:00:01.0\n\(device)",
      events: "create dom1 memory=128 pci=0000:00:01.0,by-name"),
    Breakage(
      invariant: "bars-placed", stage: "firmware", relation: "told-range", quirks: [.firmware(.highBARsIgnoreRDM)],
      host: "rmrr 0x100000000-0x100000fff 0000:00:02.0\ndevice 0000:00:01.0 bar0=m64:2G\ndevice 0000:00:02.0",
      events: "create dom1 memory=1024 strategy=host pci=0000:00:01.0\nboot dom1"),
    Breakage(
      invariant: "bars-placed", stage: "firmware", relation: "unplaced", quirks: [.firmware(.partialDecode)],
      host: "device 0000:00:01.0 bar0=m32:256M bar1=m32:1K",
      events: "create dom1 memory=4096 pci=0000:00:01.0\nboot dom1"),
    Breakage(
      invariant: "bars-placed", stage: "firmware", relation: "unplaced-high-free",
      quirks: [.firmware(.forceDecisionIgnoresRDM), .firmware(.partialDecode)],
      host: "rmrr 0xa0000000-0xa0047fff 0000:00:01.0\ndevice 0000:00:01.0 bar0=m64p:1G bar2=m64p:512M bar4=m32:16M",
      events: "create dom1 memory=2048 pci=0000:00:01.0\nboot dom1"),
    Breakage(
      invariant: "bars-placed", stage: "firmware", relation: "unplaced-high-gap",
      quirks: [.firmware(.gapsNotBackfilled), .firmware(.partialDecode)],
      host: "rmrr 0xa0000000-0xa0047fff 0000:00:01.0\ndevice 0000:00:01.0 bar0=m64p:256G bar2=m64p:2G",
      events: "create dom1 memory=2048 pci=0000:00:01.0\nboot dom1"),
    Breakage(
      invariant: "bars-placed", stage: "firmware", relation: "strict-range",
      quirks: [.toolstack(.hotplugUnannounced)],
      also: ["strict-announced"],
      host: "rmrr 0xf0000000-0xf0000fff 0000:00:01.0\n\(device)",
      events: "create dom1 memory=256 passthrough=enabled\nboot dom1\nattach dom1 0000:00:01.0"),
    Breakage(
      invariant: "ram-conserved", stage: "firmware", relation: "leaked", quirks: [.hypervisor(.failedExtentCharged)],
      host: device, events: "create dom1 memory=128\nfault allocation=4\nboot dom1"),
    Breakage(
      invariant: "ram-conserved", stage: "toolstack", relation: "leaked",
      quirks: [.toolstack(.modulePopulatedTwice), .hypervisor(.replacedRAMCharged)], host: device,
      events: "create dom1 memory=128 acpi-firmware=64K"),
    Breakage(
      invariant: "ram-agreed", stage: "toolstack", relation: "device-model",
      quirks: [.toolstack(.deviceModelKeepsSplit)], host: "rmrr 0x80000000-0x80000fff 0000:00:01.0\n\(device)",
      events: "create dom1 memory=8192 pci=0000:00:01.0"),
    Breakage(
      invariant: "refusal-changes-nothing", stage: "toolstack", relation: "devices",
      quirks: [.toolstack(.destroyDetachesFirst)], host: device,
      events: "create dom1 memory=128 pci=0000:00:01.0\nfault hypercall=2 errno=EINVAL\ndestroy dom1"),
    Breakage(
      invariant: "refusal-changes-nothing", stage: "toolstack", relation: "toolstack",
      quirks: [.toolstack(.failedTestForgetsOwner), .toolstack(.failureLeavesTraces)], host: device,
      events: """
        create dom1 memory=128 passthrough=enabled pci=0000:00:01.0
        attach dom1 0000:00:01.0 policy=relaxed
        """),
    Breakage(
      invariant: "refusal-changes-nothing", stage: "hypervisor", relation: "domains",
      quirks: [.hypervisor(.partialRangesStay)], host: "rmrr 0xad600000-0xad600fff 0000:00:01.0\n\(device)",
      events: """
        create dom1 memory=4096 pci=0000:00:01.0
        hypercall dom1 add_to_physmap dom_self space=gmfn_range index=0x0 gfn=0xad5fe count=3
        """),
    Breakage(
      invariant: "asked-is-given", stage: "toolstack", relation: "policy", quirks: [.toolstack(.policyLostOnReboot)],
      host: device, events: "create dom1 memory=128 pci=0000:00:01.0,policy=relaxed\nreboot dom1"),
    Breakage(
      invariant: "asked-is-given", stage: "toolstack", relation: "device", quirks: [.toolstack(.attachFailureIgnored)],
      host: device, events: "create dom1 memory=128 pci=0000:00:02.0"),
    Breakage(
      invariant: "asked-is-given", stage: "toolstack", relation: "inherited-policy",
      quirks: [.toolstack(.globalPolicyReadLast)], host: device,
      events: #"config dom1 "name='g'\ntype='hvm'\nmemory=128\nrdm='policy=relaxed'\npci=['00:01.0']\n""#),
    Breakage(
      invariant: "asked-is-given", stage: "toolstack", relation: "strategy", quirks: [.toolstack(.rangeFailureIgnored)],
      host: device, events: #"config dom1 "name='g'\ntype='hvm'\nmemory=128\nrdm='strategy=HOST'\n""#),
    Breakage(
      invariant: "asked-is-given", stage: "toolstack", relation: "undefined",
      quirks: [.toolstack(.rangeResultUninitialised)], host: device,
      events: #"config dom1 "name='g'\ntype='hvm'\nmemory=128\nrdm='strategy=host'\n""#),
    Breakage(
      invariant: "memory-map-sound", stage: "toolstack", relation: "empty", quirks: [.toolstack(.highMemoryForced)],
      host: device, events: "create dom1 memory=128 pci=0000:00:01.0"),
    Breakage(
      invariant: "memory-map-sound", stage: "toolstack", relation: "overlapping",
      quirks: [.toolstack(.moduleMappedAtZero)], host: device,
      events: "create dom1 memory=128 acpi-firmware=2M"),
    Breakage(
      invariant: "strict-announced", stage: "toolstack", relation: "unannounced",
      quirks: [.toolstack(.hotplugUnannounced)],
      host: "rmrr 0xf0000000-0xf0000fff 0000:00:01.0\n\(device)",
      events: "create dom1 memory=128 passthrough=enabled\nattach dom1 0000:00:01.0"),
  ]
}

@Suite("Each invariant is seen to fail by a planted bug")
struct BreakageTests {
  @Test("only under the quirks, only this one, and by the last event", arguments: Breakage.all)
  func breakage(_ breakage: Breakage) throws {
    let story = Story(breakage.host, breakage.events)
    let found = story.violations(breakage.quirks)
    #expect(found.map(\.invariant) == [breakage.invariant] + breakage.also, "\(found)")
    let violation = try #require(found.first)
    #expect((violation.stage, violation.relation) == (breakage.stage, breakage.relation), "\(violation)")
    #expect(story.scene(breakage.quirks).violations == found)
    #expect(story.violations() == [])
    // Each of the quirks is needed, and so is the last event.
    for quirk in breakage.quirks where breakage.quirks.count > 1 {
      let rest = story.violations(breakage.quirks.filter { $0 != quirk }).map(\.invariant)
      #expect(!rest.contains(breakage.invariant) && rest.allSatisfy(breakage.also.contains))
    }
    #expect(story.withoutLastEvent.violations(breakage.quirks) == [])
  }

  @Test("room below a range is told from none: where a BAR could lie")
  func roomBelow() throws {
    let host = "rmrr 0xf1000000-0xf1ffffff 0000:00:01.0\ndevice 0000:00:01.0 bar0=m32:64M bar1=m32:64M bar2=m32:"
    func relation(_ size: String) throws -> String? {
      let story = Story(host + size, "create dom1 memory=4096 vga=none pci=0000:00:01.0\nboot dom1")
      return story.violations([.firmware(.gapsNotBackfilled), .firmware(.partialDecode)]).first?.relation
    }
    // From f0000000 to the range are 16 MiB.
    #expect(try relation("16M") == "unplaced-low-gap")
    #expect(try relation("64M") == "unplaced")
  }

  @Test("no invariant is left out") func complete() {
    let byQuirk = Set(Breakage.all.flatMap { [$0.invariant] + $0.also })
    let byHand = Set(Damage.all.flatMap(\.breaks).map { String($0.prefix { $0 != " " }) })
    #expect(byQuirk.union(byHand) == Set(Invariant.all.map(\.id)))
  }
}
