import Editions
import Exporting
import Hypervisor
import Platform
import Replaying
import Simulation
import Storage
import TestSupport
import Testing
import Toolstack
import Tracing

@Suite("Export")
struct ExportTests {
  private static func traces() throws -> [String] {
    try Folder.files(under: Project.folder + "/Traces", endings: [".trace", ".trace.gz"])
  }

  /// What libxl makes of what is left out, told once more: see BL-12, BL-28, BL-40.
  private func filled(_ given: GuestConfiguration, _ edition: Edition) -> GuestConfiguration {
    var guest = given
    let isStrictOnly = edition.has(Quirk(name: "relaxed-unknown")!)
    let isLate = edition.has(Quirk(name: "policy-default-late")!)
    guest.policy = guest.strategy == .host ? isStrictOnly ? .strict : guest.policy ?? .relaxed : nil
    guest.devices = guest.devices.map { device in
      var device = device
      device.policy = isStrictOnly ? .strict : device.policy ?? (isLate ? nil : .strict)
      return device
    }
    if guest.passthrough == .default, !guest.devices.isEmpty { guest.passthrough = .enabled }
    if guest.passthrough == .default, !edition.has(Quirk(name: "iommu-for-all")!) { guest.passthrough = .disabled }
    return guest
  }

  @Test("every event of every trace is something to type, or is listed with a reason")
  func complete() throws {
    var (typed, looked, listed) = (0, 0, 0)
    for path in try Self.traces() {
      let trace = try Trace(path: path)
      let export = Export(trace)
      #expect(export.events.map(\.number) == trace.steps.indices.map { $0 + 1 }, "\(path)")
      let missing = export.missingLines
      for event in export.events {
        switch event.form {
        case .commands(let commands):
          typed += 1
          #expect(!commands.isEmpty && commands.allSatisfy { $0.hasPrefix("xl ") || $0.hasPrefix("echo ") }, "\(path)")
        case .look(let commands):
          looked += 1
          #expect(commands.allSatisfy { $0.hasPrefix("xl ") }, "\(path)")
        case .included(let why): #expect(!why.isEmpty)
        case .lost(let loss):
          listed += 1
          #expect(!loss.reason.isEmpty)
          #expect(missing.contains { $0.hasPrefix("event \(event.number), ") && $0.contains(loss.reason) }, "\(path)")
        }
        for loss in event.losses {
          #expect(missing.contains { $0.hasPrefix("event \(event.number), ") && $0.contains(loss.text) }, "\(path)")
        }
        #expect(export.files.contains { $0.name == "steps.sh" && !$0.bytes.isEmpty })
      }
    }
    #expect(typed > 800 && looked > 300 && listed > 800, "\(typed) \(looked) \(listed)")
  }

