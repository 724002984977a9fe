import Editions
import TestSupport
import Testing

@testable import Toolstack

private func read(_ text: String, _ edition: Edition = .repaired) -> TextReading {
  GuestText.read(Array("name='g'\nbuilder='hvm'\n\(text)\n".utf8), edition: edition)
}

private func edition(_ text: String) -> Edition { try! Edition(parsing: text) }

@Suite("Guests' configuration text")
struct GuestTextTests {
  // MARK: Numbers

  @Test("BL-1, BL-7: numbers are decimal, octal or hexadecimal, in quotes too; what is none is as good as not given")
  func numbers() {
    #expect(read("memory=0x400").guest?.targetMemoryKiB == 1 << 20)
    #expect(read("memory='010'").guest?.targetMemoryKiB == 8 << 10)
    #expect(read("rdm_mem_boundary='-1'").guest?.boundaryKiB == 0 &- 1024)
    let bad = read("memory='4 G'")
    #expect(
      bad.guest?.targetMemoryKiB == nil
        && bad.messages == ["CONFIG:3: warning: parameter `memory' is not a valid number"])
    #expect(read("memory=99999999999999999999").messages.first?.hasSuffix("Numerical result out of range") == true)
    #expect(
      read("memory=[1]").messages == ["CONFIG:3: warning: parameter `memory' is a list but should be a single value"])
  }

  @Test("BL-5: the MMIO hole is 256 to 3840 MiB", arguments: [(255, 1), (256, 0), (3840, 0), (3841, 1)])
  func mmioHole(size: Int, exit: Int32) { #expect(read("mmio_hole=\(size)").exit == exit) }

  @Test("BL-3: memory alone is the maximum too; maxmem alone leaves the target to libxl")
  func memory() {
    #expect(read("memory=512").guest?.maxMemoryKiB == 512 << 10)
    let guest = read("maxmem=512").guest
    #expect(guest?.maxMemoryKiB == 512 << 10 && guest?.targetMemoryKiB == nil)
  }

  // MARK: rdm

  /// The table of section 1.2: text, then strategy and policy in 4.6 to 4.13, in 4.14, since 4.15.
  private static let decisions: [(String, [String])] = [
    ("", ["ignore, relaxed", "ignore, relaxed", "ignore, relaxed"]),
    ("strategy=host,policy=strict", ["host, strict", "host, strict", "ignore, relaxed"]),
    ("policy=strict,strategy=host", ["ignore, relaxed", "host, strict", "ignore, relaxed"]),
    ("strategy=host", ["ignore, relaxed", "host, undefined", "host, undefined"]),
    ("policy=relaxed", ["ignore, relaxed", "undefined, relaxed", "ignore, relaxed"]),
    ("strategy=host,policy=bogus", ["ignore, relaxed", "ignore, relaxed", "host, undefined"]),
    ("strategy=ignore", ["ignore, relaxed", "ignore, relaxed", "ignore, relaxed"]),
  ]

  @Test("BL-22 to BL-28, LB-0, LB-0b: the decision table of the global setting", arguments: decisions)
  func table(text: String, expected: [String]) {
    for (column, names) in [
      ["xen-4.6", "xen-4.9", "xen-4.13"], ["xen-4.14"], ["xen-4.16", "xen-4.17", "xen-4.20", "xen-master"],
    ]
    .enumerated() {
      for name in names {
        let guest = read(text.isEmpty ? "" : "rdm='\(text)'", edition(name)).guest
        let strategy = guest.map { Self.text($0.strategy, unset: "ignore") } ?? "none"
        let policy = guest.map { Self.text($0.policy, unset: "relaxed") } ?? "none"
        #expect("\(strategy), \(policy)" == expected[column], "\(name)")
      }
    }
  }

  private static func text<Value>(_ value: TextValue<Value>, unset: String) -> String {
    switch value {
    case .unset: unset
    case .given(let value): "\(value)"
    case .undefined: "undefined"
    }
  }

  @Test("repaired: both fields in any order, each optional; what cannot be read ends xl")
  func repairedRange() {
    let both = read("rdm='policy=strict,strategy=host'").guest
    #expect(both?.strategy == .given(.host) && both?.policy == .given(.strict))
    let one = read("rdm='strategy=host'").guest
    #expect(one?.strategy == .given(.host) && one?.policy == .unset && one?.undefinedFields == [])
    for text in [
      "", "host", "strategy", "strategy=host,", "strategy=HOST", "policy=invalid", "policy=bogus", "foo=bar",
    ] {
      #expect(read("rdm='\(text)'").exit == 6, "\(text)")
    }
  }

  @Test("the proposal of 2015: type and reserve, for a device rdm_reserve; later words mean nothing to it")
  func reserveWords() {
    let proposal = edition("rfc-2015")
    let guest = read("rdm='type=host,reserve=try'\npci=['00:02.0', '00:14.0,rdm_reserve=force']", proposal).guest
    #expect(guest?.strategy == .given(.host) && guest?.policy == .given(.relaxed))
    #expect(guest?.devices.map(\.policy) == [.given(.relaxed), .given(.strict)])
    #expect(read("rdm='type=none,reserve=force'", proposal).guest?.strategy == .given(.ignore))
    #expect(read("rdm='strategy=host,policy=strict'", proposal).guest?.strategy == .unset)
    #expect(read("rdm='type=host,reserve=try'").exit == 6)
  }

  @Test("the design mail: rdm_forcecheck alone")
  func forceCheck() {
    let design = edition("rfc-2014")
    let guest = read("rdm_forcecheck=1", design).guest
    #expect(guest?.strategy == .given(.host) && guest?.policy == .given(.strict))
    #expect(read("rdm_forcecheck=0\nrdm='strategy=host,policy=strict'", design).guest?.strategy == .unset)
    #expect(read("rdm_forcecheck=1").guest?.strategy == .unset)
    #expect(read("rdm_forcecheck=1\nrdm='strategy=host'", edition("xen-4.5")).guest?.strategy == .unset)
  }

  @Test("BL-39: devices get the global policy, but for 4.13, which reads it after them")
  func inheritance() {
    let text = "rdm='strategy=host,policy=relaxed'\npci=['00:02.0','00:03.0,rdm_policy=strict']"
    #expect(read(text).guest?.devices.map(\.policy) == [.given(.relaxed), .given(.strict)])
    #expect(read(text, edition("xen-4.9")).guest?.devices.map(\.policy) == [.given(.relaxed), .given(.strict)])
    #expect(read(text, edition("xen-4.13")).guest?.devices.map(\.policy) == [.unset, .given(.strict)])
    #expect(read(text, edition("xen-4.13")).guest?.policy == .given(.relaxed))
  }

  // MARK: pci

  /// One device of 4.17: its address, slot and options; or the exit status.
  private func device(_ text: String, _ name: String = "xen-4.17") -> String {
    let reading = read("pci=[\"\(text)\"]", edition(name))
    guard let device = reading.guest?.devices.first else { return "\(reading.exit)" }
    let function = device.allFunctions ? "*" : Self.text(device.function.map { String($0, radix: 16) }, unset: "?")
    let address = [device.segment, device.bus, device.device].map { String($0, radix: 16) }.joined(separator: ":")
    return "\(address).\(function)@\(String(device.virtualFunction, radix: 16))"
  }

  @Test(
    "BL-29 to BL-37: addresses and slots since 4.15",
    arguments: [
      ("36:00.0", "0:36:0.0@0"), ("0001:36:1f.7", "1:36:1f.7@0"), ("36:20.0", "6"), ("36:00.8", "6"), ("100:00.0", "6"),
      ("10000:36:00.0", "6"), ("36: 0.0", "0:36:0.0@0"), ("36:0x0.0", "0:36:0.0@0"), ("0x36:0.0", "6"),
      ("36:00.07", "0:36:0.7@0"), ("36:00.*@4", "0:36:0.*@20"), ("36:00.0@1f", "0:36:0.0@f8"), ("36:00.0@20", "6"),
      ("36:00.0@", "6"), ("36:00.0,", "0:36:0.0@0"), ("36:00.0,vslot=", "6"), ("36:00.0,vslot=5junk", "0:36:0.0@28"),
      ("bdf=36:00.0junk", "0:36:0.0@0"), ("36:00.0,bdf=37:00.1", "0:37:0.1@0"), ("36:00.0;", "6"), ("", "6"),
      ("name=nic0", "0:0:0.0@0"), ("36:00.0,name=nic0", "6"), ("36:00.0,seize=x,permissive=2", "0:36:0.0@0"),
      ("36:00.0,foo=1", "6"), ("36:00.0,rdm_policy=STRICT", "0:36:0.0@0"), ("36:00.0,rdm_policy=force", "3"),
      ("36:00.0,seize", "6"), ("36:00.0,seize,x=1", "6"), ("36:1ffffffff.0", "6"), ("36:100000000.0", "0:36:0.0@0"),
      ("36:0x.0", "0:36:0.0@0"),
    ])
  func keyed(text: String, expected: String) { #expect(device(text) == expected) }

  @Test(
    "the grammar up to 4.14",
    arguments: [
      ("36:00.0@20", "0:36:0.0@100"), ("36:3f.0", "0:36:3f.0@0"), ("0x36:0.0", "0:36:0.0@0"), ("36:00.0,", "6"),
      ("36:00.0,foo=1", "0:36:0.0@0"), ("36:00.0,name=x", "0:36:0.0@0"), ("name=x", "6"), ("bdf=36:00.0", "6"),
      ("36:00.*", "-6"), ("36:00.*,rdm_policy=no", "6"), ("36:00.0,rdm_policy=STRICT", "6"), ("36:00.07", "0:36:0.7@0"),
      ("36:00.100000007", "0:36:0.7@0"), ("36:00", "6"), ("36:00.0@1,seize=1", "0:36:0.0@8"), ("100:00.0", "6"),
    ])
  func older(text: String, expected: String) { #expect(device(text, "xen-4.14") == expected) }

  @Test("4.9 leaves the function of * undefined; 4.5 leaves out what it cannot read")
  func oldest() {
    #expect(read("pci=['36:00.*']", edition("xen-4.9")).guest?.undefinedFields == ["pci[0].func"])
    #expect(read("pci=['36:00.*']").guest?.undefinedFields == [])
    let guest = read("pci=['nothing','36:00.0,rdm_policy=strict']", edition("xen-4.5")).guest
    #expect(guest?.devices.count == 1 && guest?.devices.first?.policy == .unset)
  }

  @Test("BL-31, LB-15: an address without a dot is refused, and what follows it is not read as keys by 4.17")
  func missingDot() {
    #expect(read("pci=['0001:ce:10,foo=1']", edition("xen-4.17")).messages.first?.hasPrefix("unable") == true)
    #expect(read("pci=['0001:ce:10,foo=1']").messages.first?.hasPrefix("Unknown PCI_SPEC_STRING option") == true)
    #expect(device("36:00") == "6" && device("36:00", "repaired") == "6")
  }

  @Test("BL-21: defaults of all devices hold wherever they stand")
  func defaults() {
    let device = read("pci=['00:02.0,permissive=0']\npci_permissive=1\npci_seize=1").guest?.devices.first
    #expect(device?.permissive == false && device?.seize == true && device?.msiTranslate == false)
  }

  // MARK: Other settings

  @Test("BL-11: passthrough in any case, unknown words, and none before 4.13")
  func passthrough() {
    #expect(read("passthrough='SHARE_PT'").guest?.passthrough == .sharePT)
    #expect(read("passthrough='bogus'").messages == ["ERROR: unknown passthrough option 'bogus'"])
    #expect(read("passthrough='bogus'", edition("xen-4.9")).exit == 0)
  }

  @Test("BL-14, BL-15, BL-17: device models, BIOSes and graphics adapters")
  func words() {
    #expect(read("device_model_version='qemu-xen-traditional'", edition("xen-4.17")).guest?.deviceModel == .traditional)
    #expect(read("device_model_version='qemu-xen-traditional'", edition("xen-4.20")).exit == 1)
    #expect(read("bios='bogus'").messages == ["ERROR: invalid value \"bogus\" for \"bios\""])
    #expect(read("firmware='uefi'").guest?.bios == .ovmf)
    #expect(read("gfx_passthru='IGD'").guest?.graphicsKind == .igd)
    #expect(read("gfx_passthru='igd'", edition("xen-4.6")).guest?.graphicsPassthrough == nil)
    #expect(read("gfx_passthru='bogus'").exit == 1)
    #expect(read("vga='bogus'").exit == 1 && read("stdvga=1").guest?.vga == .stdvga)
  }

  @Test("the kind of guest: beginnings of words, contradictions, builder alone before 4.10")
  func kinds() {
    func kind(_ text: String, _ name: String) -> String {
      let reading = GuestText.read(Array("name='g'\nkernel='k'\n\(text)\n".utf8), edition: edition(name))
      return reading.guest?.kind.rawValue ?? "\(reading.exit)"
    }
    #expect(kind("type='h'", "xen-4.17") == "hvm" && kind("type=''", "xen-4.17") == "hvm")
    #expect(kind("type='p'", "xen-4.17") == "pv" && kind("type='pvh'", "xen-4.17") == "pvh")
    #expect(kind("type='h'", "repaired") == "1" && kind("type='hvm'", "repaired") == "hvm")
    #expect(kind("type='hvm'", "xen-4.9") == "pv" && kind("builder='hvm'", "xen-4.9") == "hvm")
    #expect(kind("type='pv'\nbuilder='hvm'", "xen-4.17") == "1" && kind("", "xen-4.17") == "pv")
    #expect(
      GuestText.read(Array("type='hvm'\n".utf8), edition: .repaired).messages == ["Domain name must be specified."])
    #expect(
      GuestText.read(Array("name='g'\n".utf8), edition: .repaired).messages == [
        "Neither kernel nor bootloader specified"
      ])
  }
}

