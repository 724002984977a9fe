import Platform

extension DeviceModel {
  /// The functions of QEMU's i440fx machine for a Xen guest, ascending by devfn.
  static func emulatedFunctions(vga: GuestConfiguration.VGA) -> [GuestFunction] {
    switch vga {
    case .cirrus: withCirrus
    case .stdvga: withStandardVGA
    case .none: withoutVGA
    }
  }

  private static let withCirrus = machine(
    GuestFunction(
      devfn: 0x10, vendor: 0x1013, device: 0x00B8, classCode: 0x0300,
      bars: [BAR(0, .m32p, size: 32 << 20), BAR(1, .m32, size: 4 << 10), BAR(6, .rom, size: 64 << 10)]))

  private static let withStandardVGA = machine(
    GuestFunction(
      devfn: 0x10, vendor: 0x1234, device: 0x1111, classCode: 0x0300,
      bars: [BAR(0, .m32p, size: 16 << 20), BAR(2, .m32, size: 4 << 10), BAR(6, .rom, size: 64 << 10)]))

  private static let withoutVGA = machine(nil)

  private static func machine(_ vga: GuestFunction?) -> [GuestFunction] {
    let chipset = [
      // Host bridge, ISA bridge, IDE, power management.
      GuestFunction(devfn: 0x00, vendor: 0x8086, device: 0x1237, classCode: 0x0600),
      GuestFunction(devfn: 0x08, vendor: 0x8086, device: 0x7000, classCode: 0x0601),
      GuestFunction(
        devfn: 0x09, vendor: 0x8086, device: 0x7010, classCode: 0x0101, bars: [BAR(4, .io, size: 16)]),
      GuestFunction(devfn: 0x0B, vendor: 0x8086, device: 0x7113, classCode: 0x0680, interruptPin: 1),
    ]
    // The Xen platform device.
    let platform = GuestFunction(
      devfn: 0x18, vendor: 0x5853, device: 0x0001, classCode: 0xFF80, interruptPin: 1,
      bars: [BAR(0, .io, size: 256), BAR(1, .m32p, size: 16 << 20)])
    return chipset + (vga.map { [$0] } ?? []) + [platform]
  }
}
