import Editions
import Hypervisor
import Sharing
import Simulation

/// Which domain has which devices, by their positions in `Hypervisor.devices`. Those of the hardware domain, of `dom_io` and
/// of nobody are left out: they can be all there are.
struct Holdings: Sendable {
  /// Owner and position of each, ascending.
  private var pairs: [UInt64] = []

  init(of devices: BlockArray<Device>) {
    var position = 0
    for device in devices {
      if let pair = Holdings.pair(device.owner, position) { pairs.append(pair) }
      position += 1
    }
    pairs.sort()
  }

  private static func pair(_ owner: DomainID?, _ position: Int) -> UInt64? {
    guard let owner, owner != .dom0, owner < .firstReserved else { return nil }
    return UInt64(owner.rawValue) << 32 | UInt64(position)
  }

  private func place(of pair: UInt64) -> Int { pairs.partitionIndex { $0 >= pair } }

  /// Calls `body` with the positions of the devices of `owner`, ascending, until it returns true; true if it did.
  @discardableResult
  func contains(of owner: DomainID, where body: (Int) -> Bool) -> Bool {
    var place = place(of: UInt64(owner.rawValue) << 32)
    while place < pairs.count, pairs[place] >> 32 == UInt64(owner.rawValue) {
      if body(Int(pairs[place] & 0xFFFF_FFFF)) { return true }
      place += 1
    }
    return false
  }

  /// Notes that the device at `position` went from one owner to another.
  mutating func move(_ position: Int, from old: DomainID?, to new: DomainID?) {
    if let pair = Holdings.pair(old, position) {
      let place = place(of: pair)
      if place < pairs.count, pairs[place] == pair { pairs.remove(at: place) }
    }
    if let pair = Holdings.pair(new, position) { pairs.insert(pair, at: place(of: pair)) }
  }
}

/// What an event changed about devices, told by what the states of a host before and after it do not share.
struct DeviceChanges {
  /// Positions of the devices that are not as they were, or whose owner is not, ascending; nil if a function came, went or
  /// changed, and so every device is to be looked at.
  var positions: [Int]?
  /// Owners before and after of devices that changed hands.
  var owners: [DomainID] = []

  /// From so many devices on only those are looked at that changed.
  static let many = 64

  /// Everything.
  init() {}

  /// The changes from one state of a host to the next; `holdings` are those of the old state and become those of the new.
  init(from before: Shared<Host>, to after: Shared<Host>, _ holdings: inout Holdings) {
    let (oldFunctions, newFunctions) = (before.value.port.port.functions, after.value.port.port.functions)
    let (oldDevices, newDevices) = (before.value.port.port.devices, after.value.port.port.devices)
    guard oldFunctions.isSame(as: newFunctions), oldDevices.count == newDevices.count else {
      holdings = Holdings(of: newDevices)
      return
    }
    let (oldDomains, newDomains) = (before.value.port.port.domains, after.value.port.port.domains)
    var changed: [Int] = []
    var areTheSame = true
    newDevices.forEachDifference(from: oldDevices) { position, one, other in
      if !one.isFunction(of: other) { areTheSame = false }
      changed.append(position)
      if one.owner == other.owner { return }
      holdings.move(position, from: one.owner, to: other.owner)
      if let owner = one.owner { owners.append(owner) }
      if let owner = other.owner { owners.append(owner) }
    }
    guard areTheSame else {
      holdings = Holdings(of: newDevices)
      return
    }
    if !oldDomains.isSame(as: newDomains) {
      func touch(_ id: DomainID) {
        holdings.contains(of: id) {
          changed.append($0)
          return false
        }
      }
      newDomains.forEachReplaced(since: oldDomains) { place in
        let domain = newDomains.shared(at: place)
        if let known = oldDomains.domain(domain.value.id), known.isSame(as: domain) { return }
        touch(domain.value.id)
      }
      // Those that are gone.
      if oldDomains.count >= newDomains.count {
        oldDomains.forEachReplaced(since: newDomains) { place in
          let id = oldDomains[place].id
          if newDomains.domain(id) == nil { touch(id) }
        }
      }
    }
    changed.sort()
    positions = changed.indices.filter { $0 == 0 || changed[$0] != changed[$0 - 1] }.map { changed[$0] }
  }
}

extension Device {
  /// True if nothing but what becomes of a function tells the two apart.
  func isFunction(of other: Device) -> Bool {
    sbdf == other.sbdf && kind == other.kind && phantomStride == other.phantomStride
  }
}
