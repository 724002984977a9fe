import Editions

/// What is wrong with a DMAR table, by the rule that rejects it.
public struct DMARFault: Error, Hashable, Sendable {
  /// HV-1 (width 0), HV-2 (structure length) or HV-8 (scope entry length).
  public let rule: Rule
  /// Where the offending field stands, in bytes from the start of the table.
  public let offset: Int

  /// A fault by `rule` at `offset`.
  public init(_ rule: Rule, at offset: Int) {
    self.rule = rule
    self.offset = offset
  }
}

/// Walks a raw ACPI DMAR table as Xen does: one structure after the other, checked only when its turn comes.
///
/// A fault ends the walk after the structures in front of it have been handed out: registration must see those
/// first (HV-4). Neither a structure nor a scope entry is compared with what is left of the table (HV-2); memory
/// behind the last byte reads 0. A structure of zeroes is a fault, so the work is bounded by the size of the input.
public struct DMARReader {
  /// Bytes in front of the first structure.
  public static let headerLength = 48

  private let bytes: [UInt8]
  /// First offset at which no structure starts any more: the length in the header.
  private let end: Int
  private var position = DMARReader.headerLength
  private var finished = false
  /// True if SATC structures are read like the others: their faults count. Xen does so from 4.19 on.
  public var readsSATC = false

  /// A structure and, where its scope entries break off, why.
  public struct Entry: Hashable, Sendable {
    /// The structure, with the scope entries in front of a fault.
    public var structure: RemappingStructure
    /// A faulty scope entry (HV-8): fatal once the checks that come before the scopes have passed.
    public var fault: DMARFault?

    /// A structure without a fault, or with one.
    public init(_ structure: RemappingStructure, fault: DMARFault? = nil) {
      self.structure = structure
      self.fault = fault
    }
  }

  /// The table in `bytes`, nil if the signature is not `DMAR`: ACPI does not find such a table, as dom0
  /// does not find the one that Xen has read and renamed (HV-7).
  public init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: Array("DMAR".utf8)) else { return nil }
    self.bytes = bytes
    end = bytes.dropFirst(4).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// The `width` field: host address width minus 1. 0 is a fault (HV-1).
  public var width: UInt8 { byte(at: 36) }

  /// Bit 0: interrupt remapping, bit 1: x2APIC opt-out.
  public var flags: UInt8 { byte(at: 37) }

  /// True if the bytes that the header counts sum to 0 modulo 256. Xen warns of a wrong sum and goes on.
  public var checksumIsRight: Bool {
    bytes.prefix(end).reduce(0 as UInt8, &+) == 0
  }

  /// The next structure, nil behind the last one or after a fault.
  public mutating func next() throws(DMARFault) -> Entry? {
    guard !finished else { return nil }
    if width == 0 { throw fault(.hv(1), at: 36) }
    guard position < end else {
      finished = true
      return nil
    }
    let start = position
    let type = number(at: start, UInt16.self)
    let length = Int(number(at: start + 2, UInt16.self))
    let minimum = type == 5 && readsSATC ? 8 : DMARReader.minimumLength(of: type)
    guard length >= minimum else { throw fault(.hv(2), at: start + 2) }
    position = start + length
    let segment = number(at: start + 6, UInt16.self)
    switch type {
    case 0:
      var record = DRHDRecord(
        segment: segment, registerBase: number(at: start + 8, UInt64.self),
        includeAll: byte(at: start + 4) & 1 != 0)
      let fault = readScopes(from: start + 16, to: position, into: &record.scopes)
      return Entry(.drhd(record), fault: fault)
    case 1:
      var record = RMRRRecord(
        segment: segment, base: number(at: start + 8, UInt64.self), end: number(at: start + 16, UInt64.self),
        scopes: [])
      let fault = readScopes(from: start + 24, to: position, into: &record.scopes)
      return Entry(.rmrr(record), fault: fault)
    case 2:
      var record = ATSRRecord(segment: segment, allPorts: byte(at: start + 4) & 1 != 0)
      // Nobody looks at the scopes of an ALL_PORTS structure (HV-24): they cannot be at fault.
      let fault = readScopes(from: start + 8, to: position, into: &record.scopes)
      return Entry(.atsr(record), fault: record.allPorts ? nil : fault)
    case 5 where readsSATC:
      // Of no interest but for the faults they bring.
      var scopes: [DeviceScope] = []
      let fault = readScopes(from: start + 8, to: position, into: &scopes)
      return Entry(.skipped(type: type), fault: fault)
    default:
      return Entry(.skipped(type: type))
    }
  }

  /// Shortest legal structure of `type` (HV-2, HV-3).
  static func minimumLength(of type: UInt16) -> Int {
    switch type {
    case 0: 16
    case 1: 24
    case 2: 8
    case 3: 20
    default: 4
    }
  }

  private mutating func fault(_ rule: Rule, at offset: Int) -> DMARFault {
    finished = true
    return DMARFault(rule, at: offset)
  }

  /// Reads the scope entries in `[start, end)`. Entries of every type need 8 bytes (C-6); one that passes `end` is
  /// read all the same and is the last (HV-8).
  private func readScopes(from start: Int, to end: Int, into scopes: inout [DeviceScope]) -> DMARFault? {
    var offset = start
    while offset < end {
      let length = Int(byte(at: offset + 1))
      guard length >= 8 else { return DMARFault(.hv(8), at: offset + 1) }
      var scope = DeviceScope(
        DeviceScope.Kind(rawValue: byte(at: offset)), enumerationID: byte(at: offset + 4),
        startBus: byte(at: offset + 5), path: [])
      // An odd rest byte is ignored (HV-9).
      for hop in 0..<(length - 6) / 2 {
        scope.path.append(.init(byte(at: offset + 6 + 2 * hop), byte(at: offset + 7 + 2 * hop)))
      }
      scopes.append(scope)
      offset += length
    }
    return nil
  }

  private func byte(at offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }

  private func number<Value: FixedWidthInteger>(at offset: Int, _: Value.Type) -> Value {
    var value: Value = 0
    for index in 0..<Value.bitWidth / 8 {
      value |= Value(truncatingIfNeeded: byte(at: offset + index)) << (8 * index)
    }
    return value
  }
}
