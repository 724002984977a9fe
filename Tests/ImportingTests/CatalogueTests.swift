import Importing
import Platform
import Testing

@Suite("Catalogues with tabs")
struct CatalogueTests {
  private let names = "class\tvendor:device\tclass_code\tbars(reg:kind,size,width,pref)"

  private func catalogue(_ rows: String...) throws -> BARCatalogue {
    let text = ([names] + rows).map { $0 + "\n" }.joined()
    return try BARCatalogue(bytes: Array(text.utf8), name: "bars.tsv")
  }

  @Test("registers of all kinds, classes and interfaces")
  func devices() throws {
    let catalogue = try catalogue(
      "VGA\t8086:1616\t030000\t10:mem,16M,64bit; 18:mem,256M,64bit,pref; 20:io,64", "# a comment", "",
      "USB\t8086:9cb1\t0c0330\t10:mem,64K,64bit",
      "USB\t8086:1d26\t0c0320\t10:mem,1K,32bit; 14:mem,8M,32bit,pref; 30:mem,128K,32bit,pref",
      "USB\t1b21:1142\t0c0330\t10:mem,2G,32bit; 24:mem,4K,32bit")
    #expect(catalogue.count == 4)
    let graphics = try #require(catalogue.devices(ofClass: 0x0300).first)
    #expect(graphics.vendor == 0x8086 && graphics.device == 0x1616 && graphics.classCode == 0x03_0000)
    #expect(
      graphics.bars == [
        BAR(0, .m64, size: 16 << 20), BAR(2, .m64p, size: 256 << 20), BAR(4, .io, size: 64),
      ])
    #expect(catalogue.devices(ofClass: 0x0C03).map(\.device) == [0x1D26, 0x9CB1, 0x1142])
    #expect(catalogue.devices(ofClass: 0x0C03, interface: 0x30).map(\.device) == [0x9CB1, 0x1142])
    #expect(
      catalogue.devices(ofClass: 0x0C03, interface: 0x20).first?.bars
        == [BAR(0, .m32, size: 1024), BAR(1, .m32p, size: 8 << 20), BAR(6, .rom, size: 128 << 10)])
    #expect(catalogue.devices(ofClass: 0x0C03, interface: 0x00).isEmpty)
    #expect(catalogue.devices(ofClass: 0x0C02).isEmpty && catalogue.devices(ofClass: 0xFFFF).isEmpty)
  }

  @Test(
    "each mistake is told with file and line",
    arguments: [
      ("8086\t030000\t10:io,64", #"expected vendor and device such as 8086:1616, found "8086""#),
      ("8086:16161\t030000\t10:io,64", #"expected vendor and device such as 8086:1616, found "8086:16161""#),
      ("8086:+161\t030000\t10:io,64", #"expected vendor and device such as 8086:1616, found "8086:+161""#),
      ("8086:1616\t0300\t10:io,64", #"expected a class code such as 030000, found "0300""#),
      ("8086:1616\t030000\t", #"expected a register from 10 to 24 or 30, and what it decodes, found """#),
      (
        "8086:1616\t030000\t11:io,64",
        #"expected a register from 10 to 24 or 30, and what it decodes, found "11:io,64""#
      ),
      (
        "8086:1616\t030000\t28:io,64",
        #"expected a register from 10 to 24 or 30, and what it decodes, found "28:io,64""#
      ),
      ("8086:1616\t030000\t10:io,64;", #"expected a register from 10 to 24 or 30, and what it decodes, found """#),
      (
        "8086:1616\t030000\t10:io,64,32bit",
        #"expected io,64 or mem,16M,32bit or mem,256M,64bit,pref, found "io,64,32bit""#
      ),
      ("8086:1616\t030000\t10:mem,4K", #"expected io,64 or mem,16M,32bit or mem,256M,64bit,pref, found "mem,4K""#),
      (
        "8086:1616\t030000\t10:mem,4K,pref",
        #"expected io,64 or mem,16M,32bit or mem,256M,64bit,pref, found "mem,4K,pref""#
      ),
      ("8086:1616\t030000\t10:io", #"expected a size such as 16M that is a power of two, found "io""#),
      ("8086:1616\t030000\t10:io,2", #"expected a size such as 16M that is a power of two, found "io,2""#),
      ("8086:1616\t030000\t10:io,K", #"expected a size such as 16M that is a power of two, found "io,K""#),
      (
        "8086:1616\t030000\t10:mem,+4K,32bit",
        #"expected a size such as 16M that is a power of two, found "mem,+4K,32bit""#
      ),
      (
        "8086:1616\t030000\t10:mem,3K,32bit",
        #"expected a size such as 16M that is a power of two, found "mem,3K,32bit""#
      ),
      (
        "8086:1616\t030000\t10:mem,99999999999G,64bit",
        #"expected a size such as 16M that is a power of two, found "mem,99999999999G,64bit""#
      ),
      ("8086:1616\t030000\t10:mem,4G,32bit", #"expected at most 2G in 32 bits, found "10:mem,4G,32bit""#),
      ("8086:1616\t030000\t24:mem,4K,64bit", #"expected a register that has an upper half, found "24:mem,4K,64bit""#),
      ("8086:1616\t030000\t30:mem,4K,64bit", #"expected 32 bits of memory for a ROM, found "30:mem,4K,64bit""#),
      ("8086:1616\t030000\t30:io,64", #"expected 32 bits of memory for a ROM, found "30:io,64""#),
      (
        "8086:1616\t030000\t10:mem,4K,64bit; 14:io,64",
        #"expected registers in order, none in the half of another, found "10:mem,4K,64bit; 14:io,64""#
      ),
      (
        "8086:1616\t030000\t14:io,64; 10:io,64",
        #"expected registers in order, none in the half of another, found "14:io,64; 10:io,64""#
      ),
      ("8086:1616\t030000", "expected 4 columns, found 3"),
      ("8086:1616\t03\u{1B}[1m\t10:io,64", #"expected a class code such as 030000, found "03?[1m""#),
    ])
  func mistakes(row: String, message: String) throws {
    let error = #expect(throws: ImportError.self) {
      try catalogue("GOOD\t8086:1616\t030000\t10:io,64", "BAD\t" + row)
    }
    #expect(error?.description == "bars.tsv:3: " + message)
    #expect(error?.line == 3 && error?.kind == .malformed)
  }

  @Test("columns may stand anywhere but must be there; a catalogue must not be empty")
  func columns() throws {
    let text = "bars(reg:kind,size,width,pref)\tclass_code\tvendor:device\n20:io,32\t0c0300\t8086:2934\n"
    #expect(try BARCatalogue(bytes: Array(text.utf8), name: "x").devices(ofClass: 0x0C03).count == 1)
    for (text, message) in [
      ("", "x: expected a line that names the columns, found none"),
      ("vendor:device\n", #"x:1: expected a column class_code, found "vendor:device""#),
      (names + "\n", "x:1: expected at least one device"),
      ("\u{FF}", #"x:1: expected a column vendor:device, found "?""#),
    ] {
      let error = #expect(throws: ImportError.self) { try BARCatalogue(bytes: Array(text.utf8), name: "x") }
      #expect(error?.description == message)
    }
    let error = #expect(throws: ImportError.self) { try BARCatalogue(bytes: [0xFF, 0x0A], name: "x") }
    #expect(error?.description == "x:1: expected text in UTF-8")
    let missing = #expect(throws: ImportError.self) { try BARCatalogue(path: "/nowhere/bars.tsv") }
    #expect(missing?.kind == .missing && missing?.line == 0)
  }

  @Test("the committed catalogue and sources are complete")
  func committed() throws {
    #expect(try CorpusTables.catalogue.get().count == 723)
    let sources = try CorpusTables.sources.get()
    #expect(sources.count == 230)
    #expect(try CorpusTables.tables.get().allSatisfy { sources[$0.name] != nil })
    #expect(sources["none.bin"] == nil)
  }

  @Test("a file has one source")
  func sources() throws {
    let row = "a.bin\tDesktop\tIntel\tDX58SO2\tlinuxhw/ACPI\tDesktop/a.bin\n"
    let names = "file\tkind\tvendor\tmodel\tsource\tpath\n"
    let sources = try TableSources(bytes: Array((names + row).utf8), name: "summary.tsv")
    #expect(sources["a.bin"]?.collection == "linuxhw/ACPI")
    let error = #expect(throws: ImportError.self) {
      try TableSources(bytes: Array((names + row + row).utf8), name: "summary.tsv")
    }
    #expect(error?.description == #"summary.tsv:3: expected each file once, found "a.bin" again"#)
  }
}