  @Test("every guest's file, read by the edition's own xl, is the guest of the trace, but for what is listed")
  func guests() throws {
    var (same, otherwise) = (0, 0)
    for path in try Self.traces() {
      let trace = try Trace(path: path)
      let export = Export(trace)
      for (step, event) in zip(trace.steps, export.events) {
        guard let file = event.file else { continue }
        let bytes = try #require(export.guestFiles.first { $0.name == file }).bytes
        if case .config(_, let text) = step.event {
          #expect(bytes == text, "\(path)")
          continue
        }
        guard case .create(_, let configuration) = step.event else {
          Issue.record("\(path): event \(event.number) has a file")
          continue
        }
        let lost = event.losses.map(\.what)
        if lost == ["all of it"] {
          otherwise += 1
          continue
        }
        let edition = trace.header.edition
        let read = try #require(try GuestText.read(bytes, edition: edition).guest?.configuration(), "\(path)")
        let (one, other) = (filled(configuration, edition), filled(read, edition))
        #expect(
          (one == other) == lost.isEmpty, "\(path): \(event.text)\n\(String(decoding: bytes, as: UTF8.self))\n\(lost)")
        if one == other { same += 1 } else { otherwise += 1 }
      }
    }
    #expect(same > 450 && otherwise < 80, "\(same) \(otherwise)")
  }

  @Test("a guest from its file lives as the one from libxl's structures: same results, same state after each event")
  func lives() throws {
    var compared = 0
    for path in try Self.traces() {
      let trace = try Trace(path: path)
      let export = Export(trace)
      guard export.events.contains(where: { $0.file != nil }), export.events.allSatisfy({ $0.losses.isEmpty }) else {
        continue
      }
      var (one, other) = (
        Host(machine: trace.header.machine, edition: trace.header.edition),
        Host(machine: trace.header.machine, edition: trace.header.edition)
      )
      for (step, exported) in zip(trace.steps, export.events) {
        var event = step.event
        if case .create(let name, _) = event, let file = exported.file {
          event = .config(name, text: export.guestFiles.first { $0.name == file }!.bytes)
          compared += 1
        }
        let results = (one.apply(step.event), other.apply(event))
        let observations = (
          one.observation(of: step.event, results.0), other.observation(of: step.event, results.1)
        )
        #expect(observations.0.words == observations.1.words, "\(path): \(exported.text)")
        #expect(StateDelta(one, other).isEmpty, "\(path): \(exported.text)")
      }
    }
    #expect(compared > 400, "\(compared)")
  }

  @Test("reserved ranges: options on a host whose firmware tells of none give them, but for what is listed")
  func ranges() throws {
    var (given, listed) = (0, 0)
    for path in try Self.traces() + Folder.files(under: Project.folder + "/Corpus", endings: [".trace.gz"]) {
      let trace = try Trace(path: path)
      let machine = trace.header.machine
      guard machine.iommu == .vtd, case .structures(let structures) = machine.dmar else { continue }
      let wanted = Hypervisor(machine: machine, edition: trace.header.edition)
      guard wanted.boot.iommuEnabled else { continue }
      let export = Export(trace)
      var bare = machine
      bare.statedUnits = []
      bare.dmar = .structures(structures.filter { if case .rmrr = $0 { false } else { true } })
      bare.rmrrOptions = export.options.filter { $0.hasPrefix("rmrr=") }.map { String($0.dropFirst(5)) }
      let found = Hypervisor(machine: bare, edition: trace.header.edition).boot.units
      for unit in wanted.boot.units {
        let isThere = found.contains {
          $0.frames == unit.frames && $0.devices == unit.devices && $0.segment == unit.segment
        }
        let first = "range 0x" + String(unit.base, radix: 16)
        let isListed = export.hostLosses.contains { $0.what == first || $0.what.hasPrefix(first + "-") }
        #expect(isThere || isListed, "\(path): \(first)")
        if isThere { given += 1 } else { listed += 1 }
      }
      for option in export.options where option.hasPrefix("rmrr=") && machine.rmrrOptions.isEmpty {
        #expect(option.utf8.count <= 127)
      }
    }
    #expect(given > 200 && listed > 200, "\(given) \(listed)")
  }

  // MARK: Rules one by one

  private func export(_ lines: String..., edition: String = "xen-4.17", header: String = "") throws -> Export {
    let events = lines.map { $0 + "\n" }.joined()
    return Export(
      try Trace(parsing: "rdmtrace 1\nedition \(edition)\nhost memory=16G\n\(header)\(events)end \(lines.count)\n"))
  }

  private func file(_ export: Export, _ name: String = "dom1.cfg") -> String {
    export.guestFiles.first { $0.name == name }.map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
  }

  @Test("BL-24…27: all ranges of the host cannot be asked for in text since 4.15, can before, in each release's words")
  func policies() throws {
    let guest = "create dom1 memory=512 strategy=host policy=strict"
    let broken = try export(guest)
    #expect(broken.events[0].losses.map(\.rule) == [.bl(24), .bl(24)])
    #expect(!file(broken).contains("rdm"))
    for (edition, words) in [
      ("xen-4.14", #"rdm = "strategy=host,policy=strict""#), ("xen-4.6", #"rdm = "strategy=host,policy=strict""#),
      ("rfc-2015", #"rdm = "type=host,reserve=force""#), ("rfc-2014", "rdm_forcecheck = 1"),
      ("xen-4.17 -rdm-policy-test-inverted", #"rdm = "strategy=host,policy=strict""#),
    ] {
      let export = try export(guest, edition: edition)
      #expect(export.events[0].losses.isEmpty && file(export).contains(words + "\n"), "\(edition): \(file(export))")
    }
    #expect(try export(guest, edition: "xen-4.5").events[0].losses.map(\.what) == ["strategy", "policy"])
    // BL-39: what holds for all must not become the device's own.
    let mixed = try export(guest.replacing("policy=strict", with: "policy=relaxed pci=00:14.0"), edition: "xen-4.14")
    #expect(file(mixed).contains(#"pci = [ "0000:00:14.0,rdm_policy=strict" ]"#) && mixed.events[0].losses.isEmpty)
  }

  @Test("BL-1, BL-16, BL-33, BL-109: sizes, blobs, slots, names")
  func fields() throws {
    let odd = try export("create dom1 memory=524289K acpi-firmware=64K pci=00:14.0,slot=25,all-functions")
    #expect(odd.events[0].losses.map(\.what) == ["memory", "maxmem", "acpi-firmware"])
    #expect(file(odd).contains(#""0000:00:14.*@19""#))
    let named = try export("create dom1 memory=512 pci=00:14.0,by-name,seize")
    #expect(named.events[0].losses.map(\.rule) == [.bl(109)] && file(named).contains("seize=1"))
    let full = try export(
      "create dom1 memory=1024 maxmem=2048 videoram=16 vcpus=4 -hap mmio-hole=3072 boundary=1536 "
        + "passthrough=sync-pt device-model=traditional vga=stdvga gfx-passthru -acpi")
    #expect(full.events[0].losses.isEmpty)
    for line in [
      "memory = 1024", "maxmem = 2048", "videoram = 16", "vcpus = 4", "hap = 0", "mmio_hole = 3072",
      "rdm_mem_boundary = 1536", #"passthrough = "sync_pt""#, #"device_model_version = "qemu-xen-traditional""#,
      #"vga = "stdvga""#, "gfx_passthru = 1", "acpi = 0",
    ] { #expect(file(full).contains(line + "\n"), "\(line)") }
  }

  @Test("commands: names as xl has them, what a reboot starts, a function that comes back, a name that is taken")
  func commands() throws {
    let device = "0000:05:00.0 id=10de:1eb8 class=0302 kind=pcie"
    let export = try export(
      #"config dom1 "name='it is'\ntype='hvm'\nmemory=512\n""#, "boot dom1",
      "attach dom1 05:00.0 policy=relaxed slot=7",
      "detach dom1 05:00.0 force", "balloon dom1 memory=256", "balloon dom1 memory=262145K", "reboot dom1", "boot dom1",
      #"config dom2 "name='it is'\ntype='hvm'\nmemory=512\n""#, "boot dom2", "domain dom2", "destroy dom1",
      "unplug 05:00.0", "plug \(device)",
      "plug 0000:06:00.0 id=10de:1eb8", "assignable-add 05:00.0", "assignable-remove 05:00.0",
      header: "drhd 0xfed90000 all\ndevice \(device)\n")
    let forms = export.events.map { event -> String in
      switch event.form {
      case .commands(let commands), .look(let commands): commands.joined(separator: "; ")
      case .included: "included"
      case .lost: "lost"
      }
    }
    #expect(
      forms == [
        "xl create -p dom1.cfg", "xl unpause 'it is'", "xl pci-attach 'it is' 0000:05:00.0@7,rdm_policy=relaxed",
        "xl pci-detach -f 'it is' 0000:05:00.0", "xl mem-set 'it is' 256m", "xl mem-set 'it is' 262145k",
        "xl reboot -F 'it is'", "included", "lost", "lost", "lost", "xl destroy 'it is'",
        "echo 1 > /sys/bus/pci/devices/0000:05:00.0/remove", "echo 1 > /sys/bus/pci/rescan", "lost",
        "xl pci-assignable-add 0000:05:00.0", "xl pci-assignable-remove 0000:05:00.0",
      ])
    let raw = try self.export("hypercall dom0 createdomain dom3 hvm hap", "domain dom3", "destroy dom3")
    #expect(raw.events.allSatisfy { if case .lost = $0.form { true } else { false } })
    #expect(export.dom0Options == ["xen-pciback.hide=(0000:05:00.0)"])
  }

  @Test("HV-27…34, D-3: each limit of rmrr= is told")
  func limits() throws {
    func losses(_ header: String, edition: String = "xen-4.17") throws -> [Rule?] {
      try export("units", edition: edition, header: header).hostLosses.map(\.rule)
    }
    func devices(_ count: Int, bus: String = "1") -> String {
      (0..<count).map {
        "0000:0\(bus):\(String($0 >> 3, radix: 16).count == 1 ? "0" : "")\(String($0 >> 3, radix: 16)).\($0 & 7)"
      }
      .joined(separator: " ")
    }
    #expect(try losses("rmrr 0xf0000-0xfffff 0000:00:14.0\n").isEmpty)
    #expect(try losses("rmrr 0xef000-0xfffff 0000:00:14.0\n") == [.hv(28)])
    #expect(try losses("rmrr 0xf0000-0xf0fff 0000:00:14.0\n", edition: "xen-4.6") == [.hv(74), .hv(27)])
    #expect(try losses("rmrr 0xf0000-0xf0fff \(devices(20))\n").isEmpty)
    #expect(try losses("rmrr 0xf0000-0xf1fff \(devices(20))\n") == [.d(3)])
    #expect(try losses("rmrr 0xf0000-0xf0fff \(devices(21))\n") == [.hv(28)])
    let eleven = (0..<11).map { "rmrr 0xf\(String($0, radix: 16))000-0xf\(String($0, radix: 16))fff 0000:00:14.0\n" }
    #expect(try losses(eleven.joined()) == [.hv(28)])
    // A frame without an entry in the frame table.
    let e820 = "e820 0x100000-0x40000000:ram\n"
    #expect(try losses(e820 + "rmrr 0x7c000000-0x7c000fff 0000:00:14.0\n") == [.hv(31)])
    #expect(try losses(e820 + "rmrr 0x3c000000-0x3c000fff 0000:00:14.0\n").isEmpty)
  }
}
