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
  public var onlineVCPUs = UInt128.max

  /// A table for the RAM ends given, in frames.
  public init(lowMemoryEnd: UInt32, highMemoryEnd: UInt32, reservedStart: UInt32) {
    self.lowMemoryEnd = lowMemoryEnd
    self.highMemoryEnd = highMemoryEnd
    self.reservedStart = reservedStart
  }

  /// The table as it lies in guest memory; all bytes sum to 0 modulo 256.
  public var bytes: [UInt8] {
    var table = Array("HVM INFO".utf8)
    func append(_ value: UInt32) {
      for shift in stride(from: UInt32(0), to: 32, by: 8) { table.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
    append(UInt32(HVMInfo.length))
    table += [0, apicMode, 0, 0]
    append(vcpus)
    append(lowMemoryEnd)
    append(reservedStart)
    append(highMemoryEnd)
    for shift in stride(from: UInt128(0), to: 128, by: 8) {
      table.append(UInt8(truncatingIfNeeded: onlineVCPUs >> shift))
    }
    table[12] = 0 &- table.reduce(0, &+)
    return table
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
    // "HVM INFO"
    guard read(0) as UInt64 == 0x4F46_4E49_204D_5648 else { throw .signature }
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
