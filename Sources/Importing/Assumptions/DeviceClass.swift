import Platform

/// What kind of device is assumed at a place.
struct DeviceClass: Hashable {
  /// Base class << 8 | subclass.
  let code: UInt16
  /// The programming interface, if the place tells it.
  let interface: UInt8?

  init(_ code: UInt16, interface: UInt8? = nil) {
    self.code = code
    self.interface = interface
  }

  /// What devices with reserved ranges behind bridges are: storage, network, USB, graphics.
  private static let elsewhere: [DeviceClass] = [
    .init(0x0104), .init(0x0106), .init(0x0107), .init(0x0108), .init(0x0200), .init(0x0200), .init(0x0300),
    .init(0x0C03),
  ]

  /// The device at `sbdf` of a machine whose table names `named`: by Intel's customary places on bus 0; elsewhere by draw
  /// if it has a reserved range, a DMA engine if not.
  init(at sbdf: SBDF, hasRange: Bool, named: Set<SBDF>, _ draws: inout Draws) {
    let isOnBoard = sbdf.segment == 0 && sbdf.bus == 0
    switch (isOnBoard ? sbdf.device : .max, sbdf.function) {
    case (0x02, 0): self.init(0x0300)
    case (0x02, _): self.init(0x0380)
    case (0x0D, _), (0x14, _), (0x15, _): self.init(0x0C03, interface: 0x30)
    case (0x1A, 7), (0x1D, 7): self.init(0x0C03, interface: 0x20)
    case (0x1A, _), (0x1D, _):
      // Companions of an EHCI controller are UHCI; without any it stands at function 0 itself.
      let hasCompanion = named.contains(SBDF(0, 0, sbdf.device, 7))
      self.init(0x0C03, interface: hasCompanion ? 0x00 : 0x20)
    case (0x16, _): self.init(0x0780)
    case (0x1B, 0), (0x1F, 3): self.init(0x0403)
    case (0x1F, 2): self.init(0x0106)
    case (0x1F, 5): self.init(0x0101)
    default: self = hasRange ? draws.pick(DeviceClass.elsewhere) : DeviceClass(0x0880)
    }
  }
}
