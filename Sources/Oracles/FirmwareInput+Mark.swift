import Firmware

extension FirmwareInput {
  /// A number that is the same for equal inputs, in whatever process.
  var mark: UInt64 {
    var bits: UInt64 = 0xCBF2_9CE4_8422_2325
    func mix(_ value: UInt64) {
      bits = (bits ^ value) &* 0x100_0000_01B3
      bits ^= bits >> 32
    }
    for byte in hvmInfo { mix(UInt64(byte)) }
    mix(UInt64(physicalBits))
    for function in functions {
      mix(UInt64(function.devfn) << 48 | UInt64(function.vendor) << 32 | UInt64(function.device) << 16)
      for bar in function.bars { mix(bar.size &+ UInt64(bar.index)) }
    }
    for key in [keys.bios, keys.allowMemoryRelocate, keys.mmioHoleSize, keys.acpi] {
      for byte in (key ?? "").utf8 { mix(UInt64(byte)) }
    }
    return bits ^ bits >> 29
  }
}
