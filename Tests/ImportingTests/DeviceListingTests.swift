import Importing
import Platform
import Testing

@Suite("Listings of lspci")
struct DeviceListingTests {
  /// Of a notebook, from a public forum; shortened.
  private let verbose = """
    $ sudo lspci -vvnn
    00:00.0 Host bridge [0600]: Intel Corporation 3rd Gen Core processor DRAM Controller [8086:0154] (rev 09)
    \tSubsystem: Hewlett-Packard Company 3rd Gen Core processor DRAM Controller [103c:17ab]
    \tControl: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-
    \tCapabilities: [e0] Vendor Specific Information: Len=0c <?>

    00:02.0 VGA compatible controller [0300]: Intel Corporation 3rd Gen Core processor Graphics Controller [8086:0166] (rev 09) (prog-if 00 [VGA controller])
    \tDeviceName: 64
    \tSubsystem: Hewlett-Packard Company 3rd Gen Core processor Graphics Controller [103c:17ab]
    \tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
    \tInterrupt: pin A routed to IRQ 31
    \tRegion 0: Memory at d4000000 (64-bit, non-prefetchable) [size=4M]
    \tRegion 2: Memory at c0000000 (64-bit, prefetchable) [size=256M]
    \tRegion 4: I/O ports at 4000 [size=64]
    \t[virtual] Expansion ROM at 000c0000 [disabled] [size=128K]
    \tCapabilities: [90] MSI: Enable+ Count=1/1 Maskable- 64bit-
    \t\tAddress: fee08004  Data: 4025
    \tKernel driver in use: i915

    00:1a.0 USB controller [0c03]: Intel Corporation 7 Series USB Enhanced Host Controller #2 [8086:1e2d] (rev 04) (prog-if 20 [EHCI])
    \tControl: I/O- Mem+ BusMaster+
    \tInterrupt: pin A routed to IRQ 16
    \tRegion 0: Memory at d4739000 (32-bit, non-prefetchable) [size=1K]
    \tCapabilities: [58] Debug port: BAR=1 offset=00a0

    00:1b.0 Audio device [0403]: Intel Corporation 7 Series High Definition Audio Controller [8086:1e20] (rev 04)
    \tControl: I/O- Mem+ BusMaster+
    \tInterrupt: pin A routed to IRQ 33
    \tRegion 0: Memory at d4730000 (64-bit, non-prefetchable) [size=16K]
    \tCapabilities: [70] Express (v1) Root Complex Integrated Endpoint, MSI 00

    00:1c.1 PCI bridge [0604]: Intel Corporation 7 Series PCI Express Root Port 2 [8086:1e12] (rev c4) (prog-if 00 [Normal decode])
    \tControl: I/O+ Mem+ BusMaster+
    \tInterrupt: pin B routed to IRQ 25
    \tBus: primary=00, secondary=02, subordinate=22, sec-latency=0
    \tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00

    01:00.0 Non-Volatile memory controller: Samsung Electronics Co Ltd Device a824 (prog-if 02 [NVM Express])
    \tControl: I/O- Mem+ BusMaster+
    \tRegion 0: Memory at 30010000 (64-bit, non-prefetchable) [size=32K]
    \tExpansion ROM at 30000000 [virtual] [disabled] [size=64K]
    \tCapabilities: [70] Express (v2) Endpoint, MSI 00
    """

