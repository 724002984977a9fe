import Platform

/// What QEMU's devices look like to hvmloader: logs tell registers, not ids.
enum EmulatedDevices {
  /// Ids and class of a device, told by its registers.
  struct Identity {
    let vendor: UInt16
    let device: UInt16
    let classCode: UInt16
  }

  /// A register without its address.
  private struct Shape: Equatable {
    let index: UInt8
    let isIO: Bool
    let size: UInt64

    init(_ index: UInt8, _ size: UInt64, io: Bool = false) {
      self.index = index
      self.size = size
      isIO = io
    }
  }

  private static let kib: UInt64 = 1 << 10
  private static let mib: UInt64 = 1 << 20

  private static let known: [(shapes: [Shape], isAnywhere: Bool, identity: Identity)] = [
    // Xen's platform device.
    (
      [Shape(0, 256, io: true), Shape(1, 16 * mib)], true,
      Identity(vendor: 0x5853, device: 0x0001, classCode: 0xFF80)
    ),
    // Cirrus 5446 and the standard VGA.
    (
      [Shape(0, 32 * mib), Shape(1, 4 * kib), Shape(6, 64 * kib)], true,
      Identity(vendor: 0x1013, device: 0x00B8, classCode: 0x0300)
    ),
    (
      [Shape(0, 16 * mib), Shape(2, 4 * kib), Shape(6, 64 * kib)], true,
      Identity(vendor: 0x1234, device: 0x1111, classCode: 0x0300)
    ),
    // Network: e1000, rtl8139 with and without ROM.
    (
      [Shape(0, 128 * kib), Shape(1, 64, io: true), Shape(6, 256 * kib)], true,
      Identity(vendor: 0x8086, device: 0x100E, classCode: 0x0200)
    ),
    (
      [Shape(0, 256, io: true), Shape(1, 256), Shape(6, 256 * kib)], true,
      Identity(vendor: 0x10EC, device: 0x8139, classCode: 0x0200)
    ),
    (
      [Shape(0, 256, io: true), Shape(1, 256)], false, Identity(vendor: 0x10EC, device: 0x8139, classCode: 0x0200)
    ),
    // LSI 53c895a.
    (
      [Shape(0, 256, io: true), Shape(1, kib), Shape(2, 8 * kib)], true,
      Identity(vendor: 0x1000, device: 0x0012, classCode: 0x0100)
    ),
  ]

  /// The device with exactly `bars`, nil if it is none of QEMU's usual ones.
  ///
  /// A card that is passed through may have a few small registers by chance: those count only below slot 5.
  static func identity(of bars: [BAR], at devfn: UInt8, pin: UInt8) -> Identity? {
    switch devfn {
    case 0x00: return Identity(vendor: 0x8086, device: 0x1237, classCode: 0x0600)
    case 0x08: return Identity(vendor: 0x8086, device: 0x7000, classCode: 0x0601)
    case 0x09: return Identity(vendor: 0x8086, device: 0x7010, classCode: 0x0101)
    case 0x0A: return Identity(vendor: 0x8086, device: 0x7020, classCode: 0x0C03)
    case 0x0B: return Identity(vendor: 0x8086, device: 0x7113, classCode: 0x0680)
    default: break
    }
    let shapes = bars.map { Shape($0.index, $0.size, io: $0.kind == .io) }
    if let found = known.first(where: { $0.shapes == shapes && ($0.isAnywhere || devfn < 0x28) }) {
      return found.identity
    }
    // The EHCI controller has INTD, which a passed-through function 0 has not.
    if shapes == [Shape(0, 4 * kib)], pin == 4 { return Identity(vendor: 0x8086, device: 0x24CD, classCode: 0x0C03) }
    return nil
  }
}
