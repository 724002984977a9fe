import AddressSpace
import Editions
import Hypercalls
import Hypervisor
import Platform
import TestSupport
import Testing

/// Things that can be done to a world with two guests.
private enum Deed: Hashable {
  case call(Hypercall)
  case insert(PCIFunction)
  case withdraw(SBDF)
}

/// What must hold of a repaired hypervisor between any two calls; nil if it does.
private func violation(of xen: Hypervisor) -> String? {
  if let rule = xen.hostCrash { return "the host crashed by \(rule)" }
  if let listed = xen.devices.first(where: { $0.owner == nil }) { return "\(listed.sbdf) is nobody's" }
  var charged: UInt64 = 0
  for domain in xen.domains {
    charged += domain.totalPages
    if let broken = domain.p2m.brokenRule ?? domain.dmaTable.brokenRule { return "\(domain.id): \(broken)" }
    if let wrong = violation(of: domain, in: xen) { return "\(domain.id): \(wrong)" }
  }
  if charged + xen.budget.free != xen.budget.frames { return "frames are lost" }
  for device in xen.devices where device.isStrict {
    guard let owner = device.owner, let domain = xen.domain(owner) else { return "\(device.sbdf) is strict in nothing" }
    for unit in functions(of: device).flatMap({ xen.units.matching($0) }) {
      let frames = xen.units.units[unit].frames
      for frame in frames.start..<frames.end {
        guard
          case .direct(0, .readWrite)? = domain.dmaTables == .shared || domain.isTranslated
            ? domain.deviceView(of: frame) : domain.dmaTable[frame]
        else { return "\(device.sbdf) lacks \(hex(frame))" }
      }
    }
  }
  for unit in xen.units.units {
    for frame in unit.frames.start..<unit.frames.end
    where xen.domains.dropFirst().filter({ reaches(frame, by: $0) }).count > 1 {
      return "\(hex(frame)) in two guests"
    }
  }
  return nil
}

private func reaches(_ frame: MFN, by domain: Domain) -> Bool {
  var isReached = false
  domain.forEachReached(of: FrameRange(single: frame)) { _ in
    isReached = true
    return false
  }
  return isReached
}

private func functions(of device: Device) -> [SBDF] {
  (0..<8).map { SBDF(segment: device.sbdf.segment, bdf: device.sbdf.bdf & 0xFFF8 | UInt16($0)) }.filter {
    $0 == device.sbdf
      || device.phantomStride != 0 && $0 > device.sbdf
        && ($0.function - device.sbdf.function) % device.phantomStride == 0
  }
}

private func violation(of domain: Domain, in xen: Hypervisor) -> String? {
  var ram: UInt64 = 0
  var promised: UInt64 = 0
  for run in domain.p2m.runs {
    if run.value == .ram { ram += run.frames.count }
    if run.value == .populateOnDemand { promised += run.frames.count }
  }
  if domain.unreachablePages != 0 || ram + domain.promise.cache != domain.totalPages { return "memory is lost" }
  if promised != domain.promise.entries { return "promises are lost" }
  // I-6, I-7: a record counts the functions that need it; the hardware domain's those that are there (HV-94).
  for unit in xen.units.units.indices {
    var holders: UInt64 = 0
    for device in xen.devices where device.owner == domain.id || domain.id == .dom0 {
      for function in functions(of: device) where xen.units.matching(function).contains(unit) { holders += 1 }
    }
    let frames = xen.units.units[unit]
    let count = domain.records.first { $0.base == frames.base && $0.end == frames.end }?.count ?? 0
    if holders != count { return "the record of \(frames.frames) counts \(count), held by \(holders)" }
  }
  // I-12: both views agree.
  if domain.isTranslated && domain.dmaTables == .separate {
    var seen = RangeMap<DMAEntry>()
    for run in domain.p2m.runs {
      switch run.value {
      case .ram, .xenPage: seen.set(run.frames, to: .ram)
      case .direct(let mapping):
        seen.set(run.frames, to: .direct(offset: mapping.offset, access: mapping.access.intersection(.readWrite)))
      case .populateOnDemand: break
      }
    }
    if seen != domain.dmaTable { return "views differ" }
  }
  return nil
}

/// Does `deed`, and checks that a refusal changed nothing and that the world is sound.
private func check(_ deed: Deed, on world: inout World, failing ordinal: UInt64 = 0) -> (isSpent: Bool, String?) {
  let before = world
  var refused: String?
  world.xen.budget.arm(failing: ordinal)
  switch deed {
  case .insert(let function): world.xen.insert(function)
  case .withdraw(let sbdf): world.xen.withdraw(sbdf)
  case .call(let call):
    let result = world.call(call)
    var isRefused = result < 0
    if case .populatePhysmap(_, let extents, _) = call { isRefused = result == 0 && extents.count > 0 }
    if case .decreaseReservation(_, let extents) = call { isRefused = result == 0 && extents.count > 0 }
    if isRefused { refused = "\(result)" }
  }
  let isSpent = !world.xen.budget.isArmed
  world.xen.budget.arm(failing: 0)
  if let refused {
    if world.buffer.rule == nil, case .call(let call) = deed, needsRule(call) {
      return (isSpent, "no rule for \(refused)")
    }
    if world != before {
      return (isSpent, "refused with \(refused) by \(world.buffer.rule?.description ?? "-") and yet changed")
    }
  }
  return (isSpent, violation(of: world.xen))
}

