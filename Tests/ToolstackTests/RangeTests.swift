import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing

@testable import Toolstack

/// Ranges and layout: sections 2 to 4 of the builder's rules.
@Suite("Reserved ranges and layout")
struct RangeTests {
  private func build(
    _ configuration: GuestConfiguration, units: [RMRRUnit], _ edition: Edition, earlier: [RDM] = []
  ) -> (DomainBuild, Refusal?, SmallHost) {
    var machine = Machine()
    machine.statedUnits = units
    var host = SmallHost(machine)
    var buffer = HypercallBuffer()
    var build = DomainBuild(of: configuration, for: DomainID(1), edition: edition, earlier: earlier)
    do throws(Refusal) {
      try build.run(on: &host, &buffer)
      return (build, nil, host)
    } catch {
      return (build, error, host)
    }
  }

  private func unit(_ base: UInt64, _ size: UInt64, _ devices: SBDF...) -> RMRRUnit {
    RMRRUnit(base: base, end: base + (size - 1), devices: devices.map(\.bdf))
  }

  struct Example: CustomTestStringConvertible, Sendable {
    var name: String
    var memory: UInt64
    var ranges: [(UInt64, UInt64)]
    var policy: RDMPolicy?
    var hap = true
    var low: UInt64
    var high: UInt64
    var rule: Rule?
    var live = 0
    var testDescription: String { name }
  }

  static let examples = [
    Example(name: "no range", memory: 4096, ranges: [], low: 0xF000_0000, high: 0x1_0F80_0000),
    Example(
      name: "graphics", memory: 4096, ranges: [(0xAD00_0000, 0x280_0000)], low: 0xAD00_0000, high: 0x1_5280_0000,
      live: 1),
    Example(
      name: "two", memory: 4096, ranges: [(0xAB80_A000, 0x1_4000), (0xAD00_0000, 0x280_0000)], low: 0xAB80_0000,
      high: 0x1_5400_0000, live: 2),
    Example(
      name: "two, other order", memory: 4096, ranges: [(0xAD00_0000, 0x280_0000), (0xAB80_A000, 0x1_4000)],
      low: 0xAB80_0000, high: 0x1_5400_0000, live: 2),
    Example(
      name: "shadow", memory: 4096, ranges: [(0xAB80_A000, 0x1_4000)], hap: false, low: 0xAB80_A000,
      high: 0x1_53FF_6000, live: 1),
    Example(
      name: "2800", memory: 2800, ranges: [(0xAC6D_3000, 0x1_4000), (0xAD80_0000, 0x280_0000)], low: 0xAC60_0000,
      high: 0x1_0220_0000, live: 2),
    Example(
      name: "in the gap", memory: 2048, ranges: [(0xAD00_0000, 0x280_0000)], low: 0x7F80_0000, high: 0, live: 1),
    Example(
      name: "below the boundary, relaxed", memory: 4096, ranges: [(0x7FFF_F000, 0x2000)], policy: .relaxed,
      low: 0xF000_0000, high: 0x1_0F80_0000),
    Example(
      name: "BIOS area", memory: 4096, ranges: [(0xE_8000, 0x1000)], low: 0xF000_0000, high: 0x1_0F80_0000,
      rule: .bl(64)),
    Example(
      name: "above high memory", memory: 4096, ranges: [(0x1_2000_0000, 0x10_0000)], low: 0xF000_0000,
      high: 0x1_0F80_0000, live: 1),
    Example(
      name: "high memory grows into it", memory: 4096,
      ranges: [(0x1_2000_0000, 0x10_0000), (0xAD00_0000, 0x280_0000)], low: 0xAD00_0000, high: 0x1_5280_0000,
      rule: .bl(64)),
  ]

