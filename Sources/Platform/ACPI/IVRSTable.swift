import Editions

/// What is wrong with an IVRS table.
public struct IVRSFault: Error, Hashable, Sendable {
  /// What it is. Only lengths of IVMD blocks have a rule in the specification; the others are read from Xen's source.
  public enum Kind: Hashable, Sendable {
    /// The bytes do not sum to 0.
    case checksum
    /// A block reaches beyond the table.
    case beyondTable
    /// A block of no bytes: Xen never gets past it.
    case emptyBlock
    /// A block is too short for its type (HV-37 for IVMD).
    case blockLength
    /// No block tells of an IOMMU that Xen supports.
    case noHardware
    /// An IVHD block without function, capability or registers.
    case hardware
    /// An entry of an IVHD block is too long for it, of unknown type, a range without end, or an alias out of bounds.
    case entry
  }

  /// What it is.
  public let kind: Kind
  /// Where, in bytes from the start of the table.
  public let offset: Int
}

/// An ACPI IVRS table.
///
/// Xen rejects a table as a whole whatever is wrong with it (HV-41), so it is decoded all or nothing. Memory behind the
/// last byte reads 0; the work is bounded by the size of the input.
public struct IVRSTable: Hashable, Sendable {
  /// Bits of physical addresses, at most 127.
  public var physicalBits: UInt8
  /// Bits of addresses that IOMMUs translate, at most 127.
  public var virtualBits: UInt8
  /// IOMMUs and their memory, in table order. Blocks of other types say nothing to Xen.
  public var blocks: [IVRSBlock]

  /// Bits of an address that all IOMMUs can translate (HV-37).
  public var addressBits: UInt8 { min(physicalBits, virtualBits) }

  /// A table with `blocks`.
  public init(_ blocks: [IVRSBlock], physicalBits: UInt8 = 48, virtualBits: UInt8 = 64) {
    self.blocks = blocks
    self.physicalBits = physicalBits
    self.virtualBits = virtualBits
  }

  /// Why bytes are no table.
  public enum DecodingError: Error, Hashable, Sendable {
    /// The signature is not `IVRS`.
    case noTable
    /// Xen would reject the table.
    case fault(IVRSFault)
  }

  /// Bytes in front of the first block.
  static let headerLength = 48

  /// Decodes `bytes`, all or nothing. Fields that Xen does not read are lost, and so are blocks it passes over.
  public init(decoding bytes: [UInt8]) throws(DecodingError) {
    guard let reader = IVRSReader(bytes) else { throw .noTable }
    self.init([], physicalBits: reader.physicalBits, virtualBits: reader.virtualBits)
    do throws(IVRSFault) {
      blocks = try reader.blocks()
    } catch {
      throw .fault(error)
    }
  }

  /// True if `bytes` bear the table's signature.
  public static func isTable(_ bytes: [UInt8]) -> Bool { bytes.starts(with: Array("IVRS".utf8)) }

  /// Why a table has no binary form.
  public enum EncodingError: Error, Hashable, Sendable {
    /// A block is longer than 65,535 bytes, or the table longer than 2^32.
    case length(block: Int)
    /// Address widths above 127 bits.
    case bits
  }

  /// The table as it lies in memory, its checksum right; decoding gives `self` again if Xen accepts it.
  public func encoded() throws(EncodingError) -> [UInt8] {
    guard physicalBits < 128, virtualBits < 128 else { throw .bits }
    var bytes = Array("IVRS".utf8) + [0, 0, 0, 0, 2, 0] + Array("RDMFUZRDMFUZZ ".utf8)
    bytes.append(littleEndian: 1 as UInt32)
    bytes += Array("RDMF".utf8)
    bytes.append(littleEndian: 1 as UInt32)
    bytes.append(littleEndian: UInt32(physicalBits) << 8 | UInt32(virtualBits) << 15)
    bytes += [UInt8](repeating: 0, count: 8)
    for (index, block) in blocks.enumerated() {
      let start = bytes.count
      switch block {
      case .ivhd(let record): IVRSTable.append(record, to: &bytes)
      case .ivmd(let record): IVRSTable.append(record, to: &bytes)
      }
      guard let length = UInt16(exactly: bytes.count - start) else { throw .length(block: index) }
      bytes[start + 2] = UInt8(truncatingIfNeeded: length)
      bytes[start + 3] = UInt8(truncatingIfNeeded: length >> 8)
    }
    guard let length = UInt32(exactly: bytes.count) else { throw .length(block: blocks.count - 1) }
    for index in 0..<4 { bytes[4 + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
    bytes[9] = 0 &- bytes.reduce(0 as UInt8, &+)
    return bytes
  }

  private static func append(_ record: IVHDRecord, to bytes: inout [UInt8]) {
    let start = bytes.count
    bytes += [0x10, 0, 0, 0]
    bytes.append(littleEndian: record.iommu)
    bytes.append(littleEndian: record.capability)
    bytes.append(littleEndian: record.registerBase)
    bytes.append(littleEndian: record.segment)
    bytes += [0, 0, 0, 0, 0, 0]
    func device(_ type: UInt8, _ bdf: UInt16) {
      bytes.append(type)
      bytes.append(littleEndian: bdf)
      bytes.append(0)
    }
    for entry in record.entries {
      switch (entry.last, entry.alias) {
      case (nil, nil): device(IVRSReader.EntryType.select, entry.first)
      case (_?, nil): device(IVRSReader.EntryType.range, entry.first)
      case (_, let alias?):
        device(entry.last == nil ? IVRSReader.EntryType.alias : IVRSReader.EntryType.aliasRange, entry.first)
        bytes.append(0)
        bytes.append(littleEndian: alias)
        bytes.append(0)
      }
      if let last = entry.last { device(IVRSReader.EntryType.end, last) }
    }
    // Xen wants 40 bytes even of a block whose header has 24; four zeroes are padding.
    while bytes.count - start < IVRSReader.shortestHardware { bytes += [0, 0, 0, 0] }
  }

  private static func append(_ record: IVMDRecord, to bytes: inout [UInt8]) {
    let (type, id, more): (UInt8, UInt16, UInt16) =
      switch record.target {
      case .all: (0x20, 0, 0)
      case .device(let bdf): (0x21, bdf, 0)
      case .devices(let first, let last): (0x22, first, last)
      case .iommu(let bdf, let capability): (0x23, bdf, capability)
      }
    bytes += [type, record.flags.rawValue, 0, 0]
    bytes.append(littleEndian: id)
    bytes.append(littleEndian: more)
    bytes.append(littleEndian: 0 as UInt64)
    bytes.append(littleEndian: record.start)
    bytes.append(littleEndian: record.length)
  }
}
