import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import TestSupport
import Testing

/// A guest's memory page by page, by the text of section 7: slow and without any run.
private struct PageByPage {
  var pages: [UInt64: Character] = [:]
  var total: UInt64 = 0
  var limit: UInt64
  var free: UInt64
  var entries: UInt64 = 0
  var cache: UInt64 = 0
  var isXen: Bool

  mutating func give(_ count: UInt64) {
    total -= count
    free += count
  }

  /// HV-130…132
  mutating func populate(_ extent: Range<UInt64>) -> Bool {
    let size = UInt64(extent.count)
    let kept = isXen ? 0 : UInt64(extent.filter { pages[$0] == "r" }.count)
    let isSpecial = extent.contains { pages[$0] == "m" }
    // A special page is met after the whole extent has been allocated.
    let needed = isSpecial ? size : size - kept
    if needed > 0 && (total + needed > limit || needed > free) { return false }
    if isSpecial {
      if isXen {
        total += size
        free -= size
      }
      return false
    }
    total += needed
    free -= needed
    for page in extent {
      if pages[page] == "p" { entries -= 1 }
      pages[page] = "r"
    }
    return true
  }

  /// HV-136
  mutating func promise(_ extent: Range<UInt64>) -> Bool {
    if !isXen && extent.contains(where: { pages[$0] != nil && pages[$0] != "p" }) { return false }
    var first = extent.lowerBound
    while first < extent.upperBound {
      let size = UInt64(1) << UInt64((first | (extent.upperBound - first)).trailingZeroBitCount)
      let chunk = first..<first + size
      if chunk.contains(where: { pages[$0] != nil && pages[$0] != "p" }) { return false }
      for page in chunk where pages[page] == nil {
        pages[page] = "p"
        entries += 1
      }
      first += size
    }
    return true
  }

  /// HV-138, C-12
  mutating func decrease(_ extent: Range<UInt64>) -> Bool {
    if !isXen && extent.contains(where: { pages[$0] == nil || pages[$0] == "m" }) { return false }
    var forgiven = 0
    if entries > 0 {
      var steals = entries > cache
      let promised = extent.filter { pages[$0] == "p" }.count
      var left = promised
      for page in extent where left > 0 || steals {
        if pages[page] == "p" {
          pages[page] = nil
          entries -= 1
          left -= 1
          forgiven += 1
        } else if pages[page] == "r" && steals {
          pages[page] = nil
          cache += 1
          steals = entries > cache
          forgiven += 1
        }
      }
      // Looked at only where populate-on-demand had something to do.
      while forgiven > 0 && cache > entries {
        cache -= 1
        give(1)
      }
    }
    var done = 0
    for page in extent {
      if done + forgiven == extent.count { break }
      switch pages[page] {
      case "r":
        pages[page] = nil
        give(1)
      case "x": pages[page] = nil
      case nil:
        if forgiven == 0 { return false }
        forgiven -= 1
      default: return false
      }
      done += 1
    }
    return true
  }
}

@Suite("Populating by runs")
struct PopulationReferenceTests {
  private static let top: UInt64 = 48

  private static func world(_ edition: Edition, _ random: inout SplitMix64) -> (World, DomainID) {
    let frames = UInt64(20 + random.below(80))
    var world = World(edition, []) { $0.memory = frames << 12 }
    let guest = world.guest(separate: random.below(2) == 0)
    _ = world.call(.maxMem(guest, kib: UInt64(20 + random.below(80)) * 4))
    if random.below(3) > 0 {
      world.permit(guest)
      _ = world.map(guest, UInt64(random.below(40)), 0xE0, UInt64(1 + random.below(4)))
      // Rights to I/O memory would forbid promises (C-14).
      _ = world.call(.iomemPermission(guest, mfn: 0xE0, count: 0x40, allow: false))
    }
    _ = world.call(.addToPhysmap(guest, space: .sharedInfo, index: 0, gfn: UInt64(random.below(48)), count: 1))
    return (world, guest)
  }

  private static func randomCall(_ guest: DomainID, _ random: inout SplitMix64) -> Hypercall {
    let order = UInt8([0, 0, 0, 1, 2, 3][random.below(6)])
    let first = UInt64(random.below(40))
    let count = min(UInt64(1 + random.below(24)), (top - first) >> UInt64(order))
    let extents = Extents(first: first, count: count, order: order, perCall: UInt64(1 + random.below(5)))
    switch random.below(5) {
    case 0, 1: return .populatePhysmap(guest, extents, flags: 0)
    case 2: return .populatePhysmap(guest, extents, flags: 1 << 16)
    default: return .decreaseReservation(guest, extents)
    }
  }

