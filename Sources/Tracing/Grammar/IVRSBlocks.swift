import Platform

// The blocks of AMD's IVRS table.

extension LineCursor {
  /// The rest of `ivhd 0xfeb80000 0000:00:00.2 0000:00:00.3-0000:ff:1f.7 0000:04:00.0=0000:03:00.0`.
  mutating func ivhd() throws(TraceError) -> IVHDRecord {
    try word("an address such as 0xfeb80000")
    let base = try address()
    try word("the IOMMU's own address such as 0000:00:00.2")
    let iommu = try sbdf()
    var record = IVHDRecord(
      segment: iommu.segment, iommu: iommu.bdf, capability: try capability(), registerBase: base, entries: [])
    while try !atEnd() {
      var entry = IVHDRecord.Entry(try bdf(in: iommu.segment))
      if skip(UInt8(ascii: "-")) { entry.last = try bdf(in: iommu.segment) }
      if skip(UInt8(ascii: "=")) { entry.alias = try bdf(in: iommu.segment) }
      record.entries.append(entry)
    }
    return record
  }

  /// The rest of `ivmd 0xad000000-0xaf7fffff unity read write 0000:00:02.0`.
  mutating func ivmd() throws(TraceError) -> IVMDRecord {
    let (start, end) = try inclusive()
    var flags: IVMDRecord.Flags = []
    for flag in IVMDRecord.Flags.named where try has(flag.name) { flags.insert(flag.value) }
    try word("all, a device such as 0000:00:02.0, two such as 0000:00:02.0-0000:00:03.7, or iommu=0000:00:00.2")
    let target: IVMDRecord.Target
    if try has("all") {
      target = .all
    } else if try has("iommu=") {
      let iommu = try bdf(in: 0)
      target = .iommu(iommu, capability: try capability())
    } else {
      let first = try bdf(in: 0)
      target = skip(UInt8(ascii: "-")) ? .devices(first, try bdf(in: 0)) : .device(first)
    }
    return IVMDRecord(start: start, length: end &- start &+ 1, flags: flags, target: target)
  }

  private mutating func capability() throws(TraceError) -> UInt16 {
    try has("cap=") ? try number(UInt16.self, "an offset such as 0x40") : 0x40
  }

  /// An address in `segment`.
  private mutating func bdf(in segment: UInt16) throws(TraceError) -> UInt16 {
    let start = position
    let found = try sbdf()
    guard found.segment == segment else {
      throw expected(segment == 0 ? "a device in segment 0" : "a device in the IOMMU's segment", at: start)
    }
    return found.bdf
  }
}

extension IVMDRecord.Flags {
  /// The flags in the order of the grammar.
  fileprivate static var named: [(name: StaticString, value: IVMDRecord.Flags)] {
    [("unity", .unity), ("read", .read), ("write", .write), ("exclusion", .exclusion)]
  }
}

extension CanonicalText {
  mutating func put(_ ivrs: Machine.IVRS) {
    switch ivrs {
    case .absent: break
    case .bytes(let table):
      if table.isEmpty { put("ivrs bytes\n") }
      putLines("ivrs ", table)
    case .blocks(let blocks):
      if blocks.isEmpty { put("ivrs blocks\n") }
      for block in blocks {
        switch block {
        case .ivhd(let record): put(record)
        case .ivmd(let record): put(record)
        }
        endLine()
      }
    }
  }

  private mutating func put(_ record: IVHDRecord) {
    put("ivhd ")
    put(hex: record.registerBase)
    put(" ")
    put(SBDF(segment: record.segment, bdf: record.iommu))
    put(capability: record.capability)
    for entry in record.entries {
      put(" ")
      put(SBDF(segment: record.segment, bdf: entry.first))
      if let last = entry.last {
        put("-")
        put(SBDF(segment: record.segment, bdf: last))
      }
      if let alias = entry.alias {
        put("=")
        put(SBDF(segment: record.segment, bdf: alias))
      }
    }
  }

  private mutating func put(_ record: IVMDRecord) {
    put("ivmd ")
    put(record.start, record.end)
    for flag in IVMDRecord.Flags.named where record.flags.contains(flag.value) {
      put(" ")
      put(flag.name)
    }
    switch record.target {
    case .all: put(" all")
    case .device(let bdf):
      put(" ")
      put(SBDF(segment: 0, bdf: bdf))
    case .devices(let first, let last):
      put(" ")
      put(SBDF(segment: 0, bdf: first))
      put("-")
      put(SBDF(segment: 0, bdf: last))
    case .iommu(let bdf, let capability):
      put(" iommu=")
      put(SBDF(segment: 0, bdf: bdf))
      put(capability: capability)
    }
  }

  private mutating func put(capability: UInt16) {
    guard capability != 0x40 else { return }
    put(" cap=")
    put(hex: capability)
  }
}
