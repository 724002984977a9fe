import AddressSpace
import Platform

/// The emulated host on which boots were recorded.
enum RecordedHost {
  /// Where its one remapping unit is.
  static let registerBase: UInt64 = 0xFED9_0000
  /// Where its configuration space is mapped.
  static let configurationWindow = AddressRange(0xB000_0000, 0xC000_0000)
  /// The emulator's own table: one remapping unit and no reserved range.
  static let table = Machine.DMAR.structures([.drhd(DRHDRecord(registerBase: registerBase, includeAll: true))])

  /// The function it has at `sbdf`: two root ports, one with a bridge to conventional PCI behind it, endpoints else.
  static func function(at sbdf: SBDF) -> PCIFunction {
    switch (sbdf.bus, sbdf.device) {
    case (0, 0): PCIFunction(sbdf, kind: .hostBridge)
    case (0, 9): PCIFunction(sbdf, kind: .pcieBridge, buses: .init(secondary: 1, subordinate: 1))
    case (0, 10): PCIFunction(sbdf, kind: .pcieBridge, buses: .init(secondary: 2, subordinate: 3))
    case (2, 0): PCIFunction(sbdf, kind: .pcieToPCI, buses: .init(secondary: 3, subordinate: 3))
    case (1, _): PCIFunction(sbdf, kind: .pcie)
    default: PCIFunction(sbdf, kind: .pci)
    }
  }

  /// The bytes that `hex` spells, two digits each.
  static func bytes(_ hex: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var high: UInt8?
    for character in hex {
      let digit = UInt8(character.hexDigitValue ?? 0)
      if let first = high { bytes.append(first << 4 | digit) }
      high = high == nil ? digit : nil
    }
    return bytes
  }
}

extension RecordedHost {
  /// The host on which hypercalls were recorded: nested paging of AMD with VT-d, and its functions.
  static var machine: Machine {
    var machine = Machine()
    // It has 1 GiB, but nowhere 2^17 free frames in a row, which a script asks for: memory here is never in pieces.
    machine.memory = 512 << 20
    machine.pageTables = .npt
    machine.dmar = table
    machine.functions = [
      "00:00.0", "00:05.0", "00:06.0", "00:07.0", "00:08.0", "00:09.0", "00:0a.0", "00:1f.0", "00:1f.2", "00:1f.3",
      "01:00.0", "02:00.0", "03:03.0",
    ].compactMap { SBDF($0).map(function) }
    return machine
  }
}
