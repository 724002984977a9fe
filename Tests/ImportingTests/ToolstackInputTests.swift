import AddressSpace
import Editions
import Foundation
import Importing
import Platform
import Testing
import Toolstack
import Tracing

@Suite("What the toolstack reads and prints")
struct ToolstackInputTests {
  @Test("configurations from the field are the guests' own texts, and their devices the host's")
  func configurations() throws {
    for file in try XenInputs.files.get() where file.name.hasPrefix("config") {
      let (facts, result) = try XenInputs.trace(of: file.bytes, name: file.name)
      #expect(facts.formats == ["guest configuration"] && facts.unclear.isEmpty, "\(file.name)")
      let guest = try #require(facts.guests.first)
      #expect(guest.configurationText == file.bytes, "\(file.name)")
      for device in guest.devices {
        #expect(result.trace.header.machine.function(at: device) != nil, "\(file.name): \(device)")
      }
      if case .config(_, let text)? = result.trace.steps.first?.event {
        #expect(text == file.bytes)
      } else {
        Issue.record("\(file.name): \(result.trace.text)")
      }
      // One has an option of a fork's, one no name: xl refuses both, and that is said.
      let isRefused = file.name.contains("03") || file.name.contains("04")
      #expect(facts.remarks.map(\.kind) == (isRefused ? [.unused] : []))
      #expect(result.trace.steps.contains { $0.event == .boot(GuestName(1)) } != isRefused)
      let (_, host) = result.trace.played()
      #expect((host.guest(named: GuestName(1))?.firmware != nil) != isRefused, "\(file.name)")
    }
  }

  @Test("a configuration that xl refuses does not start")
  func refused() throws {
    let facts = try InputFacts(reading: "name='g'\ntype='hvm'\nmemory=512\npci=['99:99']\n")
    let trace = TraceImport().trace(of: [facts]).trace
    #expect(facts.remarks.map(\.kind) == [.unused])
    #expect(trace.steps.count == 1)
  }

  /// A recorded reading of a text by xl.
  private struct Reading: Decodable {
    struct Result: Decodable {
      let exit: Int
      let undefined: Bool
    }
    let config: String
    let result: Result
  }

