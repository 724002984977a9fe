import Editions
import Storage
import TestSupport
import Testing

@testable import Tracing

/// What reading `text` says, or "read" if nothing is wrong.
private func message(_ text: String) -> String {
  do throws(TraceError) {
    _ = try Trace(parsing: text, name: "x.trace")
    return "read"
  } catch {
    return error.description
  }
}

private let head = "rdmtrace 1\nedition repaired\n"

@Suite("Errors of traces")
struct ErrorTests {
  @Test("a line that is wrong is named with its column, what was expected and what was found")
  func lines() {
    for (line, says) in wrongLines {
      #expect(message(head + line + "\nend 1\n") == "x.trace:3:" + says, "\(line)")
    }
  }

  @Test("a trace that is wrong as a whole")
  func wholes() {
    for (text, says) in wrongTraces { #expect(message(text) == "x.trace:" + says, "\(text)") }
  }

  @Test("a file that is not there keeps its kind, for the exit code")
  func missing() {
    let error = #expect(throws: TraceError.self) { _ = try Trace(path: temporaryFolder() + "/none") }
    #expect(error?.kind == .missing)
    #expect(error?.line == 0)
  }

  @Test("after an error the reader repeats it")
  func repeated() throws {
    var reader = try TraceReader(bytes: Array((head + "boot dom1\nboot\nend 2\n").utf8), name: "x.trace")
    #expect(try reader.next() != nil)
    for _ in 0..<2 {
      do throws(TraceError) {
        _ = try reader.next()
        Issue.record("an error was expected")
      } catch {
        #expect(error.description == #"x.trace:4:5: expected a guest such as dom1, found the end of the line"#)
      }
    }
  }

  @Test("lines, comments and headers have limits")
  func limits() {
    let long = String(repeating: "x", count: TraceReader.lineLimit)
    #expect(message(head + "# " + long).hasSuffix("x.trace: line 3 is longer than 1048576 bytes"))
    let comments = String(repeating: "# " + String(repeating: "x", count: 1 << 16) + "\n", count: 40)
    #expect(message(head + "iommu\n" + comments + "end 1\n").hasPrefix("x.trace:19:1: expected at most 1048576 bytes"))
    let entries = "e820 " + String(repeating: "0x0-0x1000:ram ", count: 60000) + "\n"
    #expect(
      message(head + String(repeating: entries, count: 19) + "end 0\n")
        == "x.trace:21:1: expected a header of at most 16777216 bytes")
  }
}

