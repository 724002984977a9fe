import AddressSpace
import Importing
import Platform
import Storage
import TestSupport
import Testing

@Suite("Tables as text")
struct TableTextTests {
  /// What the host's tables are, and what was not understood, in `text`.
  private func tables(in text: String) throws -> (tables: [[UInt8]], unclear: [Remark]) {
    let facts = try InputFacts(reading: text)
    return (facts.host.tables, facts.unclear)
  }

  @Test("each table comes back byte by byte from acpidump, hexdump -C and xxd, other tables around it")
  func dumps() throws {
    let tables = try CorpusTables.tables.get()
    #expect(tables.count == 230)
    let other = Array("APIC".utf8) + [52, 0, 0, 0] + [UInt8](repeating: 0x44, count: 44)
    for (name, bytes) in tables {
      let text = "acpidump of a machine\n" + TableTexts.dump(other) + TableTexts.dump(bytes) + TableTexts.dump(other)
      for text in [
        text, TableTexts.dump(bytes, heading: false, comments: true), TableTexts.hexdump(bytes), TableTexts.xxd(bytes),
      ] {
        let read = try self.tables(in: text)
        #expect(read.tables == [bytes] && read.unclear.isEmpty, "\(name): \(read.unclear)")
      }
    }
  }

  @Test("each table comes back from a disassembly in all spellings, with the raw data and without")
  func listings() throws {
    for (name, bytes) in try CorpusTables.tables.get() {
      let whole = try DMARTable(decoding: bytes)
      for style in TableTexts.Style.allCases {
        let listing = TableTexts.listing(bytes, style, raw: false)
        let read = try tables(in: listing)
        let table = try #require(read.tables.first, "\(name) \(style)")
        #expect(read.tables.count == 1 && read.unclear.isEmpty, "\(name) \(style): \(read.unclear)")
        #expect(try DMARTable(decoding: table) == whole, "\(name) \(style)")
        // With raw data there are two forms of one table, which say the same.
        let facts = try InputFacts(reading: TableTexts.listing(bytes, style, raw: true))
        let together = Combination([facts])
        #expect(together.host.tables.count == 1 && together.remarks.isEmpty, "\(name) \(style): \(together.remarks)")
        #expect(together.host.tables.first.flatMap { try? DMARTable(decoding: $0) } == whole, "\(name) \(style)")
      }
    }
  }

