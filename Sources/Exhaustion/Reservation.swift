import AddressSpace
import Platform

/// A reserved range of a world: where, and which of the world's devices use it.
struct Reservation: Hashable {
  /// Index of the place among those of the family.
  var place: Int
  /// Bit n: device n uses it; never 0.
  var owners: Int

  /// Its place in the order of reservations.
  private var rank: (Int, Int) { (place, owners) }

  static func precedes(_ left: Reservation, _ right: Reservation) -> Bool { left.rank < right.rank }

  /// Every set of at most `limit` reservations at `places` places by `devices` devices, fewest first, then in order;
  /// of sets that differ by the names of devices only the first. That loses nothing where devices have all else in common:
  /// an address is only looked up and put in order, so whatever happens under one name happens under another.
  static func sets(places: Int, devices: Int, limit: Int) -> [[Reservation]] {
    let permutations = permutations(of: devices)
    return allSets(places: places, devices: devices, limit: limit).filter { set in
      permutations.allSatisfy { !isLess(renamed(set, by: $0), set) }
    }
  }

  /// The same without regard to symmetry.
  static func allSets(places: Int, devices: Int, limit: Int) -> [[Reservation]] {
    if devices == 0 || places == 0 { return [[]] }
    let all = (0..<places).flatMap { place in (1..<1 << devices).map { Reservation(place: place, owners: $0) } }
    var result: [[Reservation]] = [[]]
    var last: [[Int]] = [[]]
    for _ in 0..<limit {
      last = last.flatMap { set in ((set.last ?? -1) + 1..<all.count).map { set + [$0] } }
      result += last.map { $0.map { all[$0] } }
    }
    return result
  }

  /// True if `set` is the same whatever the `devices` are called.
  static func isSymmetric(_ set: [Reservation], devices: Int) -> Bool {
    permutations(of: devices).allSatisfy { renamed(set, by: $0) == set }
  }

  /// `set` with device n called `names[n]`, in order.
  static func renamed(_ set: [Reservation], by names: [Int]) -> [Reservation] {
    set.map { reservation in
      var renamed = Reservation(place: reservation.place, owners: 0)
      for (device, name) in names.enumerated() where reservation.owners >> device & 1 != 0 {
        renamed.owners |= 1 << name
      }
      return renamed
    }.sorted(by: precedes)
  }

  private static func isLess(_ left: [Reservation], _ right: [Reservation]) -> Bool {
    left.lexicographicallyPrecedes(right, by: precedes)
  }

  /// Every order of 0, …, `count` - 1.
  static func permutations(of count: Int) -> [[Int]] {
    if count == 0 { return [[]] }
    return permutations(of: count - 1).flatMap { shorter in
      (0...shorter.count).map { index in
        var longer = shorter
        longer.insert(count - 1, at: index)
        return longer
      }
    }
  }
}

extension Machine {
  /// Adds `set` at `places`: as RMRRs of the table, or as stated units where ranges meet, which no table may say (HV-14).
  ///
  /// `listed` are the functions that a range of device n names; `stated` makes units of all.
  mutating func reserve(_ set: [Reservation], at places: [Place], listed: [[SBDF]], stated: Bool = false) {
    let ranges = set.map { places[$0.place].range }
    let meet =
      stated
      || ranges.indices.contains { index in
        ranges[..<index].contains { $0.overlaps(ranges[index]) }
      }
    var structures: [RemappingStructure] = [.drhd(DRHDRecord(registerBase: 0xFED9_0000, includeAll: true))]
    for (reservation, range) in zip(set, ranges) {
      let owners = listed.indices.filter { reservation.owners >> $0 & 1 != 0 }.flatMap { listed[$0] }
      if meet {
        statedUnits.append(RMRRUnit(base: range.start, end: range.end - 1, devices: owners.map(\.bdf)))
      } else {
        structures.append(
          .rmrr(RMRRRecord(base: range.start, end: range.end - 1, scopes: owners.map { DeviceScope(endpoint: $0) })))
      }
    }
    dmar = .structures(structures)
  }
}
