import Foundation
import TestSupport
import Testing
import Tracing

@Suite("Import", .enabled(if: Program.isBuilt, "rdmfuzz is not built"))
struct ImportCommandTests {
  private let folder = temporaryFolder()

  private let log = """
    [    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009dfff] usable
    [    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000009a06afff] usable
    [    0.000000] BIOS-e820: [mem 0x000000009a06b000-0x000000009fffffff] reserved
    [    0.121631] DMAR: DRHD base: 0x000000fed91000 flags: 0x1
    [    0.121654] DMAR: RMRR base: 0x0000009b800000 end: 0x0000009fffffff
    [    0.121655] DMAR: RMRR base: 0x0000009a333000 en
    [    0.319879] pci 0000:00:00.0: [8086:9a14] type 00 class 0x060000
    [    0.320019] pci 0000:00:02.0: [8086:9a49] type 00 class 0x030000
    [    0.320027] pci 0000:00:02.0: reg 0x10: [mem 0x6002000000-0x6002ffffff 64bit]

    """

  private func file(_ name: String, _ text: String) throws {
    try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
  }

  @Test("the trace goes to standard output or into a file, notes to standard error; it replays")
  func trace() throws {
    try file("dmesg.log", log)
    let result = try Program.run(["import", "dmesg.log"], in: folder)
    #expect(result.status == 0)
    let trace = try Trace(parsing: result.output)
    #expect(trace.text == result.output && trace.header.machine.functions.count == 2)
    let notes = result.errors.split(separator: "\n")
    #expect(
      notes.first
        == "rdmfuzz: dmesg.log:6: not understood: \"[    0.121655] DMAR: RMRR base: 0x0000009a333000 en\" breaks off")
    #expect(notes.count == 5 && notes.dropFirst().allSatisfy { $0.hasPrefix("rdmfuzz: not told: ") }, "\(notes)")
    for name in ["report.trace", "report.trace.gz"] {
      let written = try Program.run(["import", "dmesg.log", "-o", name], in: folder)
      #expect(written.status == 0 && written.output.isEmpty && written.errors == result.errors)
      #expect(try Trace(path: "\(folder)/\(name)") == trace)
      #expect(try Program.run(["replay", name], in: folder).status == 0)
    }
    let given = try Program.run(
      [
        "import", "dmesg.log", "--assume", "memory=4G", "--assume", "phys-bits=39", "--assume", "edition=xen-4.6",
        "--assume", "devices.0x9b800000=00:02.0",
      ], in: folder)
    #expect(given.errors.split(separator: "\n").count == 2 && given.lines.contains("edition xen-4.6"))
  }

  @Test("errors: 64 for the command line, 65 for what is no input, 66 for nothing there, 70 for no place to write")
  func errors() throws {
    try file("dmesg.log", log)
    try file("prose", "Nothing of interest.\n")
    try FileManager.default.createDirectory(atPath: "\(folder)/empty", withIntermediateDirectories: false)
    let known = "an ACPI table, a boot log, a device listing or a guest's configuration"
    for (words, status, message) in [
      (["prose"], 65, "prose: expected \(known), found none of them"),
      (["empty"], 66, "empty: no files in it"),
      (["dmesg.log", "nosuch"], 66, "nosuch: No such file or directory"),
      (["dmesg.log", "--assume", "memory"], 64, "expected an assumption KEY=VALUE, found \"memory\""),
    ] as [([String], Int32, String)] {
      let result = try Program.run(["import"] + words, in: folder)
      #expect(result.status == status && result.output.isEmpty, "\(words)")
      #expect(result.errors == "rdmfuzz: \(message)\n", "\(words)")
    }
    let unwritable = try Program.run(["import", "dmesg.log", "-o", "nowhere/report.trace"], in: folder)
    #expect(unwritable.status == 70)
    #expect(
      unwritable.errors.hasSuffix("rdmfuzz: nowhere/report.trace: cannot be written: No such file or directory\n"))
  }

  @Test("--this-machine says what is not there")
  func thisMachine() throws {
    let result = try Program.run(["import", "--this-machine", "--root", folder], in: folder)
    #expect(result.status == 0)
    #expect(result.errors.contains("rdmfuzz: /sys/firmware/acpi/tables: not there: no ACPI tables are shown\n"))
    #expect(result.lines.first == "# title: this machine")
  }
}