  @Test("a disassembly as mailing lists have it, quoted and old")
  func quoted() throws {
    let facts = try InputFacts(
      reading: """
        > > [000h 0000  4]                    Signature : "DMAR"    /* DMA Remapping table */
        > > [004h 0004  4]                 Table Length : 00000058
        > > [024h 0036  1]           Host Address Width : 26
        > > [025h 0037  1]                        Flags : 01
        > >
        > > [030h 0048  2]                Subtable Type : 0001 <Reserved Memory Region>
        > > [032h 0050  2]                       Length : 0028
        > > [036h 0054  2]           PCI Segment Number : 0000
        > > [038h 0056  8]                 Base Address : 00000000CF4AF000
        > > [040h 0064  8]          End Address (limit) : 00000000CF4AFFFF
        > > [048h 0072  1]      Device Scope Entry Type : 01
        > > [049h 0073  1]                 Entry Length : 08
        > > [04Dh 0077  1]               PCI Bus Number : 00
        > > [04Eh 0078  2]                     PCI Path : [1D, 00]
        > > [050h 0080  1]      Device Scope Entry Type : 01
        > > [051h 0081  1]                 Entry Length : 08
        > > [056h 0086  2]                     PCI Path : 1A,07
        """)
    let table = try #require(facts.host.tables.first)
    #expect(
      try DMARTable(decoding: table).structures == [
        .rmrr(
          .init(
            base: 0xCF4A_F000, end: 0xCF4A_FFFF,
            scopes: [DeviceScope(endpoint: SBDF(0, 0, 0x1D, 0)), DeviceScope(endpoint: SBDF(0, 0, 0x1A, 7))]))
      ])
  }

  @Test("of a table whose text is cut the whole structures are told, with a remark")
  func cut() throws {
    let (_, bytes) = try #require(try CorpusTables.tables.get().first { $0.bytes.count == 168 })
    let whole = try DMARTable(decoding: bytes).structures
    for lines in 4..<11 {
      let text = TableTexts.dump(bytes).split(separator: "\n").prefix(lines + 1).joined(separator: "\n")
      let facts = try InputFacts(reading: text)
      #expect(facts.host.tables.isEmpty && facts.unclear.count == 1, "\(lines)")
      let told = facts.host.structures.map(\.structure)
      #expect(told == Array(whole.prefix(told.count)) && told.count < whole.count, "\(lines)")
      #expect(!facts.host.structures.contains { !$0.tellsScopes })
    }
  }

  @Test("each table decodes as another program decoded it")
  func decoded() throws {
    let files = try TestInputs.decodedTables.get()
    #expect(files.count == 230)
    for file in files {
      let (_, bytes) = try #require(try CorpusTables.tables.get().first { $0.name == file.file })
      let result = TraceImport().trace(of: [try InputReader().facts(of: bytes, path: file.file)])
      #expect(result.remarks.isEmpty)
      let machine = result.trace.header.machine
      let structures: [RemappingStructure]
      switch machine.dmar {
      case .structures(let all): structures = all
      case .bytes(let table): structures = MachineCheck.structures(of: table)
      case .absent: structures = []
      }
      func text(_ scope: DeviceScope) -> String {
        let kinds: [UInt8: String] = [1: "EP", 2: "BR", 3: "IOAPIC", 4: "HPET", 5: "ACPI"]
        func two(_ value: UInt8) -> String { (value < 16 ? "0" : "") + String(value, radix: 16) }
        let path = scope.path.map { "\(two($0.device)).\($0.function)" }
        return "\(kinds[scope.kind.rawValue] ?? "?") \(two(scope.startBus)):" + path.joined(separator: "/")
      }
      func spelled(_ scope: String) -> String {
        // The other program writes later functions with two digits.
        let parts = scope.split(separator: "/").map(String.init)
        return parts[0]
          + parts.dropFirst().map { part in
            let hop = part.split(separator: ".")
            return "/\(hop[0]).\(UInt8(hop[1], radix: 16).map { String($0) } ?? "")"
          }.joined()
      }
      let ranges = structures.compactMap { if case .rmrr(let record) = $0 { record } else { nil } }
      let expected = file.rmrr.map { "\($0.seg) \($0.base)-\($0.end) \($0.scope.map(spelled))" }
      #expect(
        ranges.map { "\($0.segment) \(hex($0.base))-\(hex($0.end)) \($0.scopes.map(text))" } == expected, "\(file.file)"
      )
      let units = structures.compactMap { if case .drhd(let record) = $0 { record } else { nil } }
      #expect(
        units.map { "\($0.segment) \(hex($0.registerBase)) \($0.includeAll) \($0.scopes.map(text))" }
          == file.drhd.map { "\($0.seg) \($0.base) \($0.flags & 1 == 1) \($0.scope.map(spelled))" }, "\(file.file)")
    }
  }

  @Test("a table alone gives the host that it gives in the corpus")
  func corpus() throws {
    let catalogue = try CorpusTables.catalogue.get()
    let corpus = TableImport(catalogue: catalogue)
    for (name, bytes) in try CorpusTables.tables.get() {
      let result = TraceImport(catalogue: catalogue).trace(of: [try InputReader().facts(of: bytes, path: name)])
      #expect(result.trace.header.machine == (try corpus.trace(of: bytes, named: name).header.machine), "\(name)")
      #expect(result.trace.header.assumed == TableImport.assumed, "\(name)")
    }
  }

  @Test("a folder of tables: DMAR and IVRS count, others are told or passed over")
  func folder() throws {
    let folder = temporaryFolder()
    let (name, bytes) = try #require(try CorpusTables.tables.get().first)
    for (name, bytes) in [
      (name, bytes), ("facp.dat", Array("FACP".utf8) + [40, 0, 0, 0] + [UInt8](repeating: 0, count: 32)),
      ("notes.txt", Array("nothing of interest\n".utf8)),
    ] {
      var file = try AtomicFile(path: "\(folder)/\(name)", gzip: name == "notes.txt")
      try file.write(bytes)
      try file.commit()
    }
    let inputs = try InputReader().facts(at: folder + "/")
    #expect(inputs.map(\.formats) == [["ACPI table"], ["ACPI table"]])
    #expect(Combination(inputs).host.tables == [bytes])
    let error = #expect(throws: ImportError.self) { try InputReader().facts(at: "\(folder)/notes.txt") }
    #expect(
      error?.description
        == "\(folder)/notes.txt: expected an ACPI table, a boot log, a device listing or a guest's configuration, found none of them"
    )
  }
}
