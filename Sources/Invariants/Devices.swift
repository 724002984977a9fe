import AddressSpace
import Editions
import Hypervisor
import Platform
import Sharing
import Toolstack

/// Devices, their owners and their reserved ranges.
extension Invariant {
  static let rmrrInOneGuest = Invariant(
    "rmrr-in-one-guest", "No page of an RMRR can be reached by two guests, by CPU or by DMA.",
    source: "G-4, BUG-9, HV-86; review 2014 (3)", reads: [.mappings]
  ) { scene in
    // Guests that reach nothing, most of all, share nothing.
    let isNew = scene.guests.contains { guest in
      !guest.reached.isEmpty && (guest.reachesAnew || !scene.isNarrow) && !guest.life.tampered && !guest.domain.isDying
        && scene.allGuests.contains { $0 !== guest && $0.reachesAny(of: guest) }
    }
    guard isNew else { return nil }
    let guests = scene.allGuests.filter { !$0.reached.isEmpty && !$0.life.tampered && !$0.domain.isDying }
    guard guests.count > 1 else { return nil }
    for unit in scene.units where !unit.frames.isEmpty {
      for (index, first) in guests.enumerated() {
        var violation: Violation?
        first.domain.forEachReached(of: unit.frames) { frames in
          guard let second = guests[(index + 1)...].first(where: { $0.reached.contains { $0.overlaps(frames) } }) else {
            return true
          }
          violation = Violation(
            "rmrr-in-one-guest", stage: "hypervisor", relation: "shared",
            detail: "\(first.life.name) and \(second.life.name) both reach the range at frames \(frames)")
          return false
        }
        if let violation { return violation }
      }
    }
    return nil
  }

  static let oneOwner = Invariant(
    "one-owner", "Every device has one owner that exists, and toolstack and hypervisor agree who it is.",
    source: "I-13, HV-64, LB-11", reads: [.hardware, .domains, .devices]
  ) { scene in
    let devices = scene.devices
    let dead = scene.firstViolation(ofDevicesWhere: { $0.isGuests }) { _, device in
      guard let owner = device.owner, scene.domain(owner) == nil else { return nil }
      return Violation(
        "one-owner", stage: "hypervisor", relation: "dead",
        detail: "\(device.sbdf) belongs to \(owner), which does not exist")
    }
    if let dead { return dead }
    for guest in scene.concerned where guest.isIntact {
      guard let attached = guest.built?.value.devices else { continue }
      for device in attached where !device.isGone {
        let owner = devices.place(of: device.sbdf).flatMap { devices[$0].owner }
        if owner != guest.life.domain {
          return Violation(
            "one-owner", stage: scene.event.stage, relation: "not-the-guest",
            detail: "\(device.sbdf) is attached to \(guest.life.name), but \(owner.map { "\($0)" } ?? "nobody") owns it"
          )
        }
      }
      var unknown: Device?
      scene.contains(devicesOf: guest.life.domain) { position in
        if !attached.contains(where: { $0.sbdf == devices[position].sbdf }) { unknown = devices[position] }
        return unknown != nil
      }
      if let unknown {
        return Violation(
          "one-owner", stage: scene.event.stage, relation: "unknown-to-toolstack",
          detail: "\(guest.life.name) owns \(unknown.sbdf), but the toolstack attached none")
      }
    }
    return nil
  }

  static let strictMapped = Invariant(
    "strict-mapped",
    "While a device is assigned strictly, all pages of all its RMRRs are mapped 1:1, with the rights firmware asks for, for CPU and DMA.",
    source: "I-4, I-10, HV-89, D-1, C-1, HV-39, HV-42", reads: [.hardware, .mappings, .domains]
  ) { scene in
    // The hypervisor promises this by itself, whatever was done to the guest by raw hypercalls.
    scene.firstViolation(ofDevicesWhere: { $0.pointee.isStrict }) { position, device in
      guard let owner = device.owner, owner != .dom0, let domain = scene.domain(owner),
        domain.pointee.crash == nil
      else { return nil }
      for range in scene.reserved.ranges(of: position) {
        if let view = Domain.view(of: domain, withoutIdentityOf: range.frames, range.access) {
          return Violation(
            "strict-mapped", stage: scene.event.stage, relation: view,
            detail:
              "\(scene.after.name(of: owner) ?? owner) has \(device.sbdf) strictly, but \(view) lacks part of its range at frames "
              + "\(range.frames)")
        }
      }
      // What the IOMMU does not translate must lie at the same place for the CPU.
      if scene.after.port.port.isAMD, let frames = scene.after.hypervisor.untranslated(of: device.sbdf),
        Domain.view(of: domain, withoutIdentityOf: frames, .readWrite) == "p2m"
      {
        return Violation(
          "strict-mapped", stage: scene.event.stage, relation: "untranslated",
          detail: "the DMA of \(device.sbdf) is not translated at frames \(frames), and p2m has something else there")
      }
      return nil
    }
  }

