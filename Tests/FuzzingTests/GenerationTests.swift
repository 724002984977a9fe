import AddressSpace
import Editions
import Platform
import Testing
import Toolstack
import Tracing

@testable import Fuzzing

@Suite("Generation")
struct GenerationTests {
  static let sample: [Specimen] = (0..<4000).map { index in
    var random = RandomSource(seed: 11, execution: UInt64(index))
    return Generator().specimen(for: .repaired, &random)
  }

  /// Registration as HV-14, HV-23 and HV-4 have it, for tables whose devices all count as existing.
  static func registers(_ machine: Machine) -> Bool {
    if machine.iommu == .amdVi {
      // HV-40 and HV-41.
      for case .ivhd(let record) in machine.blocks where record.registerBase == 0 { return false }
      return !machine.tableOverlaps
    }
    var includeAll = 0
    for case .drhd(let unit) in machine.structures {
      if unit.registerBase == 0 || unit.registerBase == .max { return false }
      includeAll += unit.includeAll ? 1 : 0
    }
    return includeAll == 1 && !machine.tableOverlaps
      && machine.rmrrRecords.allSatisfy { $0.base <= $0.end && !$0.scopes.isEmpty }
  }

  @Test("the same seed makes the same specimens, another seed others")
  func deterministic() {
    for index in UInt64(0)..<50 {
      var one = RandomSource(seed: 11, execution: index)
      #expect(Generator().specimen(for: .repaired, &one) == Self.sample[Int(index)])
    }
    #expect(Set(Self.sample).count > 3990)
  }

  @Test("every specimen keeps the rules")
  func keepsRules() {
    #expect(Self.sample.lazy.compactMap { SpecimenRules().violation(in: $0) }.first == nil)
  }

  @Test("HV-4: one table in sixteen is refused, all others register")
  func fractionValid() {
    let refused = Self.sample.count { !Self.registers($0.header.machine) }
    #expect((4000 / 16 - 80...4000 / 16 + 80).contains(refused), "\(refused)")
  }

  @Test("counts of RMRRs are those of real machines in the real style")
  func realCounts() {
    let generator = Generator()
    var counts = [Int: Int]()
    for seed in UInt64(0)..<1000 {
      var random = RandomSource(seed: seed)
      let scene = Scene(&random)
      var machine = Machine()
      machine.functions = generator.functions(&random)
      let drafts = generator.reservedRanges(.real, on: machine, in: scene, &random)
      counts[drafts.count, default: 0] += 1
      for (index, draft) in drafts.enumerated() {
        #expect(draft.base <= draft.end)
        #expect(!drafts[(index + 1)...].contains { $0.base <= draft.end && draft.base <= $0.end })
        #expect(draft.end < 0x1_0000_0000)
      }
    }
    #expect(counts[1]! > 300 && counts[2]! > 400 && counts[3]! > 10)
  }

  @Test("every relation to every fixed landmark comes up")
  func landmarkRelations() {
    let ranges = Self.sample.flatMap(\.header.machine.reservedRanges)
    for landmark in Landmarks().addresses {
      #expect(ranges.contains { $0.start == landmark }, "starts at \(hex(landmark))")
      #expect(ranges.contains { $0.end == landmark }, "ends at \(hex(landmark))")
      #expect(ranges.contains { $0.start < landmark && landmark < $0.end }, "straddles \(hex(landmark))")
    }
  }

  @Test("ranges lie at the ends of RAM of the guests created with them")
  func endsOfRAM() {
    var starts = 0
    var straddles = 0
    for specimen in Self.sample {
      for case .create(_, let configuration) in specimen.events {
        let layout = GuestLayout(of: configuration)
        for range in specimen.header.machine.reservedRanges {
          for end in [layout.lowMemoryEnd, layout.highMemoryEnd] where end != 0 {
            if range.start == end { starts += 1 }
            if range.start < end && end < range.end { straddles += 1 }
          }
        }
      }
    }
    #expect(starts > 50 && straddles > 50)
  }

  @Test("ranges abut; are unaligned, one page, huge; units are also equal, nested, share starts")
  func shapes() {
    let machines = Self.sample.map(\.header.machine)
    let ranges = machines.flatMap(\.reservedRanges)
    func pairs(_ relation: (AddressRange, AddressRange) -> Bool) -> Int {
      machines.count { machine in
        let ranges = machine.reservedRanges
        return ranges.indices.contains { first in
          ranges.indices.contains { first != $0 && relation(ranges[first], ranges[$0]) }
        }
      }
    }
    #expect(pairs { $0.end == $1.start } > 50)
    #expect(pairs { $0 == $1 } > 20)
    #expect(pairs { $0.contains($1) && $0 != $1 } > 50)
    #expect(pairs { $0.start == $1.start && $0.end != $1.end } > 20)
    #expect(ranges.count { !Page.isAligned($0.start) || !Page.isAligned($0.end) } > 100)
    #expect(ranges.count { $0.count == Page.size } > 100)
    #expect(ranges.count { $0.count >= 1 << 30 } > 100)
    #expect(ranges.count { $0.start < 0x10_0000 } > 50)
  }