extension TextValue {
  fileprivate func map<Other>(_ transform: (Value) -> Other) -> TextValue<Other> {
    switch self {
    case .unset: .unset
    case .given(let value): .given(transform(value))
    case .undefined: .undefined
    }
  }
}

@Suite("Configuration text that is broken")
struct SpoiledConfigurationTests {
  @Test("every edition reads or refuses it, and says something where it refuses")
  func spoiled() {
    let samples = [
      "name='g'\ntype='hvm'\nbuilder='hvm'\nmemory=4096\nmaxmem=8192\nrdm='strategy=host,policy=relaxed'\n"
        + "pci=['0000:00:02.0,rdm_policy=strict','03:00.*@4,seize=1']\nmmio_hole=1024\n",
      "name=\"g\"\ntype=\"hvm\"\nrdm=\"type=host,reserve=try\"\npci=[ '00:14.0,rdm_reserve=force' ] # one\nbios='ovmf'\n",
      "name='g';type='hvm';rdm_forcecheck=1;gfx_passthru='igd'\nvga='none'\npci=[]\npci+=['name=nic0,vslot=5']\n",
    ].map { Array($0.utf8) }
    var spoiler = Spoiler(
      seed: 9, samples: samples,
      tokens: [
        "\n", "=", "+=", "[", "]", ",", "'", "\"", "\\", "\\x", "#", ";", "-", "*", ".", ":", "@", "0x", "%", "\0", "é",
        "99999999999999999999", "rdm='", "pci=['", "policy=", "strategy=", "\t",
      ])
    let editions = Edition.Name.allCases.map { Edition($0) }
    let count = SpoiledInputs.count(usually: 20_000)
    var accepted = 0
    for round in 0..<count {
      let reading = GuestText.read(spoiler.next(), edition: editions[round % editions.count])
      if reading.exit == 0 { accepted += 1 } else if reading.standardError.isEmpty { Issue.record("round \(round)") }
    }
    #expect(accepted > count / 50)
  }

  @Test(
    "long chains of additions and endless words cost what they are long",
    arguments: ["a+='x'\n", "a+=[1]\n", "[", "'", "a", "#\n", "\\", "-\n"])
  func long(piece: String) {
    let text = Array("pci=".utf8) + Array(String(repeating: piece, count: 200_000).utf8)
    #expect(GuestText.read(text, edition: .repaired).standardError.count < 100 * text.count)
  }
}