  @Test(
    "what xl prints with -n is the guest that its text is",
    arguments: [("4.14", "xen-4.14"), ("4.17", "xen-4.17"), ("4.20", "xen-4.20")])
  func json(version: String, edition: String) throws {
    let folder = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 }
    let bytes = try CorpusTables.contents(of: folder + "/StudiesTests/Vectors/config-\(version).jsonl.gz")
    var compared = 0
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let reading = try JSONDecoder().decode(Reading.self, from: Data(line))
      guard reading.result.exit == 0, !reading.result.undefined,
        let parsed = GuestText.read(Array(reading.config.utf8), edition: try Edition(parsing: edition)).guest,
        let expected = try? parsed.configuration(),
        let start = line.firstRange(of: Array("\"parsed\":".utf8)),
        let end = line.lastIndex(of: UInt8(ascii: "u")).flatMap({ line[..<$0].lastIndex(of: UInt8(ascii: ",")) })
      else { continue }
      // The object behind `"parsed":`, up to `,"undefined":false}}`; xl prints the name besides.
      let object =
        Array("{\"c_info\":{\"name\":\"g\"},\"b_info\":".utf8) + line[start.upperBound..<end] + Array("}".utf8)
      let facts = try InputReader().facts(of: object, path: "g.json")
      var found = try #require(facts.guests.first?.configuration)
      // What the recording leaves out.
      (found.vcpus, found.vga, found.deviceModel, found.acpi) =
        (expected.vcpus, expected.vga, expected.deviceModel, expected.acpi)
      for index in found.devices.indices { found.devices[index].allFunctions = expected.devices[index].allFunctions }
      #expect(found == expected, "\(reading.config)")
      #expect(facts.unclear.isEmpty)
      compared += 1
      if found != expected { return }
    }
    #expect(compared > 40)
  }

  /// What `xl create -n` prints of a guest.
  static let structureText = """
    Parsing config from g.cfg
    {
        "c_info": { "type": "hvm", "name": "g", "uuid": "x", "run_hotplug_scripts": "True", "passthrough": "enabled" },
        "b_info": {
            "max_vcpus": 2, "avail_vcpus": [ 0, 1 ], "max_memkb": 4194304, "target_memkb": 4194304,
            "video_memkb": 16384, "device_model_version": "qemu_xen", "acpi": "True",
            "type.hvm": {
                "mmio_hole_memkb": 1048576, "vga": { "kind": "std" }, "gfx_passthru": "False",
                "rdm": { "strategy": "host", "policy": "relaxed" }, "rdm_mem_boundary_memkb": 1048576
            }
        },
        "pcidevs": [ { "dev": 20, "seize": true, "rdm_policy": "strict" }, { "bus": 3, "vfunc_mask": 1 } ]
    }
    """

  @Test("libxl's own structure as xl prints it")
  func structure() throws {
    let text = Self.structureText
    let facts = try InputFacts(reading: text)
    #expect(facts.unclear.isEmpty)
    let guest = try #require(facts.guests.first?.configuration)
    var expected = GuestConfiguration(memoryMiB: 4096)
    expected.videoKiB = 16 << 10
    expected.vcpus = 2
    expected.vga = .stdvga
    expected.passthrough = .enabled
    expected.mmioHoleKiB = 1 << 20
    expected.boundaryKiB = 1 << 20
    expected.strategy = .host
    expected.policy = .relaxed
    expected.devices = [AssignedDevice(SBDF(0, 0, 20, 0), policy: .strict), AssignedDevice(SBDF(0, 3, 0, 0))]
    expected.devices[0].seize = true
    #expect(guest == expected)
    #expect(throws: ImportError.self) { try InputFacts(reading: String(text.dropLast(3))) }
  }

  /// What `xl -vvv create` prints of a guest.
  static let log = """
    Parsing config from g.cfg
    libxl: debug: libxl_create.c:1693:do_domain_create: Domain 0:ao 0x138bc50: create: how=(nil) callback=(nil)
    libxl: detail: libxl_create.c:627:libxl__domain_make: passthrough: enabled
    libxl: debug: libxl_create.c:1284:initiate_domain_create: Domain 5:running bootloader
    domainbuilder: detail: xc_dom_boot_xen_init: ver 4.15, caps xen-3.0-x86_64 hvm-3.0-x86_64
    domainbuilder: detail: xc_dom_mem_init: mem 10008 MB, pages 0x271800 pages, 4k each
    domainbuilder: detail: range: start=0x0 end=0xf0000000
    domainbuilder: detail: range: start=0x100000000 end=0x281800000
    xc: detail: PHYSICAL MEMORY ALLOCATION:
    xc: detail:   4KB PAGES: 0x0000000000000200

    """

  @Test("the builder's messages tell memory and layout")
  func builder() throws {
    let (facts, result) = try XenInputs.trace(of: Array(Self.log.utf8))
    #expect(facts.unclear.isEmpty && facts.formats == ["xl log"] && facts.xenVersion == "4.15")
    let guest = try #require(facts.guests.first)
    #expect(guest.domain == 5 && guest.memoryKiB == 0x271800 << 2 && guest.hasIOMMU == true)
    #expect(
      result.trace.steps.map(\.text) == [
        "create dom5 memory=10016 passthrough=enabled", "boot dom5",
        "layout dom5 -> low=0xf0000000 high=0x281800000",
      ])
    #expect(result.trace.header.edition == Edition(.xen4_14))
    #expect(result.trace.played().differences.isEmpty)
  }

  /// What it prints when a range is in the way.
  static let conflict =
    "libxl: error: libxl_dm.c:604:libxl__domain_device_construct_rdm: Domain 5:RDM conflict at 0x60800000.\n"
    + "libxl: error: libxl_dom.c:1150:libxl__build_hvm: Domain 5:checking reserved device memory failed\n"

  @Test("libxl's refusal for a reserved range is what comes of the creation")
  func refusal() throws {
    let error = Self.conflict
    let host = """
      (XEN) [VT-D]found ACPI_DMAR_DRHD:
      (XEN) [VT-D]  dmaru->address = fed90000
      (XEN) [VT-D]  flags: INCLUDE_ALL
      (XEN) [VT-D]found ACPI_DMAR_RMRR:
      (XEN) [VT-D] endpoint: 0000:00:02.0
      (XEN) [VT-D]dmar.c:615:   RMRR region: base_addr 60800000 end_addr 68ffffff

      """
    let configuration = "name='g'\ntype='hvm'\nmemory=4096\npci=['00:02.0']\n"
    let inputs = try [Self.log + error, host, configuration].map { try InputFacts(reading: $0) }
    #expect(inputs.allSatisfy { $0.unclear.isEmpty })
    #expect(inputs[0].host.openRanges == [0x6080_0000])
    let trace = TraceImport().trace(of: inputs).trace
    #expect(trace.steps.count == 1 && trace.steps.first?.observation?.words == ["refused", "FAIL"])
    #expect(trace.played().differences.isEmpty)
    // Ignored is not refused.
    let ignored = try InputFacts(reading: Self.log + error.replacing("RDM conflict", with: "Ignoring RDM conflict"))
    #expect(ignored.guests.first?.creation == nil && ignored.host.openRanges == [0x6080_0000])
  }

  @Test("an error about devices or ranges that is not known is listed")
  func unknown() throws {
    let facts = try InputFacts(
      reading: Self.log + "libxl: error: libxl_pci.c:1:f: Domain 5:something new about this PCI device\n")
    #expect(facts.unclear.count == 1)
  }
}
