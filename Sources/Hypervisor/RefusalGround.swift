import AddressSpace
import Editions
import Hypercalls
import Platform

/// What stands behind the rule by which a device was not assigned: which range, which page, which other device.
public enum RefusalGround: Hashable, Sendable {
  /// The range is listed for `count` devices, and the request is strict (HV-86).
  case sharedRange(RMRRUnit, of: SBDF, count: Int)
  /// These share a reserved page with the device and are the hardware domain's or another guest's (G-4).
  case splitGroup([SBDF])
  /// Another guest reaches pages of the range (G-4).
  case reached(RMRRUnit, by: DomainID)
  /// Something else is at these frames of the range, and the request is strict (HV-108).
  case occupied(RMRRUnit, at: FrameRange, by: P2MEntry)
  /// The domain has a mapping of another range, first and last byte, that overlaps this one (HV-100).
  case overlapped(RMRRUnit, by: ClosedRange<UInt64>)
  /// The domain has the range already, but not all of its pages (HV-107).
  case incomplete(RMRRUnit)
  /// The device has another owner, or none (HV-68).
  case owned(by: DomainID?)
  /// Its requests bear the id of this bridge, as those of its neighbours do (HV-69, D-9).
  case behindBridge(SBDF)
}

extension Hypervisor {
  /// Why `call`, about to be made, will be refused by `rule`; nil where the rule says it all.
  ///
  /// A question after the fact: the state is the one before the call. The answer comes from the code that refuses.
  public func ground(of call: Hypercall, refusedBy rule: Rule?) -> RefusalGround? {
    guard let rule, case .assignDevice(let domain, let sbdf, let flags, _) = call, let device = namedDevice(sbdf) else {
      return nil
    }
    let target = domain == .dom0 ? nil : index(of: domain)
    let strict = flags & Hypervisor.relaxedFlag == 0
    if rule == .hv(68) || rule == .c(14) { return .owned(by: devices[device].owner) }
    if rule == .hv(69) || rule == .d(9) {
      if isAMD { return .behindBridge(requestor(of: sbdf)) }
      if case .bridge(let bridge) = upstreamBridge(of: sbdf) { return .behindBridge(bridge) }
      return nil
    }
    if rule == .hv(86) {
      if target != nil, isGroupSplit(assigning: device, to: domain) {
        let strangers = sharers(of: sbdf).filter { other in
          guard let owner = self.device(other)?.owner else { return false }
          return owner != domain && owner != .io
        }
        return .splitGroup(strangers)
      }
      if strict {
        for function in functions(of: devices[device]) {
          if let unit = sharedUnit(among: mappedUnits(of: device, function)) {
            return .sharedRange(units.units[unit], of: function, count: units.deviceCount(of: unit))
          }
        }
      }
    }
    return target.flatMap { mappingGround(of: device, in: $0, strict: strict, rule) }
  }

  /// Maps the device's ranges on a copy, one after the other, until one is refused by `rule`.
  private func mappingGround(of device: Int, in target: Int, strict: Bool, _ rule: Rule) -> RefusalGround? {
    var trial = self
    var found: RefusalGround?
    for function in functions(of: devices[device]) {
      for unit in trial.mappedUnits(of: device, function) {
        let before = trial
        guard trial.mapIdentity(unit, in: target, strict: strict).refused?.rule == rule else { continue }
        found = before.mappingGround(of: unit, in: target, rule)
        // Where a later range decides, the last one refused is the one (D-1).
        if decisions.unitFailure == .stops || isAMD { return found }
      }
    }
    return found
  }

  private func mappingGround(of unit: Int, in target: Int, _ rule: Rule) -> RefusalGround? {
    let stated = units.units[unit]
    let record = IdentityRecord(stated, access: access(of: unit))
    if rule == .hv(86) {
      var other: DomainID?
      _ = domains.contains { place, domain in
        guard place != 0, place != target, Domain.reaches(record.frames, by: domain) else { return false }
        other = domain.pointee.id
        return true
      }
      return other.map { .reached(stated, by: $0) }
    }
    if rule == .hv(107) { return .incomplete(stated) }
    if rule == .hv(100) {
      let other = domains[target].records.first { record.end >= $0.base && $0.end >= record.base }
      return other.map { .overlapped(stated, by: $0.base...max($0.base, $0.end)) }
    }
    guard rule == .hv(108) else { return nil }
    var trial = self
    guard let (failed, _) = trial.setIdentityPages(of: record, in: target, strict: true) else { return nil }
    let piece = firstPiece(in: target, of: FrameRange(failed, record.frames.end))
    return piece.value.map { .occupied(stated, at: piece.frames, by: $0) }
  }

  /// The function of a device and its phantoms.
  private func functions(of device: Device) -> [SBDF] {
    var found = [device.sbdf]
    while let last = found.last, let next = device.phantom(after: last) { found.append(next) }
    return found
  }

  /// The other devices Xen knows of with a page of a range of `sbdf`, ascending; bridges are none.
  public func sharers(of sbdf: SBDF) -> [SBDF] {
    guard let device = device(sbdf), device.kind.isEndpoint else { return [] }
    let own = functions(of: device).flatMap { units.matching($0) }
    var near: Set<Int> = []
    for unit in own {
      _ = units.contains(sharing: unit) { other in
        near.insert(other)
        return false
      }
    }
    if near.isEmpty { return [] }
    var found: [SBDF] = []
    for other in devices where other.sbdf != sbdf && other.kind.isEndpoint {
      if functions(of: other).contains(where: { units.matching($0).contains(where: near.contains) }) {
        found.append(other.sbdf)
      }
    }
    return found
  }

  /// The units that go with the device at `sbdf` and its phantom functions when it is assigned, in list order.
  public func assignedUnits(of sbdf: SBDF) -> [RMRRUnit] {
    guard let position = deviceIndex(of: sbdf) else { return [] }
    let found = functions(of: devices[position]).flatMap { mappedUnits(of: position, $0) }
    return Set(found).sorted().map { units.units[$0] }
  }

  /// The bridge whose id the requests of `sbdf` bear, nil if they bear its own: what is behind it cannot be told apart.
  public func requestingBridge(of sbdf: SBDF) -> SBDF? {
    if isAMD { return requestor(of: sbdf) == sbdf ? nil : requestor(of: sbdf) }
    if case .bridge(let bridge) = upstreamBridge(of: sbdf) { return bridge }
    return nil
  }
}
