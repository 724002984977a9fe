import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing

@testable import Toolstack

/// What the design mail of 2014 proposed, and what builders of its time did.
@Suite("Builders of the past")
struct ProposalTests {
  private func build(_ memoryMiB: UInt64, _ units: [RMRRUnit], _ edition: Edition) -> (DomainBuild, Refusal?) {
    var machine = Machine()
    machine.statedUnits = units
    var host = SmallHost(machine)
    var buffer = HypercallBuffer()
    var build = DomainBuild(of: .guest(memoryMiB, .nic), for: DomainID(1), edition: edition)
    do throws(Refusal) {
      try build.run(on: &host, &buffer)
      return (build, nil)
    } catch {
      return (build, error)
    }
  }

  @Test("2.2 2> #1: RAM on both sides of every range, as much as without, and none on one")
  func around() {
    // A page in the middle, odd bytes, neighbours, one over the end of low RAM, one behind it, the hole.
    let ranges: [(UInt64, UInt64)] = [
      (0x2000_0000, 0x1000), (0x3000_0800, 0x1000), (0x3000_2000, 0x1000), (0x3000_0000, 0x10_0000),
      (0x3F7F_F000, 0x2000), (0x8000_0000, 0x1000), (0xEFFF_F000, 0x2000), (0xF800_0000, 0x10_0000),
    ]
    let edition = Edition.repaired.with(.toolstack(.ramAroundRanges))
    for memory in [1024, 2048, 4096] as [UInt64] {
      for first in ranges.indices {
        for second in ranges.indices {
          let units = Set([first, second]).sorted().map { index in
            RMRRUnit(base: ranges[index].0, end: ranges[index].0 + ranges[index].1 - 1, devices: [SBDF.nic.bdf])
          }
          let (built, refusal) = build(memory, units, edition)
          #expect(refusal == nil, "\(memory), \(units)")
          var ram = RangeMap<Bool>()
          for frames in built.populated { ram.set(frames, to: true) }
          for unit in units {
            #expect(!ram.runs.contains { $0.frames.overlaps(unit.frames) }, "\(memory), \(units)")
          }
          // 8 MiB of video, the VGA window, and sixteen special pages.
          let pages = ram.runs.reduce(UInt64(0)) { $0 + $1.frames.count }
          #expect(pages == (memory - 8) << 8 - 0x20 + 16, "\(memory), \(units)")
          let listed = built.memoryMap.filter { $0.type == .ram }.reduce(UInt64(0)) { $0 + $1.size }
          #expect(listed == (memory - 8) << 20 - 0x10_0000, "\(memory), \(units)")
          for (entry, next) in zip(built.memoryMap, built.memoryMap.dropFirst()) {
            #expect(entry.end <= next.start || entry.type == next.type, "\(memory), \(units)")
          }
        }
      }
    }
  }

  @Test("2.2 1>, section 9: where hvmloader lies and above 4G the proposal leaves nothing out: no guest")
  func notAround() {
    for (start, size) in [(0xE8000, 0x1000), (0x10_0000, 0x1000), (0x1_0000_0000, 0x1000)] as [(UInt64, UInt64)] {
      let unit = RMRRUnit(base: start, end: start + size - 1, devices: [SBDF.nic.bdf])
      #expect(build(4096, [unit], Edition(.rfc2014)).1?.rule == .bl(64), "\(start)")
    }
  }

  @Test("BL-83, HV-61: builders before 4.6 store no memory map")
  func storedMap() {
    #expect(build(1024, [], Edition(.xen4_5)).0.memoryMap.isEmpty)
    for name in [Edition.Name.rfc2014, .rfc2015, .xen4_6, .xen4_17] {
      #expect(!build(1024, [], Edition(name)).0.memoryMap.isEmpty, "\(name)")
    }
  }

  @Test("BL-12: up to 4.12 a guest without devices has an IOMMU, if the host has one")
  func iommu() throws {
    for name in Edition.Name.allCases where name != .repaired {
      var bench = Bench(Edition(name))
      _ = try bench.create(.guest(1024))
      let created = bench.calls.contains {
        if case .createDomain(let creation) = $0 { creation.iommu } else { false }
      }
      #expect(created == (name <= .xen4_9), "\(name)")
    }
  }
}
