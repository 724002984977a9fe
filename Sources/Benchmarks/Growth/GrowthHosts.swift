import Replaying
import Simulation
import Tracing

/// Hosts with much of one thing: the text of a trace is read and played event by event, every state invariant is checked
/// after each, and every event must be done.
extension GrowthTask {
  static let hosts: [GrowthTask] = [
    GrowthTask(
      "ranges/boot", per: "range", "a host with so many RMRRs of 32 functions boots", sizes: sizes(from: 10, to: 10_000)
    ) { count, _ in
      var text = HostText(memory: "64G")
      for index in 0..<count { text.addRange(index, of: index % 32) }
      for index in 0..<32 { text.addFunction(index) }
      return text.run(count)
    },
    GrowthTask(
      "ranges/attach", per: "range",
      "a function with so many RMRRs is attached to a guest, detached, and the guest goes",
      sizes: sizes(from: 10, to: 10_000)
    ) { count, _ in
      var text = HostText(memory: "64G")
      for index in 0..<count { text.addRange(index, of: 0) }
      text.addFunction(0)
      let function = HostText.function(0)
      text.events = [
        "create dom1 memory=1024 passthrough=share-pt", "boot dom1", "attach dom1 \(function) policy=relaxed",
        "detach dom1 \(function)", "destroy dom1",
      ]
      return text.run(count)
    },
    GrowthTask(
      "ranges/build", per: "range", "a guest is built around a function with so many RMRRs, boots, reboots, and goes",
      sizes: sizes(from: 10, to: 10_000)
    ) { count, _ in
      var text = HostText(memory: "64G")
      // They lie in the guest's RAM: a memory map has no room for more than 125, and so they are dropped.
      for index in 0..<count { text.addRange(index, of: 0, base: 0x1000_0000) }
      text.addFunction(0)
      text.events = [
        "create dom1 memory=1024 pci=\(HostText.function(0)),policy=relaxed", "boot dom1", "reboot dom1",
        "destroy dom1",
      ]
      return text.run(count)
    },
    GrowthTask(
      "functions/attach", per: "function", "each of so many functions is attached to a guest once, and detached",
      sizes: sizes(from: 10, to: 10_000)
    ) { count, _ in
      var text = HostText(memory: "64G")
      for index in 0..<count { text.addFunction(index) }
      text.events = ["create dom1 memory=1024 passthrough=share-pt", "boot dom1"]
      for index in 0..<count {
        text.events.append("attach dom1 \(HostText.function(index))")
        text.events.append("detach dom1 \(HostText.function(index))")
      }
      return text.run(count)
    },
    GrowthTask(
      "guests/life", per: "guest",
      "so many guests are created and booted, each gets a function with an RMRR, balloons, and all go",
      sizes: sizes(from: 1, to: 1_000)
    ) { count, _ in
      var text = HostText(memory: "16T")
      for index in 0..<count {
        text.addRange(index, of: index)
        text.addFunction(index)
      }
      for guest in 1...count {
        text.events += ["create dom\(guest) memory=1024 passthrough=share-pt", "boot dom\(guest)"]
      }
      for guest in 1...count {
        text.events.append("attach dom\(guest) \(HostText.function(guest - 1)) policy=relaxed")
      }
      for guest in 1...count { text.events.append("balloon dom\(guest) memory=512") }
      for guest in 1...count { text.events.append("destroy dom\(guest)") }
      return text.run(count)
    },
    GrowthTask(
      "memory/life", per: "GiB", "a guest of so many GiB is created, boots, balloons to half and back, and goes",
      sizes: sizes(from: 10, to: 10_000) + [16_383]
    ) { count, _ in
      var text = HostText(memory: "32T")
      text.events = [
        "create dom1 memory=\(count * 1024)", "boot dom1", "balloon dom1 memory=\(count * 512)",
        "balloon dom1 memory=\(count * 1024)", "destroy dom1",
      ]
      return text.run(count)
    },
    GrowthTask(
      "runs/access", per: "run", "a guest touches so many scattered pages of the memory it was promised",
      sizes: sizes(from: 10, to: 10_000)
    ) { count, _ in
      var text = HostText(memory: "64G")
      text.events = ["create dom1 memory=512 maxmem=1024", "boot dom1"]
      for index in 0..<count {
        // Neighbours in time are none in space: 7919 is prime to every size.
        let page = UInt64(0x1000 + 4 * (index * 7919 % count))
        text.events.append("access dom1 write 0x\(String(page << 12, radix: 16))")
      }
      return text.run(count)
    },
  ]
}

/// The text of a trace: a host with functions and ranges, and what happens on it.
private struct HostText {
  private var header: [String]
  var events: [String] = []

  init(memory: String) {
    header = [
      "rdmtrace 1", "edition repaired",
      "host memory=\(memory) phys-bits=46 iommu=vt-d p2m=ept tables=shared quarantine=basic", "drhd 0xfed90000 all",
    ]
  }

  /// The address of function `index`: eight to a slot, from slot 1.
  static func function(_ index: Int) -> String {
    let number = index + 8
    func hexadecimal(_ value: Int, _ digits: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
    return "0000:\(hexadecimal(number >> 8, 2)):\(hexadecimal(number >> 3 & 31, 2)).\(number & 7)"
  }

  mutating func addFunction(_ index: Int) {
    let address = 0x40_0000_0000 + UInt64(index) << 16
    header.append(
      "device \(HostText.function(index)) id=8086:1616 class=0200 kind=pcie pin=1 bar0=m64:64K@0x"
        + String(address, radix: 16))
  }

  /// An RMRR of one page of function `function`; every second page is left free.
  mutating func addRange(_ index: Int, of function: Int, base: UInt64 = 0x5000_0000) {
    let start = base + UInt64(index) << 13
    header.append(
      "rmrr 0x\(String(start, radix: 16))-0x\(String(start + 0xFFF, radix: 16)) \(HostText.function(function))")
  }

  /// Reads and plays it all; `count` items.
  func run(_ count: Int) -> GrowthRun {
    let text = Array((header + events + ["end \(events.count)"]).joined(separator: "\n").utf8)
    return {
      var reader = try TraceReader(bytes: text, name: "growth")
      var player = Player(machine: reader.header.machine, edition: reader.header.edition)
      while let step = try reader.next() {
        var broken = ""
        let outcome = player.play(step.event) { broken = $0.detail }
        if outcome.isRefusal || !broken.isEmpty { throw Absent("ends at \(step.text): \(outcome) \(broken)") }
      }
      return player.host.hypervisor.hostCrash == nil ? count : 0
    }
  }
}