  @Test("hosts are of every kind; devices of every kind; BARs of every kind and size")
  func variety() {
    let machines = Self.sample.map(\.header.machine)
    for kind in PCIFunction.Kind.allCases {
      #expect(machines.contains { $0.functions.contains { $0.kind == kind } }, "\(kind)")
    }
    for stride in [UInt8(1), 2, 4] {
      #expect(machines.contains { $0.functions.contains { $0.phantomStride == stride } })
    }
    #expect(machines.contains { $0.functions.contains { $0.physicalFunction != nil } })
    let bars = machines.flatMap(\.functions).flatMap(\.bars)
    for kind in BAR.Kind.allCases { #expect(bars.contains { $0.kind == kind }, "\(kind)") }
    #expect(bars.contains { $0.kind.isMemory && $0.size == 16 } && bars.contains { $0.size == 1 << 35 })
    for facts in Machine.Quarantine.allCases { #expect(machines.contains { $0.quarantine == facts }) }
    #expect(machines.contains { $0.pageTables == .npt } && machines.contains { !$0.sharesPageTables })
    #expect(machines.contains { $0.iommu == .none } && machines.contains { !$0.rmrrOptions.isEmpty })
    #expect(
      machines.count { machine in machine.reservedRanges.contains { _ in machine.reservedHandles.count > 1 } } > 500)
  }

  @Test("host addresses of BARs are aligned, clear of each other and of reserved ranges")
  func barPlacement() {
    for specimen in Self.sample.prefix(1500) {
      let machine = specimen.header.machine
      let reserved = machine.reservedRanges
      var taken: [AddressRange] = []
      for bar in machine.functions.flatMap(\.bars) where bar.kind.isMemory {
        let range = AddressRange(start: bar.hostAddress, size: bar.size)!
        #expect(bar.hostAddress != 0 && bar.hostAddress % bar.size == 0)
        #expect(bar.kind.is64Bit || range.end <= 0x1_0000_0000)
        #expect(!reserved.contains { $0.overlaps(range) }, "\(range)")
        #expect(!taken.contains { $0.overlaps(range) })
        taken.append(range)
      }
    }
  }

  @Test("the host's E820 is sorted, disjoint and reserves what the table reserves")
  func hostE820() {
    for specimen in Self.sample.prefix(1500) where !specimen.header.machine.e820.isEmpty {
      let entries = specimen.header.machine.e820
      for (entry, next) in zip(entries, entries.dropFirst()) { #expect(entry.end <= next.start) }
    }
  }

  @Test("every kind of event comes up; most events name what is there")
  func events() {
    var counts: [EventKind: Int] = [:]
    var known = 0
    var total = 0
    for specimen in Self.sample {
      var shadow = Shadow(specimen.header.machine)
      for event in specimen.events {
        counts[EventKind(event), default: 0] += 1
        if let guest = event.guests.first, EventKind(event) != .create {
          total += 1
          if shadow.guests.contains(where: { $0.name == guest }) { known += 1 }
        }
        shadow.apply(event)
      }
    }
    for kind in EventKind.allCases { #expect((counts[kind] ?? 0) > 100, "\(kind): \(counts[kind] ?? 0)") }
    #expect(known * 10 > total * 8, "\(known) of \(total)")
  }

  @Test("swarms differ: for each kind there are lives without it")
  func swarms() {
    for kind in EventKind.allCases where kind != .create {
      let without = Self.sample.count { !$0.events.contains { EventKind($0) == kind } && $0.events.count > 10 }
      #expect(without > 50, "\(kind)")
    }
  }

  @Test("a profile without raw calls and faults makes none")
  func profiles() {
    var profile = GenerationProfile()
    profile.rawControl = false
    profile.rawGuest = false
    profile.faults = false
    profile.guestCount = 1
    profile.eventCount = 6
    profile.refusedTablesOf16 = 0
    for seed in UInt64(0)..<500 {
      var random = RandomSource(seed: seed)
      let specimen = Generator(profile).specimen(for: .repaired, &random)
      #expect(specimen.events.count <= 6)
      #expect(Self.registers(specimen.header.machine))
      for event in specimen.events {
        #expect(EventKind(event) != .fault)
        if case .hypercall(let call) = event {
          switch call.call {
          case .reservedDeviceMemoryMap, .testAssignDevice, .getDeviceGroup, .memoryMap: break
          default: Issue.record("\(call)")
          }
        }
      }
    }
  }

  @Test("landmarks are the fixed addresses and the specimen's own")
  func landmarks() {
    var landmarks = Landmarks()
    let fixed: [UInt64] = [
      0x10_0000, 0x8000_0000, 0xF000_0000, 0xFC00_0000, 0xFC10_0000, 0xFE00_0000, 0xFEFF_0000, 0xFF00_0000,
      0x1_0000_0000,
    ]
    for address in fixed {
      #expect(landmarks.addresses.contains(address), "\(hex(address))")
    }
    // BL-72: 4096 MiB less 8 of video memory are 0xF000_0000 and 0xF80_0000 above 4G.
    landmarks.insert(layoutOf: GuestConfiguration(memoryMiB: 4096))
    #expect(landmarks.addresses.contains(0x1_0F80_0000))
    landmarks.insert(layoutOf: GuestConfiguration(memoryMiB: 2048))
    #expect(landmarks.addresses.contains(0x7F80_0000))
    #expect(landmarks.addresses == landmarks.addresses.sorted())
    #expect(Landmarks.range(0x1000, .straddles, 0x10_0000) == AddressRange(0xF_F800, 0x10_0800))
    #expect(Landmarks.range(0x2000, .endsAt, 0x1000) == nil)
    #expect(Landmarks.range(0x1000, .startsAt, .max - 5) == nil)
  }
}
