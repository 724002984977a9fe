/// A whole DMAR table: what tests, fuzzers and tools write and read where boot's structure by structure walk is not
/// the point.
public struct DMARTable: Hashable, Sendable {
  /// Host address width minus 1; 0 makes the table invalid (HV-1).
  public var width: UInt8
  /// Bit 0: interrupt remapping, bit 1: x2APIC opt-out.
  public var flags: UInt8
  /// The structures in table order.
  public var structures: [RemappingStructure]

  /// A table with `structures` for addresses of `width` + 1 bits.
  public init(_ structures: [RemappingStructure], width: UInt8 = 38, flags: UInt8 = 1) {
    self.width = width
    self.flags = flags
    self.structures = structures
  }

  /// Why bytes are no table.
  public enum DecodingError: Error, Hashable, Sendable {
    /// The signature is not `DMAR`.
    case noTable
    /// Xen would reject the table.
    case fault(DMARFault)
  }

  /// Decodes `bytes`, all or nothing. Fields that Xen does not read are lost.
  public init(decoding bytes: [UInt8]) throws(DecodingError) {
    guard var reader = DMARReader(bytes) else { throw .noTable }
    self.init([], width: reader.width, flags: reader.flags)
    do throws(DMARFault) {
      while let entry = try reader.next() {
        if let fault = entry.fault { throw fault }
        structures.append(entry.structure)
      }
    } catch {
      throw .fault(error)
    }
  }

  /// Why a structure has no binary form.
  public enum EncodingError: Error, Hashable, Sendable {
    /// A scope's path has no step, or more than the 124 that its length byte can hold.
    case path(structure: Int)
    /// The structure is longer than 65,535 bytes.
    case length(structure: Int)
    /// `skipped` with the type of a structure that is not skipped.
    case type(structure: Int)
  }

  /// The table as it lies in memory, its checksum right; decoding gives `self` again.
  ///
  /// Skipped structures are encoded with the shortest length of their type and zeroes.
  public func encoded() throws(EncodingError) -> [UInt8] {
    var bytes = Array("DMAR".utf8) + [0, 0, 0, 0, 1, 0] + Array("RDMFUZRDMFUZZ ".utf8)
    bytes.append(littleEndian: 1 as UInt32)
    bytes += Array("RDMF".utf8)
    bytes.append(littleEndian: 1 as UInt32)
    bytes += [width, flags]
    bytes += [UInt8](repeating: 0, count: 10)
    for (index, structure) in structures.enumerated() {
      try DMARTable.append(structure, at: index, to: &bytes)
    }
    guard let length = UInt32(exactly: bytes.count) else { throw .length(structure: structures.count - 1) }
    for index in 0..<4 { bytes[4 + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
    bytes[9] = 0 &- bytes.reduce(0 as UInt8, &+)
    return bytes
  }

  private static func append(
    _ structure: RemappingStructure, at index: Int, to bytes: inout [UInt8]
  ) throws(EncodingError) {
    let start = bytes.count
    let scopes: [DeviceScope]
    switch structure {
    case .drhd(let record):
      bytes += [0, 0, 0, 0, record.includeAll ? 1 : 0, 0]
      bytes.append(littleEndian: record.segment)
      bytes.append(littleEndian: record.registerBase)
      scopes = record.scopes
    case .rmrr(let record):
      bytes += [1, 0, 0, 0, 0, 0]
      bytes.append(littleEndian: record.segment)
      bytes.append(littleEndian: record.base)
      bytes.append(littleEndian: record.end)
      scopes = record.scopes
    case .atsr(let record):
      bytes += [2, 0, 0, 0, record.allPorts ? 1 : 0, 0]
      bytes.append(littleEndian: record.segment)
      scopes = record.scopes
    case .skipped(let type):
      guard type >= 3 else { throw .type(structure: index) }
      bytes.append(littleEndian: type)
      bytes += [UInt8](repeating: 0, count: DMARReader.minimumLength(of: type) - 2)
      scopes = []
    }
    for scope in scopes {
      guard 1...124 ~= scope.path.count else { throw .path(structure: index) }
      bytes += [
        scope.kind.rawValue, UInt8(6 + 2 * scope.path.count), 0, 0, scope.enumerationID, scope.startBus,
      ]
      for hop in scope.path { bytes += [hop.device, hop.function] }
    }
    guard let length = UInt16(exactly: bytes.count - start) else { throw .length(structure: index) }
    bytes[start + 2] = UInt8(truncatingIfNeeded: length)
    bytes[start + 3] = UInt8(truncatingIfNeeded: length >> 8)
  }
}

extension [UInt8] {
  mutating func append(littleEndian value: some FixedWidthInteger) {
    for index in 0..<value.bitWidth / 8 { append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
  }
}