  @Test("HV-128…138: a run does what its extents do one by one, any allocation failing", arguments: 0..<6)
  func oneByOne(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var short = 0
    for round in 0..<300 {
      let edition = round % 2 == 0 ? Edition.xen4_17 : .repaired
      var (world, guest) = Self.world(edition, &random)
      for _ in 0..<20 {
        let call = Self.randomCall(guest, &random)
        let ordinal = random.below(3) == 0 ? UInt64(1 + random.below(20)) : 0
        var single = world
        world.xen.budget.arm(failing: ordinal)
        single.xen.budget.arm(failing: ordinal)
        let together = world.call(call)
        var done = 0
        func repeated(_ extents: Extents, _ make: (Extents) -> Hypercall) {
          for number in 0..<extents.count {
            let extent = Extents(first: extents.first + number << UInt64(extents.order), count: 1, order: extents.order)
            if single.call(make(extent)) == 0 { break }
            done += 1
          }
          if done < extents.count { short += 1 }
        }
        switch call {
        case .populatePhysmap(let domain, let extents, let flags):
          repeated(extents) { .populatePhysmap(domain, $0, flags: flags) }
        case .decreaseReservation(let domain, let extents): repeated(extents) { .decreaseReservation(domain, $0) }
        default: break
        }
        let isSame = together == done && world == single && world.buffer.rule == single.buffer.rule
        if !isSame {
          Issue.record(
            """
            \(edition) round \(round): \(call), allocation \(ordinal): \(together) \(world.frames(guest, 0...47)), \
            one by one \(done) \(single.frames(guest, 0...47))
            """)
          return
        }
        world.xen.budget.arm(failing: 0)
      }
    }
    #expect(short > 100)
  }

  @Test("HV-130…138, C-12: the outcome is the text's, page by page", arguments: 0..<6)
  func pageByPage(seed: UInt64) {
    var random = SplitMix64(seed: 100 + seed)
    for round in 0..<300 {
      let edition = round % 2 == 0 ? Edition.xen4_17 : .repaired
      var (world, guest) = Self.world(edition, &random)
      var reference = PageByPage(
        limit: world.xen.domain(guest)!.maxPages, free: world.xen.budget.free, isXen: edition == .xen4_17)
      for (gfn, letter) in world.frames(guest, 0...47).enumerated() where letter != "." {
        reference.pages[UInt64(gfn)] = letter == "o" ? "m" : letter
      }
      for _ in 0..<20 {
        let call = Self.randomCall(guest, &random)
        let before = world
        let result = world.call(call)
        var done = 0
        func each(_ extents: Extents, _ perform: (Range<UInt64>) -> Bool) {
          for number in 0..<extents.count {
            let first = extents.first + number << UInt64(extents.order)
            if !perform(first..<first + extents.framesPerExtent) { break }
            done += 1
          }
        }
        switch call {
        case .populatePhysmap(_, let extents, 0): each(extents) { reference.populate($0) }
        case .populatePhysmap(_, let extents, _): each(extents) { reference.promise($0) }
        case .decreaseReservation(_, let extents): each(extents) { reference.decrease($0) }
        default: break
        }
        let domain = world.xen.domain(guest)!
        let frames = String((0..<Self.top).map { reference.pages[$0] ?? "." })
        let modelled = world.frames(guest, 0...47).replacing("o", with: "m")
        let isSame =
          result == done && modelled == frames && domain.totalPages == reference.total
          && domain.promise.entries == reference.entries && domain.promise.cache == reference.cache
          && world.xen.budget.free == reference.free
        if !isSame {
          Issue.record(
            """
            \(edition) round \(round): \(call) on \(before.frames(guest, 0...47)): \(result) \(modelled) \
            \(domain.totalPages) \(domain.promise), by the text \(done) \(frames) \(reference.total) \
            \(reference.entries) \(reference.cache)
            """)
          return
        }
      }
    }
  }

  @Test("HV-130: 4 GiB in twelve calls and back, the cost being that of runs")
  func wholeGuest() {
    var world = World(.xen4_17, []) { $0.memory = 64 << 30 }
    let guest = world.guest()
    _ = world.call(.maxMem(guest, kib: 8 << 20))
    #expect(world.call(.populatePhysmap(guest, Extents(first: 0, count: 0xA0), flags: 0)) == 0xA0)
    #expect(world.call(.populatePhysmap(guest, Extents(first: 0xC0, count: 0x140), flags: 0)) == 0x140)
    #expect(world.call(.populatePhysmap(guest, Extents(first: 0x200, count: 511, order: 9), flags: 0)) == 511)
    #expect(world.call(.populatePhysmap(guest, Extents(first: 0x40000, count: 2, order: 18), flags: 0)) == 2)
    #expect(world.call(.populatePhysmap(guest, Extents(first: 0x10_0000, count: 0x4_0000), flags: 0)) == 0x4_0000)
    #expect(world.xen.domain(guest)?.p2m.runs.count == 3)
    #expect(world.pages(guest) == 0x10_0000 - 0x20)
    #expect(world.call(.decreaseReservation(guest, Extents(first: 0x10_0000, count: 0x4_0000))) == 0x4_0000)
    #expect(world.pages(guest) == 0xC_0000 - 0x20)
  }
}