/// Some settings have no rule in the specification.
private func needsRule(_ call: Hypercall) -> Bool {
  switch call {
  case .createDomain, .maxVCPUs, .claimPages, .setParameter, .ioportPermission, .iomemPermission: false
  default: true
  }
}

@Suite("A refused operation changes nothing")
struct RefusalTests {
  private static let guests = [DomainID(1), DomainID(2)]

  /// A world with units of every sort: own, shared, of a phantom function, two that touch in one page.
  private static func world(
    _ paging: Paging, quarantine: Machine.Quarantine = .basic, edition: Edition = .repaired
  ) -> World {
    let phantom = SBDF(0, 1, 0, 2)
    var world = World(
      edition,
      [
        RMRRUnit(base: 0xF_2000, end: 0xF_27FF, devices: [World.b.bdf]),
        RMRRUnit(base: 0xF_2800, end: 0xF_3FFF, devices: [World.d.bdf]),
        World.unit(0xF0, 0xF1, World.a), World.unit(0xFB, 0xFB, World.a), World.unit(0xF4, 0xF4, World.c),
        World.unit(0xF6, 0xF7, World.c), World.unit(0xF5, 0xF5, phantom), World.unit(0xF8, 0xF9, World.b, World.d),
        World.unit(0xFD, 0xFD, World.behind),
      ]
    ) {
      $0.pageTables = paging.kind
      $0.quarantine = quarantine
      $0.functions = $0.functions.map { function in
        var function = function
        if function.sbdf == World.c { function.phantomStride = 2 }
        return function
      }
    }
    for _ in guests {
      let guest = world.guest(separate: paging.separate)
      world.permit(guest)
    }
    return world
  }

  private static var deeds: [Deed] {
    var deeds: [Hypercall] = []
    for guest in guests {
      for device in [World.a, World.b, World.c, World.d] {
        for flags: UInt32 in 0...1 { deeds.append(.assignDevice(guest, device, flags: flags, deviceType: 0)) }
        deeds.append(.deassignDevice(guest, device, flags: 0, deviceType: 0))
      }
    }
    let guest = guests[0]
    deeds += [
      .assignDevice(.io, World.c, flags: 1, deviceType: 0), .deassignDevice(.io, World.c, flags: 0, deviceType: 0),
      .assignDevice(guest, World.behind, flags: 0, deviceType: 0),
      .populatePhysmap(guest, Extents(first: 0xEF, count: 2, order: 1), flags: 0),
      .populatePhysmap(guest, Extents(first: 0xF5, count: 1), flags: 0),
      .decreaseReservation(guest, Extents(first: 0xF0, count: 1, order: 2)),
      .memoryMapping(guest, gfn: 0xF1, mfn: 0xF1, count: 2, add: true),
      .memoryMapping(guest, gfn: 0xF1, mfn: 0xF1, count: 2, add: false),
      .memoryMapping(guests[1], gfn: 0xE0, mfn: 0xF8, count: 1, add: true),
      .pciDeviceRemove(World.c), .pciDeviceAdd(World.c, flags: 0, physicalFunction: World.c),
      .destroyDomain(guest),
    ]
    return deeds.map(Deed.call)
  }

  @Test("every sequence of three, and of four with EPT and separate tables", arguments: Paging.allCases)
  func sequences(paging: Paging) {
    var sequences = 0
    func explore(_ world: World, _ depth: Int, _ path: [Deed]) -> Bool {
      for deed in Self.deeds {
        var next = world
        if let wrong = check(deed, on: &next).1 {
          Issue.record("\(wrong) after \(path + [deed])")
          return false
        }
        sequences += 1
        if depth > 1, next != world, !explore(next, depth - 1, path + [deed]) { return false }
      }
      return true
    }
    let isDeep = paging.kind == .ept && paging.separate
    let isSound = explore(Self.world(paging), isDeep ? 4 : 3, [])
    #expect(isSound && sequences > (isDeep ? 50_000 : 5_000), "\(sequences) sequences")
  }

  @Test("any allocation of the last of two may fail", arguments: Paging.allCases)
  func allocations(paging: Paging) {
    var failures = 0
    let start = Self.world(paging)
    for first in Self.deeds {
      var world = start
      _ = check(first, on: &world)
      for deed in Self.deeds {
        for ordinal: UInt64 in 1...64 {
          var next = world
          let (isSpent, wrong) = check(deed, on: &next, failing: ordinal)
          if let wrong {
            Issue.record("\(wrong) after \(first) and allocation \(ordinal) of \(deed)")
            return
          }
          if !isSpent { break }
          failures += 1
        }
      }
    }
    #expect(failures > 1_000)
  }