  @Test("registers, buses, kinds, pins and ids of -vv")
  func details() throws {
    let facts = try InputFacts(reading: verbose)
    #expect(facts.remarks.isEmpty && facts.formats == ["lspci listing"], "\(facts.remarks)")
    let host = facts.host
    #expect(host.functions.count == 6)
    let graphics = host[SBDF(0, 0, 2, 0)]
    #expect(graphics.vendor == 0x8086 && graphics.device == 0x0166 && graphics.classCode == 0x0300)
    #expect(graphics.interface == 0 && graphics.interruptPin == 1 && graphics.kind == .pci)
    #expect(
      graphics.bars == [
        BAR(0, .m64, size: 4 << 20, hostAddress: 0xD400_0000), BAR(2, .m64p, size: 256 << 20, hostAddress: 0xC000_0000),
        BAR(4, .io, size: 64, hostAddress: 0x4000), BAR(6, .rom, size: 128 << 10),
      ])
    #expect(host[SBDF(0, 0, 0, 0)].bars == [])
    #expect(host[SBDF(0, 0, 0x1A, 0)].interface == 0x20)
    #expect(host[SBDF(0, 0, 0x1B, 0)].kind == .pcie)
    let port = host[SBDF(0, 0, 0x1C, 1)]
    #expect(port.kind == .pcieBridge && port.buses == .init(secondary: 2, subordinate: 0x22) && port.interruptPin == 2)
    let disk = host[SBDF(0, 1, 0, 0)]
    #expect(disk.classCode == 0x0108 && disk.vendor == nil && disk.interface == 2 && disk.kind == .pcie)
    #expect(disk.bars == [BAR(0, .m64, size: 32 << 10, hostAddress: 0x3001_0000), BAR(6, .rom, size: 64 << 10)])
  }

  @Test("-n, -nn, -D, -v and one line a function; registers without numbers follow each other")
  func forms() throws {
    let facts = try InputFacts(
      reading: """
        00:02.0 0300: 8086:1616 (rev 09) (prog-if 00 [VGA controller])
        00:03.0 Class 0403: 8086:160c (rev 09)
        0000:00:14.0 USB controller [0c03]: Intel Corporation Wildcat Point-LP USB xHCI Controller [8086:9cb1] (rev 03) (prog-if 30 [XHCI])
        0001:02:00.1 Ethernet controller: Some Name
        10000:e0:06.0 PCI bridge: Intel Corporation 11th Gen Core Processor PCIe Controller
        02:00.0 VGA compatible controller [0300]: ATI Technologies Inc Manhattan [1002:68e0] (prog-if 00 [VGA controller])
            Flags: bus master, fast devsel, latency 0, IRQ 45
            Memory at d0000000 (64-bit, prefetchable) [size=256M]
            Memory at cfee0000 (64-bit, non-prefetchable) [size=128K]
            I/O ports at 2000 [size=256]
            Memory at <unassigned> (32-bit, non-prefetchable)
            Capabilities: <access denied>
        00:1f.3 SMBus: no more details
        """)
    #expect(facts.remarks.isEmpty, "\(facts.remarks)")
    let host = facts.host
    #expect(host.functions.count == 6)
    #expect(host[SBDF(0, 0, 2, 0)].device == 0x1616 && host[SBDF(0, 0, 2, 0)].bars == nil)
    #expect(host[SBDF(0, 0, 3, 0)].classCode == 0x0403 && host[SBDF(0, 0, 3, 0)].vendor == 0x8086)
    #expect(host[SBDF(0, 0, 0x14, 0)].interface == 0x30)
    #expect(host[SBDF(1, 2, 0, 1)].classCode == 0x0200)
    let graphics = host[SBDF(0, 2, 0, 0)]
    #expect(graphics.numbersAreInferred && graphics.kind == nil)
    #expect(
      graphics.bars == [
        BAR(0, .m64p, size: 256 << 20, hostAddress: 0xD000_0000),
        BAR(2, .m64, size: 128 << 10, hostAddress: 0xCFEE_0000),
        BAR(4, .io, size: 256, hostAddress: 0x2000),
      ])
    #expect(host[SBDF(0, 0, 0x1F, 3)].classCode == 0x0C05)
  }

  @Test("a broken detail is listed; what is no function is none")
  func broken() throws {
    let facts = try InputFacts(
      reading: """
        00:02.0 VGA compatible controller [0300]: A [8086:1616]
        \tRegion 0: Memory at d4000000 (64-bit, non-prefetchable) [size=4Q]
        \tRegion 9: Memory at d4000000 (64-bit, non-prefetchable) [size=4M]
        \tRegion 5: Memory at d4000000 (64-bit, non-prefetchable) [size=4M]
        \tBus: primary=00, secondary=0
        00:03.0 is what it says: nothing
        12:34:56 a time: of day
        """, path: "x")
    #expect(facts.unclear.map(\.origin.line) == [2, 3, 4, 5], "\(facts.remarks)")
    #expect(facts.host.functions.count == 1 && facts.host[SBDF(0, 0, 2, 0)].bars == nil)
  }
}