  static let groupsAtomic = Invariant(
    "groups-atomic",
    "While a guest has a device, no present device that shares a reserved page with it is the hardware domain's or another guest's.",
    source: "G-4, I-5, HV-86, BUG-9; review 2014 (3), groups", reads: [.hardware, .domains]
  ) { scene in
    let devices = scene.devices
    // Where no guest has a device there is none that could be shared with it.
    if scene.looksAtAllDevices, !scene.contains(devicesWhere: { $0.isGuests }, { scene.isHolder($1) }) { return nil }
    // Mostly none is; if one is, all are looked at in order.
    if !scene.contains(devicesWhere: { $0.pointee.kind.isEndpoint }, { scene.isInBetween($0, $1) }) { return nil }
    for position in devices.indices where scene.isHolder(devices[position]) {
      let holder = devices[position]
      guard let owner = holder.owner else { continue }
      for own in scene.reserved.ranges(of: position) {
        for unit in scene.reserved.neighbours(of: own.unit) {
          for index in scene.reserved.members(of: unit) where devices[index].kind.isEndpoint {
            let member = devices[index]
            guard let second = member.owner, second != owner, second < .firstReserved else { continue }
            return Violation(
              "groups-atomic", stage: scene.event.stage, relation: second == .dom0 ? "hardware-domain" : "guest",
              detail:
                "\(holder.sbdf) is \(scene.after.name(of: owner) ?? owner)'s and \(member.sbdf) \(scene.after.name(of: second) ?? second)'s, "
                + "but they share the range at frames \(own.frames)")
          }
        }
      }
    }
    return nil
  }

  static let viewsAgree = Invariant(
    "views-agree", "Where the IOMMU has tables of its own, DMA sees what the CPU sees.", source: "I-12, HV-117, BUG-12",
    reads: [.memory]
  ) { scene in
    for guest in scene.guests
    where guest.domain.dmaTables == .separate && !guest.domain.isDying && guest.domain.crash == nil {
      if let frames = Domain.firstFrameWhereViewsDiffer(guest.domainPlace) {
        return Violation(
          "views-agree", stage: "hypervisor", relation: "differ",
          detail: "\(guest.life.name): p2m and IOMMU table differ at frames \(frames)")
      }
    }
    return nil
  }
}

extension Domain {
  /// Which of `p2m` and `iommu` of the domain that lies at `domain` lacks a 1:1 mapping with the rights `access` of some
  /// frame of `frames`; nil if none does.
  fileprivate static func view(
    of domain: UnsafePointer<Domain>, withoutIdentityOf frames: FrameRange, _ access: PageAccess
  ) -> String? {
    if domain.pointee.isTranslated {
      let mapped = domain.pointee.p2m.allSatisfy(in: frames) {
        $0.direct?.isIdentity == true && $0.direct!.access.contains(access)
      }
      if !mapped { return "p2m" }
    }
    if domain.pointee.dmaTables == .separate {
      let mapped = domain.pointee.dmaTable.allSatisfy(in: frames) {
        if case .direct(0, let rights) = $0 { rights.contains(access) } else { false }
      }
      if !mapped { return "iommu" }
    }
    return nil
  }

  /// The first frames that the CPU sees and devices do not, or differently, or the other way round.
  fileprivate static func firstFrameWhereViewsDiffer(_ domain: UnsafePointer<Domain>) -> FrameRange? {
    guard domain.pointee.isTranslated, domain.pointee.dmaTables == .separate else { return nil }
    let (p2m, dmaTable) = (domain.pointee.p2m, domain.pointee.dmaTable)
    var seen: UInt64 = 0
    for run in p2m.runs {
      switch run.value {
      case .populateOnDemand: continue
      case .ram, .xenPage:
        if !dmaTable.allSatisfy(in: run.frames, { if case .ram = $0 { true } else { false } }) { return run.frames }
      case .direct(let mapping):
        let agrees = dmaTable.allSatisfy(in: run.frames) {
          guard case .direct(let offset, let access) = $0 else { return false }
          return offset == mapping.offset && access == mapping.deviceAccess
        }
        if !agrees { return run.frames }
      }
      seen += run.frames.count
    }
    return seen == dmaTable.frameCount ? nil : dmaTable.runs.first { p2m.firstRun(in: $0.frames) == nil }?.frames
  }
}

extension BlockArray<Device> {
  /// Where the device at `sbdf` stands among devices that ascend by address, nil if it does not.
  func place(of sbdf: SBDF) -> Int? {
    let place = partitionIndex { $0.pointee.sbdf >= sbdf }
    return place < count && self[place].sbdf == sbdf ? place : nil
  }
}

extension [PCIFunction] {
  /// Where the function at `sbdf` stands among functions that ascend by address, the first of two; nil if it does not.
  func place(of sbdf: SBDF) -> Int? {
    let place = partitionIndex { $0.sbdf >= sbdf }
    return place < count && self[place].sbdf == sbdf ? place : nil
  }
}

extension UnsafePointer<Device> {
  /// True if it belongs to a guest.
  fileprivate var isGuests: Bool {
    guard let owner = pointee.owner else { return false }
    return owner != .dom0 && owner < .firstReserved
  }
}

extension Invariant.Scene {
  /// True if `device` is an endpoint that a guest with a p2m has.
  fileprivate func isHolder(_ device: Device) -> Bool {
    guard let owner = device.owner, owner != .dom0, owner < .firstReserved else { return false }
    return device.kind.isEndpoint && domain(owner)?.pointee.isTranslated == true
  }

  /// True if the endpoint at `position` shares a range with one of another owner, and a guest holds one of the two.
  fileprivate func isInBetween(_ position: Int, _ device: Device) -> Bool {
    guard let own = device.owner, own < .firstReserved else { return false }
    for range in reserved.ranges(of: position) {
      for unit in reserved.neighbours(of: range.unit) {
        for index in reserved.members(of: unit) {
          guard devices[index].kind.isEndpoint, let other = devices[index].owner, other != own, other < .firstReserved
          else { continue }
          if isHolder(device) || isHolder(devices[index]) { return true }
        }
      }
    }
    return false
  }
}