private let wrongTraces: [(String, String)] = [
  (
    head + "device 0000:00:02.0\ndevice 00:02.0\n",
    #"4:8: expected one device at an address, found another at 0000:00:02.0"#
  ),
  (head + "dmar 00\nskipped 3\n", #"4:1: expected a DMAR table as bytes or as structures, found both"#),
  (head + "ivrs 00\nivmd 0x0-0x1 all\n", #"4:1: expected an IVRS table as bytes or as blocks, found both"#),
  (head + "ivrs blocks\nivrs 00\n", #"4:1: expected an IVRS table as bytes or as blocks, found both"#),
  (head + "ivhd 0x1 0000:00:00.2\nivrs blocks\n", #"4:1: expected an IVRS table as bytes or as blocks, found both"#),
  (head + "atsr all\ndmar 00\n", #"4:1: expected a DMAR table as bytes or as structures, found both"#),
  (head + "atsr all\ndmar structures\n", #"4:1: expected a DMAR table as bytes or as structures, found both"#),
  ("", #"1:1: expected rdmtrace 1, found the end of the file"#),
  ("# nothing\n\n", #"3:1: expected rdmtrace 1, found the end of the file"#),
  ("edition repaired\n", #"1:1: expected rdmtrace 1, found "edition""#),
  ("rdmtrace\n", #"1:9: expected version 1, found the end of the line"#),
  ("rdmtrace 2\n", #"1:10: expected version 1, found "2""#),
  ("rdmtrace x\n", #"1:10: expected version 1, found "x""#),
  ("rdmtrace 1 x\n", #"1:12: expected the end of the line, found "x""#),
  ("rdmtrace 1\n", #"2:1: expected a header line, an event or end, found the end of the file"#),
  ("rdmtrace 1\nboot dom1\n", #"2:1: expected a line such as edition xen-4.17, found "boot""#),
  ("rdmtrace 1\nend 0\n", #"2:1: expected a line such as edition xen-4.17, found "end""#),
  ("rdmtrace 1\nedition\n", #"2:8: expected an edition such as xen-4.17, found the end of the line"#),
  (
    "rdmtrace 1\nedition xen-5\n",
    "2:9: expected \(Edition.Name.allCases.map(\.text).joined(separator: ", ")), found \"xen-5\""
  ),
  ("rdmtrace 1\nedition repaired  -x\n", #"2:19: expected + or - and the name of a quirk, found "-x""#),
  (head, #"3:1: expected a header line, an event or end, found the end of the file"#),
  (head + "boot dom1\n", #"4:1: expected an event or end 1, found the end of the file"#),
  (head + "boot dom1\nend 2\n", #"4:5: expected the count of events, 1, found "2""#),
  (head + "boot dom1\nend\n", #"4:4: expected end 1, found the end of the line"#),
  (head + "boot dom1\nend 1 1\n", #"4:7: expected the end of the line, found "1""#),
  (head + "end 0\nboot dom1\n", #"4:1: expected nothing after the end line, found "boot""#),
  (head + "end 0\n# x\n", #"5:1: expected no comment after the end line, found the end of the file"#),
  (head + "boot dom1\nhost\nend 2\n", #"4:1: expected an event or end, found "host""#),
  (head + "hots memory=1G\n", #"3:1: expected a header line, an event or end, found "hots""#),
  (head + "# a\u{1b}[31m\n", #"3:1: expected a comment without control characters"#),
]

/// A third line and what is said of it, without `x.trace:3:`.
private let wrongLines: [(String, String)] = [
  // The header.
  ("edition repaired", #"1: expected edition once, found it again"#),
  ("host memory=16Q", #"13: expected a size such as 16G, found "16Q""#),
  ("host memory=16777216T", #"13: expected a size such as 16G, found "16777216T""#),
  ("host memory=0x10G", #"13: expected a size such as 16G, found "0x10G""#),
  ("host memory=", #"13: expected a size such as 16G, found the end of the line"#),
  ("host memory=1G,", #"15: expected a blank, found ",""#),
  ("host memory=1G memory=2G", #"16: expected memory= once, found it again"#),
  ("host phys-bits=65", #"16: expected a width from 12 to 64, found "65""#),
  ("host iommu=amd", #"12: expected vt-d, amd-vi, none, found "amd""#),
  ("host tables=one", #"13: expected shared or separate, found "one""#),
  (
    "host disk=1",
    #"6: expected memory=, phys-bits=, iommu=, p2m=, tables=, quarantine=, iommu-required, remapping= or mcfg=, found "disk=1""#
  ),
  ("host remapping=", #"16: expected an address such as 0xfee00000, found the end of the line"#),
  ("host mcfg=2-1", #"11: expected a range that ends after it starts, found "2-1""#),
  ("assumed", #"8: expected what was assumed, such as e820 or bars, found the end of the line"#),
  ("e820", #"5: expected an entry such as 0x0-0x9fc00:ram, found the end of the line"#),
  ("e820 0x0:ram", #"6: expected an entry such as 0x0-0x9fc00:ram, found "0x0:ram""#),
  ("e820 0x0-0x9fc00", #"6: expected an entry such as 0x0-0x9fc00:ram, found "0x0-0x9fc00""#),
  ("e820 0x0-0x9fc00:rom", #"18: expected ram, reserved, acpi, nvs, unusable or a number, found "rom""#),
  ("dmar", #"5: expected the table's bytes, found the end of the line"#),
  ("dmar 444", #"6: expected bytes as pairs of hexadecimal digits, found "444""#),
  ("dmar 44zz", #"6: expected bytes as pairs of hexadecimal digits, found "44zz""#),
  ("dmar 44 45", #"9: expected the end of the line, found "45""#),
  ("ivrs", #"5: expected the table's bytes, found the end of the line"#),
  ("ivrs 44zz", #"6: expected bytes as pairs of hexadecimal digits, found "44zz""#),
  ("ivhd", #"5: expected an address such as 0xfeb80000, found the end of the line"#),
  ("ivhd 0x1", #"9: expected the IOMMU's own address such as 0000:00:00.2, found the end of the line"#),
  ("ivhd 0x1 0000:00:00.2 0001:00:03.0", #"23: expected a device in segment 0, found "0001:00:03.0""#),
  ("ivhd 0x1 0000:00:00.2 00:03.0-", #"31: expected a PCI address such as 0000:00:02.0, found the end of the line"#),
  ("ivhd 0x1 0000:00:00.2 cap=0x10000", #"27: expected an offset such as 0x40 from 0 to 65535, found "0x10000""#),
  ("ivmd 0x1000", #"6: expected first and last byte such as 0xab80a000-0xab81dfff, found "0x1000""#),
  (
    "ivmd 0x1000-0x1fff unity",
    #"25: expected all, a device such as 0000:00:02.0, two such as 0000:00:02.0-0000:00:03.7, or iommu=0000:00:00.2, "#
      + "found the end of the line"
  ),
  ("ivmd 0x1000-0x1fff unity unity all", #"26: expected a PCI address such as 0000:00:02.0, found "unity""#),
  ("ivmd 0x1000-0x1fff 0001:00:02.0", #"20: expected a device in segment 0, found "0001:00:02.0""#),
  ("ivmd 0x1000-0x1fff all 0000:00:02.0", #"24: expected the end of the line, found "0000:00:02.0""#),
  ("drhd", #"5: expected an address such as 0xfed90000, found the end of the line"#),
  ("drhd fed90000", #"6: expected an address such as 0xfee00000, found "fed90000""#),
  ("rmrr 0x1000", #"6: expected first and last byte such as 0xab80a000-0xab81dfff, found "0x1000""#),
  (
    "rmrr 0x1000-0x1fff 0000:00",
    #"20: expected a device such as 0000:00:02.0 or bridge:0000:00:1c.0, found "0000:00""#
  ),
  ("rmrr 0x1000-0x1fff 0000:00:2.0", #"28: expected a device and function such as 1c.0, found "2.0""#),
  ("rmrr 0x1000-0x1fff 0000:00:02.0/", #"33: expected a device and function such as 1c.0, found the end of the line"#),
  (
    "rmrr 0x1000-0x1fff 0000:00:02.0 0001:00:02.0",
    #"33: expected a device in the segment of the first, found "0001:00:02.0""#
  ),
  ("rmrr 0x1000-0x1fff segment=1", #"28: expected a segment such as 0001, found "1""#),
  (
    "rmrr 0x1000-0x1fff segment=0001 0000:00:02.0",
    #"33: expected no device after segment=, found "0000:00:02.0""#
  ),
  (
    "rmrr 0x1000-0x1fff 256:0@0000:00:02.0",
    #"20: expected endpoint, bridge, ioapic, hpet or a number from 0 to 255, found "256:0@0000:00:02.0""#
  ),
  ("rmrr 0x1000-0x1fff ioapic@0000:00:02.0", #"26: expected an id such as :2, found "@0000:00:02.0""#),
  ("skipped 65536", #"9: expected a structure's type from 0 to 65535, found "65536""#),
  ("rmrr-option a b", #"15: expected the end of the line, found "b""#),
  ("rmrr-option a\\y", #"14: expected \xNN after a backslash, found "\y""#),
  ("rmrr-option \\xff", #"13: expected UTF-8, found "\xff""#),
  ("rmrr-option \u{e9}", #"13: expected printable ASCII, or \xNN for other bytes, found "\xc3\xa9""#),
  ("unit 0x1000", #"6: expected first and last byte such as 0xab80a000-0xab81dfff, found "0x1000""#),
  ("device", #"7: expected a PCI address such as 0000:00:02.0, found the end of the line"#),
  ("device 0000:00:20.0", #"8: expected a PCI address such as 0000:00:02.0, found "0000:00:20.0""#),
  ("device 000:00:02.0", #"8: expected a PCI address such as 0000:00:02.0, found "000:00:02.0""#),
  ("device 0000:00:02.0 id=8086", #"28: expected : and a device id, found the end of the line"#),
  ("device 0000:00:02.0 id=86:1", #"24: expected ids such as 8086:1616, found "86:1""#),
  ("device 0000:00:02.0 class=30000", #"27: expected a class such as 0300, found "30000""#),
  (
    "device 0000:00:02.0 kind=usb",
    #"26: expected pcie, pci, pcie-bridge, pcie-to-pci, legacy-bridge, pci-to-pcie, host-bridge, unknown, found "usb""#
  ),
  ("device 0000:00:02.0 pin=5", #"25: expected an interrupt pin from 0 to 4, found "5""#),
  ("device 0000:00:02.0 bar0=m16:1M", #"26: expected io:, m32:, m32p:, m64: or m64p: and a size, found "m16:1M""#),
  ("device 0000:00:02.0 bar0=m32:3M", #"30: expected a power of two, found "3M""#),
  ("device 0000:00:02.0 bar0=m32:0", #"30: expected a power of two, found "0""#),
  ("device 0000:00:02.0 bar0=m32:4K@", #"33: expected an address such as 0xfee00000, found the end of the line"#),
  (
    "device 0000:00:02.0 bar5=m64:1M",
    #"26: expected a BAR of 32 bits, the last has no upper half, found "m64:1M""#
  ),
  (
    "device 0000:00:02.0 bar1=io:8 bar0=m64:1M",
    #"31: expected no BAR in the upper half of a 64-bit one, found bar0 beside bar1"#
  ),
  (
    "device 0000:00:02.0 bar6=m32:1M",
    #"21: expected id=, class=, kind=, pin=, bar0= to bar5=, rom=, buses=, phantom= or vf-of=, found "bar6=m32:1M""#
  ),
  ("device 0000:00:02.0 buses=1", #"28: expected - and the last bus, found the end of the line"#),
  ("device 0000:00:02.0 phantom=3", #"29: expected 0, 1, 2 or 4, found "3""#),
  // Events.
  ("boot", #"5: expected a guest such as dom1, found the end of the line"#),
  ("boot dom0", #"6: expected a guest such as dom1, found "dom0""#),
  ("boot dom_io", #"6: expected a guest such as dom1, found "dom_io""#),
  ("boot dom01", #"6: expected a domain such as dom1, found "dom01""#),
  ("boot dom1 now", #"11: expected the end of the line, found "now""#),
  ("boot dom1 now -> ok", #"11: expected "->", found "now""#),
  ("boot dom1 ->", #"13: expected what was observed, found the end of the line"#),
  ("boot dom1 -> =5", #"14: expected a key before =, found "=5""#),
  ("boot -> ok", #"6: expected a guest such as dom1, found "->""#),
  ("create dom1", #"12: expected memory=, found the end of the line"#),
  ("create dom1 memory=1.5", #"20: expected memory in MiB, or with a suffix such as 512K, found "1.5""#),
  (
    "create dom1 memory=18014398509481984",
    #"20: expected memory in MiB, or with a suffix such as 512K, found "18014398509481984""#
  ),
  ("create dom1 memory=64 hap -hap", #"27: expected hap once, found it again"#),
  ("create dom1 memory=64 policy=lax", #"30: expected strict, relaxed, found "lax""#),
  (
    "create dom1 memory=64 pci=0000:00:02.0,slot=256",
    #"45: expected a slot from 0 to 255, found "256""#
  ),
  (
    "create dom1 memory=64 pci=0000:00:02.0,polcy=strict",
    #"40: expected policy=, slot=, seize, by-name or all-functions, found "polcy=strict""#
  ),
  (
    "create dom1 memory=64 pci=0000:00:02.0,seize,seize",
    #"46: expected seize once, found it again"#
  ),
  ("create dom1 memory=64 pci=0000:00:02.0x", #"39: expected a blank, found "x""#),
  ("attach dom1", #"12: expected a PCI address such as 0000:00:02.0, found the end of the line"#),
  ("detach dom1 0000:00:02.0 -f", #"26: expected the end of the line, found "-f""#),
  ("balloon dom1", #"13: expected memory=, found the end of the line"#),
  ("access dom1 touch 0x0", #"13: expected read, write, execute, found "touch""#),
  ("access dom1 read", #"17: expected an address such as 0xfee00000, found the end of the line"#),
  ("access dom1 read 0x10000000000000000", #"18: expected an address such as 0xfee00000, found "0x10000000000000000""#),
  ("dma 0000:00:02.0 execute 0x0", #"18: expected write or read, found "execute""#),
  ("fault", #"6: expected hypercall=, allocation= or growing-query=, found the end of the line"#),
  ("fault allocation=0", #"18: expected a number from 1 to 18446744073709551615, found "0""#),
  ("fault hypercall=1", #"18: expected errno=, found the end of the line"#),
  ("fault hypercall=1 errno=EWHAT", #"25: expected an error such as ENOMEM, found "EWHAT""#),
  ("p2m dom1 0x5-0x4", #"10: expected frames that end after they start, found "0x5-0x4""#),
  ("p2m dom1 0x5", #"10: expected frames such as 0x0-0x100, found "0x5""#),
  ("units x", #"7: expected a PCI address such as 0000:00:02.0, found "x""#),
  // Hypercalls.
  ("hypercall dom0 mmap", #"16: expected a hypercall such as populate_physmap, found "mmap""#),
  ("hypercall domu", #"11: expected a domain such as dom1, found "domu""#),
  ("hypercall dom0 createdomain dom1", #"33: expected hvm or pv, found the end of the line"#),
  ("hypercall dom0 max_mem dom1 64", #"29: expected kib=, found "64""#),
  ("hypercall dom0 max_mem dom1 kib=", #"33: expected a number, found the end of the line"#),
  (
    "hypercall dom0 max_vcpus dom1 vcpus=4294967296", #"37: expected a number from 0 to 4294967295, found "4294967296""#
  ),
  ("hypercall dom0 populate_physmap dom1", #"37: expected first= or frames=, found the end of the line"#),
  ("hypercall dom0 populate_physmap dom1 frames=1,", #"47: expected a frame number, found the end of the line"#),
  (
    "hypercall dom0 populate_physmap dom1 first=0x0 count=1 per-call=0",
    #"65: expected a number from 1 to 18446744073709551615, found "0""#
  ),
  (
    "hypercall dom0 add_to_physmap dom1 space=gmf index=0 gfn=0",
    #"42: expected shared_info, grant_table, gmfn, gmfn_range, found "gmf""#
  ),
  (
    "hypercall dom0 memory_mapping dom1 gfn=0 mfn=0 count=1 map",
    #"56: expected add or remove, found "map""#
  ),
  ("hypercall dom0 log_dirty dom1 yes", #"31: expected on or off, found "yes""#),
  ("hypercall dom0 pci_device_remove 00:02", #"34: expected a PCI address such as 0000:00:02.0, found "00:02""#),
]
