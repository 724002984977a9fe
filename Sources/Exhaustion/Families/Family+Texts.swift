import Platform
import Toolstack
import Tracing

extension Family {
  /// What xl makes of configuration texts.
  static let texts = Family(
    name: "texts", summary: "guests from configuration texts, a device with ranges at two places"
  ) { bounds in
    var worlds: [World] = []
    for count in 0...min(bounds.devices, 1) {
      let devices = (0..<count).map(address)
      for set in Reservation.sets(places: Place.apart.count, devices: count, limit: min(bounds.ranges, 2)) {
        var machine = Machine()
        machine.functions = devices.map { PCIFunction($0) }
        machine.reserve(set, at: Place.apart, listed: devices.map { [$0] })
        worlds.append(World(family: "texts", machine: machine, letters: textLetters(count), hasTwins: false))
      }
    }
    return worlds
  }

  private static func textLetters(_ devices: Int) -> [Letter] {
    var settings = [
      "", "rdm='strategy=host'", "rdm='strategy=host,policy=strict'", "rdm='strategy=host,policy=relaxed'",
      "rdm='policy=strict,strategy=host'", "rdm='strategy=host,policy=bogus'", "rdm='strategy=host,policy=invalid'",
      "rdm='strategy=HOST'", "rdm='type=host,reserve=try'", "rdm_forcecheck=1", "pci=['none']",
    ]
    if devices > 0 {
      settings += [
        "pci=['00:01.0']", "pci=['00:01.0,rdm_policy=relaxed']", "pci=['00:01.0,rdm_policy=strict']",
        "pci=['00:01.*@5']", "rdm='strategy=host,policy=relaxed'\npci=['00:01.0']",
        "rdm='policy=relaxed'\npci=['00:01.0']",
      ]
    }
    return settings.map { setting in
      let text = "name='g'\ntype='hvm'\nmemory=1024\n" + setting + (setting.isEmpty ? "" : "\n")
      return Letter(.config(dom1, text: Array(text.utf8)))
    } + [.boot(dom1), .reboot(dom1), .destroy(dom1)]
  }
}
