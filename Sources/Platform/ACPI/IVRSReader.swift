/// Walks the bytes of an IVRS table with the checks of all passes that Xen makes over it.
struct IVRSReader {
  /// Types of the entries of an IVHD block.
  enum EntryType {
    static let padding4: UInt8 = 0
    static let select: UInt8 = 2
    static let range: UInt8 = 3
    static let end: UInt8 = 4
    static let padding8: UInt8 = 64
    static let alias: UInt8 = 66
    static let aliasRange: UInt8 = 67
    static let extended: UInt8 = 70
    static let extendedRange: UInt8 = 71
    static let special: UInt8 = 72
  }

  /// Shortest IVHD block, whatever its type.
  static let shortestHardware = 40
  /// Bytes of a block's header: type, flags, length, device.
  private static let blockHeader = 6

  private let bytes: [UInt8]
  /// The length in the header.
  private let end: Int

  /// The table in `bytes`, nil if the signature is not `IVRS`.
  init?(_ bytes: [UInt8]) {
    guard IVRSTable.isTable(bytes) else { return nil }
    self.bytes = bytes
    end = bytes.dropFirst(4).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  private var information: UInt32 { number(at: 36) }
  /// Bits of physical addresses.
  var physicalBits: UInt8 { UInt8(truncatingIfNeeded: information >> 8 & 0x7F) }
  /// Bits of translated addresses.
  var virtualBits: UInt8 { UInt8(truncatingIfNeeded: information >> 15 & 0x7F) }

  /// All IOMMUs and their memory.
  func blocks() throws(IVRSFault) -> [IVRSBlock] {
    // Bytes that the header counts and that are not there read 0.
    guard bytes.prefix(end).reduce(0 as UInt8, &+) == 0 else { throw IVRSFault(kind: .checksum, offset: 9) }
    var places: [(offset: Int, type: UInt8)] = []
    // IVHD blocks of one type only are read: the highest that Xen knows, 0x11 only if the table has its features.
    var hardwareType: UInt8 = 0
    var offset = IVRSTable.headerLength
    while end > offset + IVRSReader.blockHeader {
      let type = byte(at: offset)
      let length = Int(number(at: offset + 2) as UInt16)
      if length == 0 { throw IVRSFault(kind: .emptyBlock, offset: offset) }
      if offset + length > end { throw IVRSFault(kind: .beyondTable, offset: offset) }
      if type == 0x10 || type == 0x11 && information & 1 != 0 { hardwareType = max(hardwareType, type) }
      places.append((offset, type))
      offset += length
    }
    if hardwareType == 0 { throw IVRSFault(kind: .noHardware, offset: IVRSTable.headerLength) }
    var blocks: [IVRSBlock] = []
    for (offset, type) in places {
      switch type {
      case hardwareType: blocks.append(.ivhd(try hardware(at: offset)))
      case 0x20...0x23: blocks.append(.ivmd(try memory(at: offset, type)))
      default: break
      }
    }
    return blocks
  }

  private func memory(at offset: Int, _ type: UInt8) throws(IVRSFault) -> IVMDRecord {
    guard number(at: offset + 2) as UInt16 >= 32 else { throw IVRSFault(kind: .blockLength, offset: offset) }
    let id: UInt16 = number(at: offset + 4)
    let more: UInt16 = number(at: offset + 6)
    let target: IVMDRecord.Target =
      switch type {
      case 0x20: .all
      case 0x21: .device(id)
      case 0x22: .devices(id, more)
      default: .iommu(id, capability: more)
      }
    return IVMDRecord(
      start: number(at: offset + 16), length: number(at: offset + 24),
      flags: IVMDRecord.Flags(rawValue: byte(at: offset + 1)).intersection(.all), target: target)
  }

  private func hardware(at offset: Int) throws(IVRSFault) -> IVHDRecord {
    let length = Int(number(at: offset + 2) as UInt16)
    guard length >= IVRSReader.shortestHardware else { throw IVRSFault(kind: .blockLength, offset: offset) }
    var record = IVHDRecord(
      segment: number(at: offset + 16), iommu: number(at: offset + 4), capability: number(at: offset + 6),
      registerBase: number(at: offset + 8), entries: [])
    if record.iommu == 0 || record.capability == 0 || record.registerBase == 0 {
      throw IVRSFault(kind: .hardware, offset: offset)
    }
    let limit = offset + length
    var cursor = offset + (byte(at: offset) == 0x10 ? 24 : 40)
    while cursor + 4 <= limit {
      let type = byte(at: cursor)
      let size: Int
      switch type {
      case EntryType.padding4, EntryType.select: size = 4
      case EntryType.range, EntryType.padding8, EntryType.alias, EntryType.extended, EntryType.special: size = 8
      case EntryType.aliasRange, EntryType.extendedRange: size = 12
      default: throw IVRSFault(kind: .entry, offset: cursor)
      }
      guard cursor + size <= limit else { throw IVRSFault(kind: .entry, offset: cursor) }
      if type != EntryType.padding4 && type != EntryType.padding8 {
        record.entries.append(try entry(at: cursor, type, size))
      }
      cursor += size
    }
    return record
  }

  private func entry(at offset: Int, _ type: UInt8, _ size: Int) throws(IVRSFault) -> IVHDRecord.Entry {
    if type == EntryType.special { return IVHDRecord.Entry(number(at: offset + 5)) }
    var entry = IVHDRecord.Entry(number(at: offset + 1))
    if type == EntryType.alias || type == EntryType.aliasRange { entry.alias = number(at: offset + 5) }
    if type == EntryType.range || type == EntryType.aliasRange || type == EntryType.extendedRange {
      let last = offset + size - 4
      guard byte(at: last) == EntryType.end else { throw IVRSFault(kind: .entry, offset: last) }
      entry.last = number(at: last + 1)
    }
    return entry
  }

  private func byte(at offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }

  private func number<Value: FixedWidthInteger>(at offset: Int) -> Value {
    var value: Value = 0
    for index in 0..<Value.bitWidth / 8 {
      value |= Value(truncatingIfNeeded: byte(at: offset + index)) << (8 * index)
    }
    return value
  }
}
