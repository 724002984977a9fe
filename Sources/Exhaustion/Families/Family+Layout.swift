import Platform
import Toolstack

extension Family {
  /// Where ranges lie to RAM, to the window and to the firmware.
  static let layout = Family(
    name: "layout", summary: "one device with ranges all over the guest's map, guests of 1024 and 4096 MiB"
  ) { bounds in
    var worlds: [World] = []
    for count in 0...min(bounds.devices, 1) {
      let devices = (0..<count).map(address)
      for set in Reservation.sets(places: Place.everywhere.count, devices: count, limit: bounds.ranges) {
        var machine = Machine()
        machine.functions = devices.map { PCIFunction($0) }
        machine.reserve(set, at: Place.everywhere, listed: devices.map { [$0] })
        worlds.append(World(family: "layout", machine: machine, letters: layoutLetters(count), hasTwins: false))
      }
    }
    return worlds
  }

  private static func layoutLetters(_ devices: Int) -> [Letter] {
    var letters: [Letter] = []
    for memory in [1024, 4096] as [UInt64] {
      letters.append(.create(dom1, .host(memory)))
      if devices > 0 {
        letters.append(.create(dom1, .with([address(0)], memory)))
        letters.append(.create(dom1, .with([address(0)], memory, policy: .relaxed)))
      }
    }
    letters.append(.create(dom1, .host(1024) { $0.policy = .relaxed }))
    if devices > 0 { letters.append(.create(dom1, .plain(1024))) }
    letters += [.boot(dom1), .reboot(dom1), .balloon(dom1, 512), .balloon(dom1, 1024), .destroy(dom1)]
    if devices > 0 { letters += [.attach(dom1, 0), .attach(dom1, 0, .relaxed), .detach(dom1, 0)] }
    return letters
  }

  /// Every option of a guest that changes its layout, one by one.
  static let configurations = Family(
    name: "configurations", summary: "each option of a guest by itself, two functions of a slot, ranges at six places"
  ) { bounds in
    let places = [0, 1, 4, 5, 6, 8].map { Place.everywhere[$0] }
    // The functions of one slot, for entries that name all of them.
    let slot = [SBDF(0, 0, 1, 0), SBDF(0, 0, 1, 1)]
    var worlds: [World] = []
    for count in 0...min(bounds.devices, 2) {
      for set in Reservation.sets(places: places.count, devices: min(1, count), limit: bounds.ranges) {
        var machine = Machine()
        machine.functions = slot.prefix(count).map { PCIFunction($0) }
        // The last function has the ranges: it is the one that is easily forgotten.
        machine.reserve(set, at: places, listed: count == 0 ? [] : [[slot[count - 1]]])
        worlds.append(
          World(family: "configurations", machine: machine, letters: configurationLetters(count), hasTwins: false))
      }
    }
    return worlds
  }

  private static func configurationLetters(_ devices: Int) -> [Letter] {
    var configurations: [GuestConfiguration] = [
      .init(1024), .init(4096),
      .init(1024) {
        $0.maxMemoryKiB += 1; $0.targetMemoryKiB += 1
      },
      .init(1024) { $0.acpiFirmwareBytes = 100 }, .init(1024) { $0.acpiFirmwareBytes = 4096 },
      .init(1024) { $0.smbiosFirmwareBytes = 100 }, .init(1024) { $0.targetMemoryKiB = 512 << 10 },
      .host(1024) {
        $0.boundaryKiB = 0; $0.policy = .relaxed
      }, .host(4096) { $0.boundaryKiB = 3 << 20 },
      .host(1024) { $0.mmioHoleKiB = 258 << 10 }, .host(1024) { $0.mmioHoleKiB = 1023 << 10 },
      .host(1024) { $0.hap = false },
      .host(4096) { $0.deviceModel = .traditional }, .init(8),
    ]
    if devices > 0 {
      let first = AssignedDevice(SBDF(0, 0, 1, 0))
      var named = first
      named.byName = true
      var slot = AssignedDevice(SBDF(0, 0, 1, 0), slot: 5)
      slot.allFunctions = true
      for device in [first, named, slot] { configurations.append(.init(1024) { $0.devices = [device] }) }
      for kind in [.disabled, .syncPT, .sharePT] as [GuestConfiguration.Passthrough] {
        configurations.append(
          .init(1024) {
            $0.devices = [first]; $0.passthrough = kind
          })
      }
    }
    return configurations.map { .create(dom1, $0) } + [.boot(dom1), .reboot(dom1), .balloon(dom1, 512), .destroy(dom1)]
  }
}