  @Test("BL-58…68: the worked examples, alike in both editions", arguments: examples)
  func workedExamples(example: Example) {
    for edition in [Edition.repaired, .xen4_17] {
      var configuration = GuestConfiguration.guest(example.memory, .nic)
      configuration.devices[0].policy = example.policy
      configuration.hap = example.hap
      let (build, refusal, _) = build(
        configuration, units: example.ranges.map { unit($0.0, $0.1, .nic) }, edition)
      #expect(refusal?.rule == example.rule)
      #expect(build.layout.lowMemoryEnd == example.low)
      #expect(build.layout.highMemoryEnd == example.high)
      if refusal == nil { #expect(build.rdms.filter { $0.policy != nil }.count == example.live) }
    }
  }

  @Test("BL-58: a range that starts exactly at the boundary fails in 4.17 and is relocated in repaired")
  func exactBoundary() {
    let units = [unit(0x8000_0000, 0x1000, .nic)]
    #expect(build(.guest(4096, .nic), units: units, .xen4_17).1?.rule == .bl(64))
    let (repaired, refusal, _) = build(.guest(4096, .nic), units: units, .repaired)
    #expect(refusal == nil)
    #expect(repaired.layout.lowMemoryEnd == 0x8000_0000)
  }

  @Test("BL-60, BL-64, BL-69: every small combination is sound in repaired")
  func exhaustive() {
    let survey = survey(.repaired)
    #expect(survey.built > 1000)
    #expect(survey.flaws.isEmpty, "\(survey.flaws.prefix(3))")
    #expect(survey.relaxedRefusals == 0, "only strict ranges refuse")
  }

  @Test(
    "each of these quirks, planted in repaired, is seen by the survey",
    arguments: [
      (ToolstackQuirk.memoryMapUnordered, Optional("overlap or are out of order")),
      (.lowMemoryUnchecked, "RAM entries"), (.fixedAreasUnchecked, "firmware's area"),
      (.boundaryExcluded, nil), (.relaxedMovesMemory, nil),
    ])
  func planted(quirk: ToolstackQuirk, flaw: String?) {
    let planted = survey(.repaired.with(.toolstack(quirk)))
    if let flaw {
      #expect(planted.flaws.contains { $0.contains(flaw) }, "\(planted.flaws.prefix(3))")
    } else {
      // These refuse what repaired can build.
      #expect(planted.built < survey(.repaired).built)
    }
  }

  @Test("BL-60: RAM is conserved in 4.17 too, whatever else happens")
  func conservation() {
    #expect(!survey(.xen4_17).flaws.contains("RAM is lost"))
  }

  private struct Survey {
    var built = 0
    var relaxedRefusals = 0
    var flaws: [String] = []
  }

  /// One range at every edge, beside a relaxed one that moves RAM, in all settings that matter.
  private func survey(_ edition: Edition) -> Survey {
    let edges: [UInt64] = [
      0, 0x9_F000, 0xA_0000, 0xE_8000, 0x10_0000, 0x20_0000, 0x8000_0000, 0xF000_0000, 0xFC00_0000, 0xFC10_0000,
      0xFDFF_F000, 0xFEFF_0000, 0x1_0000_0000, 0x1_0F80_0000,
    ]
    var starts: Set<UInt64> = [0xAD10_0000]
    for edge in edges { starts.formUnion([edge &- 0x1000, edge, edge + 0x1000].filter { $0 < 1 << 40 }) }
    let fixed = unit(0xAD00_0000, 0x280_0000, .graphics)
    var survey = Survey()
    for start in starts.sorted() {
      for size: UInt64 in [0x1000, 0x2000, 0x20_0000, 0x1000_0000] {
        for policy in RDMPolicy.allCases {
          for strategy in GuestConfiguration.Strategy.allCases {
            for memory: UInt64 in [16, 2056, 4096] {
              for (hap, boundary) in [(true, UInt64(2 << 20)), (false, 0), (true, 0), (true, 4 << 20)] {
                var configuration = GuestConfiguration.guest(memory, .nic, .graphics)
                configuration.devices[0].policy = policy
                configuration.devices[1].policy = .relaxed
                configuration.strategy = strategy
                configuration.hap = hap
                configuration.boundaryKiB = boundary
                let (build, refusal, host) = build(configuration, units: [unit(start, size, .nic), fixed], edition)
                if refusal != nil {
                  if policy == .relaxed { survey.relaxedRefusals += 1 }
                  continue
                }
                survey.built += 1
                if let flaw = flaw(in: build, host, bytes: (memory - 8) << 20) { survey.flaws.append(flaw) }
              }
            }
          }
        }
      }
    }
    return survey
  }

  /// The first thing wrong with a build, nil if it is sound.
  private func flaw(in build: DomainBuild, _ host: SmallHost, bytes: UInt64) -> String? {
    let layout = build.layout
    let low = layout.lowMemory
    let high = layout.highMemory(in: .xen)
    if low.count + high.count != bytes { return "RAM is lost" }
    for rdm in build.rdms where rdm.policy != nil {
      guard let range = rdm.range else { return "a range wraps" }
      if range.overlaps(low) || range.overlaps(high) { return "RAM in \(range)" }
      if range.overlaps(AddressRange(0xFC00_0000, 1 << 32)) { return "\(range) in the firmware's area" }
      let covering = build.memoryMap.filter { $0.type == .reserved && $0.range?.contains(range) == true }
      if covering.count != 1 { return "\(range) is not reserved" }
    }
    for (entry, next) in zip(build.memoryMap, build.memoryMap.dropFirst()) where entry.end > next.start {
      return "\(entry) and \(next) overlap or are out of order"
    }
    for entry in build.memoryMap where !Page.isAligned(entry.start) || !Page.isAligned(entry.size) {
      return "\(entry) is not of pages"
    }
    guard low.end >= 0x10_0000 else { return "RAM entries below 1M" }
    let ram = build.memoryMap.filter { $0.type == .ram }.compactMap(\.range)
    if ram != [AddressRange(0x10_0000, low.end)] + (high.isEmpty ? [] : [high]) { return "RAM entries \(ram)" }
    guard let info = build.hvmInfo else { return "no hvm_info" }
    if UInt64(info.lowMemoryEnd) << 12 != low.end || UInt64(info.highMemoryEnd) << 12 != layout.highMemoryEnd {
      return "hvm_info says otherwise"
    }
    let populated = build.populated.reduce(0) { $0 + $1.count }
    if populated != bytes >> 12 - 0x20 + 16 { return "\(populated) pages populated" }
    if host.domains.isEmpty, host.claimed != 0 { return "a claim is left" }
    return nil
  }

  @Test("BL-53, LB-12: of two policies the last wins in 4.17, strict in repaired")
  func policyOfSharedRange() {
    let units = [unit(0xAD00_0000, 0x1000, .nic, .usb)]
    var configuration = GuestConfiguration.guest(1024, .nic, .usb)
    configuration.devices[1].policy = .relaxed
    #expect(build(configuration, units: units, .xen4_17).0.rdms.map(\.policy) == [.relaxed])
    #expect(build(configuration, units: units, .repaired).0.rdms.map(\.policy) == [.strict])
    configuration.devices.swapAt(0, 1)
    #expect(build(configuration, units: units, .xen4_17).0.rdms.map(\.policy) == [.strict])
    #expect(build(configuration, units: units, .repaired).0.rdms.map(\.policy) == [.strict])
  }

  @Test("BL-55, LB-6: two ranges with one start; 4.17 loses the larger")
  func equalStarts() {
    let units = [unit(0x8020_0000, 0x1000, .nic), unit(0x8020_0000, 0x10_0000, .usb)]
    let old = build(.guest(1024, .nic, .usb), units: units, .xen4_17).0
    #expect(old.rdms.map(\.size) == [0x1000])
    let new = build(.guest(1024, .nic, .usb), units: units, .repaired).0
    #expect(new.rdms.map(\.size) == [0x1000, 0x10_0000])
    #expect(new.memoryMap.filter { $0.type == .reserved }.map(\.size) == [0x10_0000])
  }

  @Test("BL-50, LB-6b: a range reported twice under strategy host")
  func repeatedHostRange() {
    var configuration = GuestConfiguration(memoryMiB: 1024)
    configuration.strategy = .host
    let units = [unit(0xAD00_0000, 0x1000, .nic), unit(0xAD00_0000, 0x1000, .usb)]
    #expect(build(configuration, units: units, .xen4_17).0.rdms.count == 2)
    #expect(build(configuration, units: units, .repaired).0.rdms.count == 1)
    #expect(build(configuration, units: units, .repaired).0.rdms.first?.policy == .relaxed, "BL-28")
  }

  @Test("BL-42: the two calls, and every way in which they end")
  func queryProtocol() {
    func query(_ answers: [(Errno?, Int)], _ edition: Edition = .xen4_17) -> (Result<Int, Refusal>, [UInt32]) {
      var port = Reciting(answers: answers)
      var buffer = HypercallBuffer()
      buffer.value = 7
      buffer.reserved = [ReservedRange(firstFrame: 1, frameCount: 1)]
      let result = Result { () throws(Refusal) in
        try queryReservedRanges(of: .nic, wholeHost: false, ToolstackDecisions(edition.toolstack), on: &port, &buffer)
      }
      return (result, port.capacities)
    }
    #expect(query([(nil, 0)]) == (.success(0), [0]))
    #expect(query([(.ENOBUFS, 3), (nil, 3)]) == (.success(3), [0, 3]))
    #expect(query([(.ENOBUFS, 3), (nil, 2)]) == (.success(2), [0, 3]), "fewer the second time")
    #expect(
      query([(.ENOBUFS, 3), (.ENOBUFS, 4)]) == (.failure(Refusal(.fail, errno: .ENOBUFS, rule: .bl(42))), [0, 3]))
    // Repaired asks until the room is enough; an answer that does not grow ends it.
    #expect(query([(.ENOBUFS, 3), (.ENOBUFS, 4), (.ENOBUFS, 6), (nil, 6)], .repaired) == (.success(6), [0, 3, 4, 6]))
    #expect(
      query([(.ENOBUFS, 3), (.ENOBUFS, 3)], .repaired)
        == (.failure(Refusal(.fail, errno: .ENOBUFS, rule: .bl(42))), [0, 3]))
    for errno in [Errno.EINVAL, .EPERM, .ENOSYS, .ENOMEM] {
      #expect(query([(errno, 0)]) == (.failure(Refusal(.fail, errno: errno, rule: .bl(42))), [0]))
      #expect(query([(.ENOBUFS, 1), (errno, 0)]) == (.failure(Refusal(.fail, errno: errno, rule: .bl(42))), [0, 1]))
    }
  }

  @Test("BL-49: strategy host without any range skips the devices")
  func hostWithoutRanges() {
    var configuration = GuestConfiguration.guest(1024, .nic)
    configuration.strategy = .host
    var port = Recording(SmallHost(Machine()))
    var buffer = HypercallBuffer()
    var build = DomainBuild(of: configuration, for: DomainID(1), edition: .xen4_17)
    #expect(throws: Never.self) { try build.run(on: &port, &buffer) }
    #expect(port.records.first?.call == .reservedDeviceMemoryMap(SBDF(rawValue: 0), flags: 1, capacity: 0))
    #expect(port.records.filter { if case .reservedDeviceMemoryMap = $0.call { true } else { false } }.count == 1)
  }

  @Test("BL-47, LB-5: ranges of an earlier build stop the move of RAM in 4.17")
  func earlierRanges() {
    let units = [unit(0xAD00_0000, 0x1000, .nic)]
    let earlier = [RDM(start: 0xAD00_0000, size: 0x1000, policy: .strict)]
    let old = build(.guest(4096, .nic), units: units, .xen4_17, earlier: earlier).0
    #expect(old.layout.lowMemoryEnd == 0xF000_0000)
    #expect(old.memoryMap.contains(E820Entry(start: 0xAD00_0000, size: 0x1000, type: .reserved)))
    #expect(build(.guest(4096, .nic), units: units, .repaired, earlier: earlier).0.layout.lowMemoryEnd == 0xAD00_0000)
  }

  @Test("BL-7, BL-86, LB-4: boundary 0 pulls low memory below 1M in 4.17")
  func boundaryZero() {
    var configuration = GuestConfiguration.guest(4096, .nic)
    configuration.boundaryKiB = 0
    let units = [unit(0xE_8000, 0x1000, .nic)]
    let old = build(configuration, units: units, .xen4_17).0
    #expect(old.layout.lowMemoryEnd == 0xE_8000)
    #expect(old.layout.highMemoryEnd == 0x1_FF71_8000)
    #expect(old.memoryMap.first?.size == 0xFFFF_FFFF_FFFE_8000)
    #expect(build(configuration, units: units, .repaired).1?.rule == .bl(64))
  }

  @Test("BL-62, LB-18: RAM moved for a relaxed range kills a strict one in 4.17")
  func relaxedHarms() {
    let units = [unit(0x1_2000_0000, 0x10_0000, .nic), unit(0xAD00_0000, 0x280_0000, .graphics)]
    var configuration = GuestConfiguration.guest(4096, .nic, .graphics)
    configuration.devices[1].policy = .relaxed
    #expect(build(configuration, units: units, .xen4_17).1?.rule == .bl(64))
    let (repaired, refusal, _) = build(configuration, units: units, .repaired)
    #expect(refusal == nil)
    #expect(repaired.rdms.map(\.policy) == [.strict, nil])
    #expect(repaired.layout.lowMemoryEnd == 0xF000_0000)
  }

  @Test("BL-69, LB-14: ranges in the firmware's area", arguments: [UInt64(0xFC00_0000), 0xFD00_0000, 0xFEFF_8000])
  func firmwareAreas(start: UInt64) {
    let units = [unit(start, 0x1000, .nic)]
    #expect(build(.guest(1024, .nic), units: units, .xen4_17).1 == nil)
    #expect(build(.guest(1024, .nic), units: units, .repaired).1?.rule == .bl(64))
    #expect(build(.guest(1024, .nic, policy: .relaxed), units: units, .repaired).0.rdms.map(\.policy) == [nil])
  }

  @Test("BL-87, BL-103, LB-7, LB-8: an ACPI module")
  func acpiModule() {
    var configuration = GuestConfiguration(memoryMiB: 1024)
    configuration.acpiFirmwareBytes = 0x2345
    let old = build(configuration, units: [], .xen4_17).0
    #expect(old.memoryMap.contains(E820Entry(start: 0, size: 0x2345, type: .acpi)))
    let new = build(configuration, units: [], .repaired).0
    #expect(!new.memoryMap.contains { $0.type == .acpi })
    #expect(new.modules.map(\.kind) == [.system, .acpi])

    // The populate calls of the module come back short: the end of RAM goes out in bytes (LB-8).
    var machine = Machine()
    machine.memory = 0
    var port = Recording(RefusingSingles(SmallHost(machine), at: new.modules[1].frames.start))
    var buffer = HypercallBuffer()
    var build = DomainBuild(of: configuration, for: DomainID(1), edition: .xen4_17)
    #expect(throws: Never.self) { try build.run(on: &port, &buffer) }
    let donated = port.records.contains {
      $0.call
        == .addToPhysmap(
          DomainID(1), space: .gmfn, index: (1016 << 20) - 1, gfn: new.modules[1].frames.start, count: 1)
    }
    #expect(donated)
    var fixed = DomainBuild(
      of: configuration, for: DomainID(1), edition: .xen4_17.with(.toolstack(.moduleFallbackInBytes), on: false))
    #expect(throws: Refusal(.fail, rule: .bl(103))) { try fixed.run(on: &port, &buffer) }
  }

  @Test("BL-74, LB-9: memory that is no whole number of MiB")
  func oddMemory() {
    var configuration = GuestConfiguration(memoryMiB: 1024)
    configuration.maxMemoryKiB = 1_048_580
    configuration.targetMemoryKiB = 1_048_580
    #expect(build(configuration, units: [], .xen4_17).1?.rule == .bl(91))
    #expect(build(configuration, units: [], .repaired).1 == nil)
    configuration.maxMemoryKiB = 1_048_577
    configuration.targetMemoryKiB = 1_048_577
    #expect(build(configuration, units: [], .xen4_17).0.memoryMap.first.map { Page.isAligned($0.end) } == false)
    #expect(build(configuration, units: [], .repaired).0.memoryMap.first.map { Page.isAligned($0.end) } == true)
  }

  @Test(
    "BL-71, BL-72: the MMIO hole",
    arguments: [(0, 0xF000_0000), (256, 0xF000_0000), (1024, 0xC000_0000), (8192, 0xF000_0000)])
  func hole(mib: UInt64, start: UInt64) {
    let layout = GuestLayout(memoryBytes: start, mmioHoleKiB: mib << 10, map: .xen)
    #expect(layout.mmioStart == start)
    #expect(layout.mmioSize == 1 << 32 - start)
    #expect(layout.highMemoryEnd == 0, "equality makes no high memory")
    let above = GuestLayout(memoryBytes: start + 4096, mmioHoleKiB: mib << 10, map: .xen)
    #expect(above.highMemoryEnd == 1 << 32 + 4096)
  }

  @Test("BL-82: at most 127 entries")
  func manyRanges() {
    func units(_ count: Int) -> [RMRRUnit] {
      (0..<count).map { unit(0xA000_0000 + UInt64($0) * 0x2000, 0x1000, .nic) }
    }
    for edition in [Edition.repaired, .xen4_17] {
      #expect(build(.guest(1024, .nic), units: units(126), edition).0.memoryMap.count == 127)
      #expect(build(.guest(1024, .nic), units: units(127), edition).1 == Refusal(.invalid, rule: .bl(82)))
      #expect(build(.guest(4096, .nic), units: units(125), edition).1 == nil)
      #expect(build(.guest(4096, .nic), units: units(126), edition).1 == Refusal(.invalid, rule: .bl(82)))
    }
  }

  @Test("any 64-bit number in the configuration and in a report is survived")
  func extremeNumbers() {
    let extremes: [UInt64] = [0, 1, 1023, 8191, 1 << 20, 1 << 32, 1 << 53, 1 << 54, 1 << 63, .max - 8192, .max]
    for edition in [Edition.repaired, .xen4_17] {
      for size in extremes {
        for other in extremes {
          var configuration = GuestConfiguration.guest(1024, .nic)
          configuration.maxMemoryKiB = size
          configuration.targetMemoryKiB = other
          _ = build(configuration, units: [], edition)
          configuration.videoKiB = other
          _ = build(configuration, units: [], edition)
          configuration = .guest(4096, .nic)
          configuration.mmioHoleKiB = size
          configuration.boundaryKiB = other
          configuration.acpiFirmwareBytes = other
          let units = [RMRRUnit(base: size, end: other, devices: [SBDF.nic.bdf])]
          let (build, refusal, host) = build(configuration, units: units, edition)
          if edition == .repaired, refusal == nil {
            #expect(flaw(in: build, host, bytes: 4088 << 20) == nil, "\(size) \(other)")
          }
        }
      }
    }
  }
}

/// Populates everything but single pages from `gfn` to `gfn + 1`, in runs of one page a call.
private struct RefusingSingles: HypercallPort {
  var port: SmallHost
  let gfn: GFN

  init(_ port: SmallHost, at gfn: GFN) {
    self.port = port
    self.gfn = gfn
  }

  mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    if case .populatePhysmap(_, let extents, _) = call, extents.order == 0, extents.first == gfn { return 0 }
    return port.perform(call, by: caller, &buffer)
  }
}

/// Answers queries for ranges from a list: an errno or success, and how many there are.
private struct Reciting: HypercallPort {
  var answers: [(Errno?, Int)]
  var capacities: [UInt32] = []

  mutating func perform(_ call: Hypercall, by caller: DomainID, _ buffer: inout HypercallBuffer) -> Int {
    guard case .reservedDeviceMemoryMap(_, _, let capacity) = call else { return 0 }
    let (errno, count) = answers[capacities.count]
    capacities.append(capacity)
    buffer.value = UInt64(count)
    for frame in 0..<min(count, Int(capacity)) {
      buffer.reserved.append(ReservedRange(firstFrame: UInt64(frame), frameCount: 1))
    }
    return errno?.negated ?? 0
  }
}
