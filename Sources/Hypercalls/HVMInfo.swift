import AddressSpace

/// `hvm_info_table`: what the domain builder tells hvmloader, 48 bytes at 0x9F800 (`builder.md` 5.5, LD-71).
public struct HVMInfo: Hashable, Sendable {
  /// Bytes of the table.
  public static let length = 48

  /// 1 if MP tables and MADT are built even for one CPU.
  public var apicMode: UInt8 = 1
  /// Number of virtual CPUs.
  public var vcpus: UInt32 = 1
  /// One past the last frame of RAM below 4G.
  public var lowMemoryEnd: UInt32
  /// First frame of the builder's special pages.
  public var reservedStart: UInt32
  /// One past the last frame of RAM above 4G, 0 if there is none.
  public var highMemoryEnd: UInt32
  /// Bit n: CPU n is online.
  public var onlineVCPUs: UInt128 {
    get { UInt128(online.high) << 64 | UInt128(online.low) }
    set { online = HalfMaps(low: UInt64(truncatingIfNeeded: newValue), high: UInt64(newValue >> 64)) }
  }
  // A wide integer would have all that holds a table lie at multiples of 16, which costs the allocator more.
  private var online = HalfMaps(low: .max, high: .max)

  private struct HalfMaps: Hashable {
    var low: UInt64
    var high: UInt64
  }

  /// A table for the RAM ends given, in frames.
  public init(lowMemoryEnd: UInt32, highMemoryEnd: UInt32, reservedStart: UInt32) {
    self.lowMemoryEnd = lowMemoryEnd
    self.highMemoryEnd = highMemoryEnd
    self.reservedStart = reservedStart
  }

  /// `HVM INFO`.
  private static let signature: UInt64 = 0x4F46_4E49_204D_5648

  /// The table as it lies in guest memory; all bytes sum to 0 modulo 256.
  public var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: HVMInfo.length) { table, count in
      count = HVMInfo.length
      let bytes = UnsafeMutableRawBufferPointer(table)
      func put<Word: FixedWidthInteger>(_ value: Word, at offset: Int) {
        bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Word.self)
      }
      put(HVMInfo.signature, at: 0)
      put(UInt32(HVMInfo.length), at: 8)
      put(UInt32(apicMode) << 8, at: 12)
      put(vcpus, at: 16)
      put(lowMemoryEnd, at: 20)
      put(reservedStart, at: 24)
      put(highMemoryEnd, at: 28)
      put(onlineVCPUs, at: 32)
      table[12] = 0 &- table.reduce(0, &+)
    }
  }

  /// Why bytes are no table, in hvmloader's order of checks.
  public enum Defect: String, Error, Sendable {
    /// Not `HVM INFO`.
    case signature
    /// Shorter than 48.
    case length
    /// The bytes do not sum to 0.
    case checksum
  }

  /// Reads a table from guest memory.
  public init(bytes: [UInt8]) throws(Defect) {
    guard bytes.count >= HVMInfo.length else { throw .signature }
    func read<Word: FixedWidthInteger>(_ offset: Int, _ type: Word.Type = Word.self) -> Word {
      Word(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Word.self) })
    }
    guard read(0) == HVMInfo.signature else { throw .signature }
    let length: UInt32 = read(8)
    guard length >= HVMInfo.length else { throw .length }
    guard bytes.count >= Int(length) else { throw .checksum }
    var sum: UInt8 = 0
    for index in 0..<Int(length) { sum &+= bytes[index] }
    guard sum == 0 else { throw .checksum }
    self.init(lowMemoryEnd: read(20), highMemoryEnd: read(28), reservedStart: read(24))
    apicMode = bytes[13]
    vcpus = read(16)
    onlineVCPUs = read(32)
  }
}
