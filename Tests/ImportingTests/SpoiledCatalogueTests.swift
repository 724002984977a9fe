import Importing
import TestSupport
import Testing

@Suite("Catalogues that are broken")
struct SpoiledCatalogueTests {
  private static let count = SpoiledInputs.count(usually: 20_000)

  private static func text(_ rows: [String]) -> [UInt8] { Array((rows.joined(separator: "\n") + "\n").utf8) }

  @Test("spoiled catalogues of registers are read or refused with file and line; what is read has legal registers")
  func registers() {
    let names = "class\tvendor:device\tclass_code\tbars(reg:kind,size,width,pref)"
    let rows = [
      "VGA\t8086:1616\t030000\t10:mem,16M,64bit; 18:mem,256M,64bit,pref; 20:io,64", "# a comment", "",
      "USB\t8086:1d26\t0c0320\t10:mem,1K,32bit; 14:mem,8M,32bit,pref; 30:mem,128K,32bit,pref",
      "USB\t1b21:1142\t0c0330\t10:mem,2G,32bit; 24:mem,4K,32bit",
    ]
    var spoiler = Spoiler(
      seed: 1,
      samples: [Self.text([names] + rows), Self.text([names, rows[0]]), Self.text([names, rows[3], rows[4]])],
      tokens: ["\t", "\n", ":", ";", "; ", ",", "1048576G", "1G", "64bit", "pref", "mem,", "io,", "30:", "24:", "#"])
    spoiler.limit = 4_000
    var read = 0
    for round in 0..<Self.count {
      spoiler.start = round % 8 == 0 ? 0 : names.utf8.count + 1
      let bytes = spoiler.next()
      do throws(ImportError) {
        let catalogue = try BARCatalogue(bytes: bytes, name: "spoiled")
        read += 1
        for device in catalogue.devices(ofClass: 0x0300) + catalogue.devices(ofClass: 0x0C03) {
          for bar in device.bars where bar.index > 6 || bar.size.nonzeroBitCount != 1 {
            Issue.record("round \(round): \(bar)")
          }
        }
      } catch {
        if error.kind != .malformed { Issue.record("round \(round): \(error)") }
      }
    }
    #expect(read > Self.count / 100)
  }

  @Test("spoiled lists of sources are read or refused")
  func sources() {
    let rows = [
      "file\tkind\tvendor\tmodel\tsource\tpath", "a.bin\tNotebook\tLenovo\tX1\tlinuxhw/ACPI\tNotebook/a",
      "b.bin\tServer\tDell\tR740\tlinuxhw/ACPI\tServer/b",
    ]
    var spoiler = Spoiler(seed: 2, samples: [Self.text(rows)], tokens: ["\t", "\n", "#", "a.bin", "\u{0}"])
    spoiler.limit = 4_000
    var read = 0
    for round in 0..<Self.count {
      spoiler.start = round % 4 == 0 ? 0 : rows[0].utf8.count + 1
      do throws(ImportError) {
        _ = try TableSources(bytes: spoiler.next(), name: "spoiled")
        read += 1
      } catch {
        if error.kind != .malformed { Issue.record("round \(round): \(error)") }
      }
    }
    #expect(read > Self.count / 100)
  }
}