  @Test("long random lives with promises, moves, plugging and failing allocations", arguments: 0..<8)
  func randomLives(seed: UInt64) {
    let wrong = Self.firstViolation(in: .repaired, seed: seed, lives: 150)
    #expect(wrong == nil)
  }

  @Test(
    "each of these quirks is caught when it is planted in the repaired edition",
    arguments: [
      HypervisorQuirk.lastUnitDecides, .phantomUnitUnmapped, .rollbackUnmapsEverything,
      .relaxedSharesAcrossGuests, .lastUnmapClearsAll, .mappingRemovalIgnoresRecords, .guardsCrash,
      .failedExtentCharged, .replacedRAMCharged, .mappingReplacesRAM, .partialRangesStay,
      .phantomFailureMovesDevice, .refusedAssignLeavesTable, .quarantineTableAlwaysBuilt, .mirrorFailureCrashes,
      .bridgeAddedLaterHoldsDevice, .failedAddStaysListed, .failedAddKeepsCount, .addIgnoresMappingError,
      .hardwareDomainCountGrows, .failedRemoveFreesDevice, .failedCreateTakesNumber,
    ])
  func plantedQuirks(quirk: HypervisorQuirk) {
    let found = (0..<40).contains { Self.firstViolation(in: Edition.repaired.with(quirk), seed: $0, lives: 40) != nil }
    #expect(found)
  }

  /// Lives random lives until something is wrong, and says what.
  private static func firstViolation(in edition: Edition, seed: UInt64, lives: Int) -> String? {
    var random = SplitMix64(seed: seed)
    for life in 0..<lives {
      let paging = Paging.allCases[random.below(4)]
      var world = Self.world(paging, quarantine: Machine.Quarantine.allCases[life % 3], edition: edition)
      var path: [Deed] = []
      for _ in 0..<60 {
        let deed = Self.randomDeed(&random)
        path.append(deed)
        let ordinal = random.below(4) == 0 ? UInt64(1 + random.below(6)) : 0
        if let wrong = check(deed, on: &world, failing: ordinal).1 {
          return "life \(life): \(wrong) after \(path), allocation \(ordinal)"
        }
      }
      // Destroying gives everything back, and needs no memory for it.
      for guest in guests {
        world.xen.budget.arm(failing: 1)
        if world.call(.destroyDomain(guest)) != 0 { return "\(guest) cannot be destroyed" }
      }
      if world.xen.budget.free != world.xen.budget.frames { return "memory is kept" }
    }
    return nil
  }

  private static func randomDeed(_ random: inout SplitMix64) -> Deed {
    let guest = guests[random.below(2)]
    let device = [World.a, World.b, World.c, World.d, World.behind, World.bridge, World.hostBridge][random.below(7)]
    let frame = UInt64(0xEC + random.below(20))
    let order = UInt8([0, 0, 0, 1, 2][random.below(5)])
    let count = UInt64(1 + random.below(4))
    switch random.below(25) {
    case 0...4: return .call(.assignDevice(guest, device, flags: UInt32(random.below(2)), deviceType: 0))
    case 5, 6: return .call(.deassignDevice(guest, device, flags: 0, deviceType: 0))
    case 7: return .call(.assignDevice(.io, device, flags: 1, deviceType: 0))
    case 8: return .call(.deassignDevice(.io, device, flags: 0, deviceType: 0))
    case 9, 10: return .call(.populatePhysmap(guest, Extents(first: frame, count: 1, order: order), flags: 0))
    case 11, 12: return .call(.populatePhysmap(guest, Extents(first: frame, count: 1, order: order), flags: 1 << 16))
    case 13: return .call(.decreaseReservation(guest, Extents(first: frame, count: 1, order: order)))
    case 14: return .call(.memoryMapping(guest, gfn: frame, mfn: frame, count: count, add: random.below(3) > 0))
    case 15: return .call(.memoryMapping(guest, gfn: frame, mfn: frame + 3, count: count, add: random.below(3) > 0))
    case 16: return .call(.iomemPermission(guest, mfn: 0xE0, count: 0x40, allow: random.below(2) > 0))
    case 17:
      return .call(.addToPhysmap(guest, space: .gmfn, index: frame, gfn: UInt64(0xEC + random.below(20)), count: 1))
    case 18:
      return .call(
        .addToPhysmap(guest, space: .gmfnRange, index: frame, gfn: UInt64(0xEC + random.below(20)), count: count))
    case 19: return .call(.addToPhysmap(guest, space: .sharedInfo, index: 0, gfn: frame, count: 1))
    case 20: return .call(.setPoDTarget(guest, pages: UInt64(random.below(12))))
    case 21: return .call(.pciDeviceRemove(device))
    case 22: return .call(.createDomain(.init(iommu: false, separateTables: true)))
    case 23: return random.below(2) > 0 ? .withdraw(device) : .insert(function(at: device))
    default: return .call(.pciDeviceAdd(device, flags: 0, physicalFunction: device))
    }
  }

  private static func function(at sbdf: SBDF) -> PCIFunction {
    var function = World.machine([]).function(at: sbdf) ?? PCIFunction(sbdf)
    if sbdf == World.c { function.phantomStride = 2 }
    return function
  }
}
