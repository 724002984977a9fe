import Platform
import Toolstack

extension Family {
  /// Where BARs and moved RAM go.
  static let windows = Family(
    name: "windows", summary: "devices with BARs of nine shapes, ranges around the windows, guests of four sizes"
  ) { bounds in
    var worlds: [World] = []
    for shapes in multisets(of: shapes.count, limit: min(bounds.devices, 2)) where !shapes.isEmpty {
      for set in Reservation.sets(places: Place.aroundWindows.count, devices: 1, limit: bounds.ranges) {
        var machine = Machine()
        machine.functions = shapes.enumerated().map { device, shape in
          var function = PCIFunction(address(device), classCode: shape == 8 ? 0x0680 : 0x0302)
          function.bars = Family.shapes[shape]
          return function
        }
        machine.reserve(set, at: Place.aroundWindows, listed: [[address(0)]])
        worlds.append(
          World(family: "windows", machine: machine, letters: windowLetters(shapes.count), hasTwins: false))
      }
    }
    return worlds
  }

  /// What BARs a device can have.
  private static let shapes: [[BAR]] = [
    [],
    [BAR(0, .m32, size: 256 << 20)],
    [BAR(0, .m64p, size: 256 << 20)],
    [BAR(0, .m64p, size: 2 << 30)],
    [BAR(0, .m32, size: 2 << 30), BAR(1, .m32, size: 4 << 10)],
    [BAR(0, .m32, size: 128 << 20), BAR(2, .m64p, size: 64 << 20, hostAddress: 1 << 38)],
    [BAR(0, .m32, size: 4 << 10, hostAddress: 0xF7A0_0000), BAR(6, .rom, size: 64 << 10, hostAddress: 0xF7B0_0000)],
    [BAR(0, .m32, size: 256, hostAddress: 0xF7A0_0000), BAR(4, .io, size: 64)],
    [BAR(0, .m32, size: 16 << 20)],
  ]

  private static func windowLetters(_ devices: Int) -> [Letter] {
    let all = (0..<devices).map { AssignedDevice(address($0)) }
    let configurations: [GuestConfiguration] = [
      .host(1024) { $0.vga = .none }, .host(1024), .host(4096) { $0.vga = .none }, .host(4096),
      .host(3848) { $0.deviceModel = .traditional }, .host(4872) { $0.deviceModel = .traditional },
      .host(1024) {
        $0.vga = .none; $0.mmioHoleKiB = 258 << 10
      },
      .host(1024) {
        $0.vga = .none; $0.platformBARUncacheable = false
      },
    ]
    var letters = configurations.map { configuration in
      var configuration = configuration
      configuration.devices = all
      return Letter.create(dom1, configuration)
    }
    // The range is of a device that another guest could have.
    if devices > 1 {
      letters.append(
        .create(
          dom1,
          .host(4872) {
            $0.deviceModel = .traditional; $0.devices = [all[1]]
          }))
    }
    return letters + [
      .create(dom1, .host(4096) { $0.vga = .none }), .boot(dom1), .reboot(dom1), .balloon(dom1, 512), .detach(dom1, 0),
      .destroy(dom1),
    ]
  }

  /// Every multiset of at most `limit` of the numbers below `count`, fewest first, each ascending.
  static func multisets(of count: Int, limit: Int) -> [[Int]] {
    var result: [[Int]] = [[]]
    var last: [[Int]] = [[]]
    for _ in 0..<limit {
      last = last.flatMap { set in ((set.last ?? 0)..<count).map { set + [$0] } }
      result += last
    }
    return result
  }
}
