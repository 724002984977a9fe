import Platform
import Toolstack

extension Family {
  /// Who holds what, and who may have what at the same time.
  static let sharing = Family(
    name: "sharing", summary: "two equal devices, ranges that meet in every way, two small guests"
  ) { sharingWorlds($0) }

  /// Its worlds; without reduction those that differ by the names of devices, too.
  static func sharingWorlds(_ bounds: Bounds, isReduced: Bool = true) -> [World] {
    var worlds: [World] = []
    for count in 1...max(1, min(bounds.devices, 2)) where count <= bounds.devices {
      let devices = (0..<count).map(address)
      let sets = isReduced ? Reservation.sets : Reservation.allSets
      for set in sets(Place.related.count, count, bounds.ranges) {
        var machine = Machine()
        machine.functions = devices.map { PCIFunction($0, bars: [BAR(0, .m32, size: 4096, hostAddress: 0)]) }
        for device in 0..<count { machine.functions[device].bars[0].hostAddress = 0xF7A0_0000 + UInt64(device) << 12 }
        machine.reserve(set, at: Place.related, listed: devices.map { [$0] })
        var world = World(
          family: "sharing", machine: machine, letters: sharingLetters(count),
          hasTwins: count > 1 && Reservation.isSymmetric(set, devices: count))
        world.isReduced = isReduced
        worlds.append(world)
      }
    }
    return worlds
  }

  private static func sharingLetters(_ devices: Int) -> [Letter] {
    var letters = (0..<devices).map { Letter(.assignableAdd(address($0)), device: $0) }
    for name in [dom1, dom2] {
      letters.append(.create(name, .plain(64)))
      for device in 0..<devices {
        letters.append(.create(name, .with([address(device)], 64), device: device))
        letters.append(.create(name, .with([address(device)], 64, policy: .relaxed), device: device))
      }
      if devices > 1 {
        letters.append(.create(name, .with([address(0), address(1)], 64), device: 0))
        letters.append(
          .create(
            name,
            .init(64) { $0.devices = [AssignedDevice(address(0)), AssignedDevice(address(1), policy: .relaxed)] },
            device: 0))
      }
      for device in 0..<devices {
        letters += [.attach(name, device), .attach(name, device, .relaxed), .detach(name, device)]
      }
      letters += [.reboot(name), .destroy(name)]
    }
    return letters
  }
}
