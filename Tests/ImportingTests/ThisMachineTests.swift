import Importing
import Platform
import Storage
import TestSupport
import Testing

@Suite("The running host")
struct ThisMachineTests {
  private let root = temporaryFolder()

  private func put(_ path: String, _ bytes: [UInt8]) throws {
    let whole = root + path
    try Folder.make(String(whole[..<(whole.lastIndex(of: "/") ?? whole.startIndex)]))
    var file = try AtomicFile(path: whole, gzip: false)
    try file.write(bytes)
    try file.commit()
  }

  private func put(_ path: String, _ text: String) throws { try put(path, Array((text + "\n").utf8)) }

  @Test("table, memory map, functions, groups, names")
  func whole() throws {
    let (_, table) = try #require(try CorpusTables.tables.get().first)
    try put("/sys/firmware/acpi/tables/DMAR", table)
    try put("/sys/firmware/memmap/0/start", "0x0")
    try put("/sys/firmware/memmap/0/end", "0x9fbff")
    try put("/sys/firmware/memmap/0/type", "System RAM")
    try put("/sys/firmware/memmap/1/start", "0xf0000")
    try put("/sys/firmware/memmap/1/end", "0xfffff")
    try put("/sys/firmware/memmap/1/type", "Reserved")
    let graphics = "/sys/bus/pci/devices/0000:00:02.0"
    try put(graphics + "/vendor", "0x8086")
    try put(graphics + "/device", "0x1616")
    try put(graphics + "/class", "0x030000")
    try put(
      graphics + "/resource",
      """
      0x00000000f6000000 0x00000000f6ffffff 0x0000000000140204
      0x0000000000000000 0x0000000000000000 0x0000000000000000
      0x00000000e0000000 0x00000000efffffff 0x000000000014220c
      0x0000000000000000 0x0000000000000000 0x0000000000000000
      0x000000000000f000 0x000000000000f03f 0x0000000000040101
      0x0000000000000000 0x0000000000000000 0x0000000000000000
      0x00000000000c0000 0x00000000000dffff 0x0000000000000212
      """)
    var header = [UInt8](repeating: 0, count: 64)
    header[0x3D] = 1
    try put(graphics + "/config", header)
    let port = "/sys/bus/pci/devices/0000:00:1c.0"
    header[0x0E] = 0x81
    header[0x19] = 1
    header[0x1A] = 3
    for (name, text) in [
      ("vendor", "0x8086"), ("device", "0x9c90"), ("class", "0x060400"), ("max_link_speed", "5 GT/s"),
    ] {
      try put("\(port)/\(name)", text)
    }
    try put(port + "/config", header)
    try put(
      "/sys/kernel/iommu_groups/0/reserved_regions",
      "0x00000000db000000 0x00000000df1fffff direct\n0x00000000fee00000 0x00000000feefffff msi")
    try put("/sys/kernel/iommu_groups/0/devices/0000:00:02.0", "")
    try put("/sys/class/dmi/id/sys_vendor", "Some Vendor")
    try put("/sys/class/dmi/id/product_name", "Model 7")
    try put("/proc/cpuinfo", "processor\t: 0\naddress sizes\t: 39 bits physical, 48 bits virtual")
    try put("/sys/hypervisor/type", "xen")
    try put("/sys/hypervisor/version/major", "4")
    try put("/sys/hypervisor/version/minor", "17")

    let facts = ThisMachine.facts(root: root)
    // The port has no registers that can be read.
    #expect(facts.remarks.map(\.origin.path) == [port + "/resource"], "\(facts.remarks)")
    let host = facts.host
    #expect(host.tables == [table] && facts.xenVersion == "4.17" && host.name == "Some Vendor Model 7")
    #expect(host.e820.map(\.description) == ["0x0-0x9fc00:ram", "0xf0000-0x100000:reserved"] && host.addressBits == 39)
    #expect(
      host[SBDF(0, 0, 2, 0)].bars == [
        BAR(0, .m64, size: 16 << 20, hostAddress: 0xF600_0000),
        BAR(2, .m64p, size: 256 << 20, hostAddress: 0xE000_0000),
        BAR(4, .io, size: 64, hostAddress: 0xF000), BAR(6, .rom, size: 128 << 10, hostAddress: 0xC0000),
      ])
    #expect(host[SBDF(0, 0, 2, 0)].interruptPin == 1 && host[SBDF(0, 0, 2, 0)].kind == .pci)
    #expect(host[SBDF(0, 0, 0x1C, 0)].buses == .init(secondary: 1, subordinate: 3))
    #expect(host[SBDF(0, 0, 0x1C, 0)].kind == .pcieBridge)
    #expect(host.identityMaps == [IdentityMap(SBDF(0, 0, 2, 0), base: 0xDB00_0000, end: 0xDF1F_FFFF)])
  }

  @Test("what is not there is said, thing by thing")
  func nothing() {
    let facts = ThisMachine.facts(root: root)
    #expect(facts.host == HostFacts())
    #expect(
      facts.remarks.map(\.description) == [
        "/sys/firmware/acpi/tables: not there: no ACPI tables are shown",
        "/sys/firmware/memmap: not there: the memory map is not shown",
        "/sys/bus/pci/devices: not there: no PCI functions are shown",
        "/sys/kernel/iommu_groups: not there: no IOMMU groups: the IOMMU is off, or Xen has it",
        "/proc/cpuinfo: not there: the width of addresses is not shown",
      ])
  }
}
