/// What of a guest's physical memory hvmloader can touch: a few areas of RAM and of registers, all other addresses are
/// nothing (LD-79, LD-88).
final class GuestMemory {
  /// One area.
  struct Area {
    /// First byte, on a page.
    let start: UInt32
    /// Bytes, whole pages.
    let size: Int
    /// The bytes.
    let bytes: UnsafeMutableRawPointer

    fileprivate init(_ start: UInt32, _ size: Int) {
      self.start = start
      self.size = size
      bytes = .allocate(byteCount: size, alignment: 4096)
      bytes.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    }
  }

  /// Low RAM with the loader and its modules, the special area, and pages of registers that answer like RAM.
  let areas: [Area] = [
    Area(0, 0x20_0000),
    // ACPI's information page and tables, and the arena behind them.
    Area(0xFC00_0000, 0x20_0000),
    // Holes that are handed out downwards: shared info, OpRegion.
    Area(0xFDF0_0000, 0x10_0000),
    // I/O APIC, HPET, TPM; the local APIC is more than memory.
    Area(0xFEC0_0000, 0x1000), Area(0xFED0_0000, 0x1000), Area(0xFED4_0000, 0x1000),
    // The builder's special pages, with the xenstore ring.
    Area(0xFEFF_0000, 0x1_0000),
  ]

  deinit {
    for area in areas { area.bytes.deallocate() }
  }

  /// Makes every byte zero.
  func clear() {
    for area in areas { area.bytes.initializeMemory(as: UInt8.self, repeating: 0, count: area.size) }
  }

  /// The bytes from `address` on, nil if not all of them are in one area.
  func bytes(at address: UInt32, count: Int) -> UnsafeMutableRawPointer? {
    for area in areas where address >= area.start && count >= 0 {
      let offset = Int(address - area.start)
      if offset + count <= area.size { return area.bytes + offset }
    }
    return nil
  }

  /// The number of 32 bits at `address`, 0 where nothing is.
  func word(_ address: UInt32) -> UInt32 {
    bytes(at: address, count: 4)?.loadUnaligned(as: UInt32.self) ?? 0
  }

  /// The number of 64 bits at `address`.
  func long(_ address: UInt32) -> UInt64 {
    bytes(at: address, count: 8)?.loadUnaligned(as: UInt64.self) ?? 0
  }

  /// The bytes from `address` on up to a zero; nil if there is none among the first `most`.
  func string(at address: UInt32, most: Int) -> [UInt8]? {
    guard let area = areas.first(where: { address >= $0.start && Int(address - $0.start) < $0.size }) else {
      return nil
    }
    let offset = Int(address - area.start)
    let bytes = UnsafeRawBufferPointer(start: area.bytes + offset, count: min(most, area.size - offset))
    guard let end = bytes.firstIndex(of: 0) else { return nil }
    return Array(bytes[..<end])
  }

  /// All of it, area by area.
  var contents: [[UInt8]] {
    areas.map { Array(UnsafeRawBufferPointer(start: $0.bytes, count: $0.size)) }
  }

  /// Writes `number` at `address`; false where nothing is.
  @discardableResult
  func store<Number: FixedWidthInteger>(_ number: Number, at address: UInt32) -> Bool {
    guard let place = bytes(at: address, count: MemoryLayout<Number>.size) else { return false }
    place.storeBytes(of: number.littleEndian, as: Number.self)
    return true
  }

  /// Writes `data` at `address`; false where it does not fit.
  @discardableResult
  func store(_ data: some Collection<UInt8>, at address: UInt32) -> Bool {
    guard let place = bytes(at: address, count: data.count) else { return false }
    UnsafeMutableRawBufferPointer(start: place, count: data.count).copyBytes(from: data)
    return true
  }
}
