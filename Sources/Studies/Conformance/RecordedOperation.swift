/// One operation of a recorded run: its arguments and what came back. Which fields there are depends on `op`.
struct RecordedOperation: Decodable {
  let op: String
  let domain: String?
  /// A function; 0 where it does not matter.
  let device: FunctionName?
  let rc: Int?
  /// The host died of it.
  let hostCrash: [String]?

  let type: String?
  let iommu: Bool?
  let iommuOpts: UInt32?
  let shareTables: Bool?
  let kib: UInt64?
  let max: UInt32?
  let mib: UInt64?

  let order: UInt8?
  let gfns: [HexNumber]?
  let memFlags: HexNumber?
  let gfn: HexNumber?
  let mfn: HexNumber?
  let firstMfn: HexNumber?
  let count: UInt64?
  let add: Bool?
  let allow: Bool?
  let space: String?
  let idx: HexNumber?
  let foreignDomain: String?
  let foreignGfn: HexNumber?
  let err: Int?

  let flags: UInt32?
  let devType: UInt32?
  let physfn: String?
  let enable: Bool?
  let maxSdevs: UInt32?
  let sdevs: [HexNumber]?

  let nr: UInt32?
  let nrOut: UInt64?
  let entries: [Entry]?
  let crashed: Bool?
  let dying: Bool?
  let totPages: UInt64?
  let exists: Bool?
  let types: [String]?
  let owners: [String: String]?
  let tables: [String: Table]?

  /// A function's address, or the number 0.
  struct FunctionName: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      text = (try? container.decode(String.self)) ?? "00:00.0"
    }
  }

  /// First frame and number of pages of a reported unit.
  struct Entry: Decodable {
    let first: UInt64
    let pages: Int64

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      first = try container.decode(HexNumber.self).value
      pages = try container.decode(Int64.self)
    }
  }

  /// A dumped DMA table.
  enum Table: Decodable {
    case sharesP2M
    case entries([Line])

    /// A frame, `identity` or `ram`, and the permissions where they are told.
    struct Line: Decodable {
      let frame: UInt64
      let isIdentity: Bool
      let permissions: String?

      init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        frame = try container.decode(HexNumber.self).value
        isIdentity = try container.decode(String.self) == "identity"
        permissions = try container.decodeIfPresent(String.self)
      }
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let lines = try? container.decode([Line].self) { self = .entries(lines) } else { self = .sharesP2M }
    }
  }
}
