import Replaying
import Simulation
import Tracing

extension Benchmark {
  /// A guest's life: five events on a host with three devices and three reserved ranges.
  static let lives: [Benchmark] = [
    Benchmark("life/unchecked", per: "guest", "create with two devices, boot, attach, detach, destroy") { _ in
      let life = try Life()
      let booted = Host(machine: life.trace.header.machine, edition: life.trace.header.edition)
      return Workload(Life.lives, booted) { host, index in
        if index == 0 { host = booted }
        var digest: UInt64 = 0
        for step in life.trace.steps { digest = digest &* 31 &+ Life.digest(host.apply(step.event)) }
        return digest
      }
    },
    Benchmark("life/checked", per: "guest", "the same with every state invariant after each event") { _ in
      let life = try Life()
      let booted = Player(machine: life.trace.header.machine, edition: life.trace.header.edition)
      return Workload(Life.lives, booted) { player, index in
        if index == 0 { player = booted }
        var digest: UInt64 = 0
        for step in life.trace.steps {
          digest = digest &* 31 &+ Life.digest(player.play(step.event) { _ in digest = 1 })
        }
        return digest
      }
    },
    Benchmark("replay/light", per: "trace", "20,000 light events read and replayed: attach, access, balloon, detach") {
      _ in
      var text: [UInt8] = []
      LightTrace.write(events: 20_002) { text += Array($0.utf8) }
      let verdict = try Life.replay(text)
      guard verdict.isClean, verdict.observations == 20_002 else {
        throw Absent("the light trace ends at event \(verdict.events): \(verdict.kind)")
      }
      return Workload(1, bytes: text.count, text) { text, _ in
        guard let verdict = try? Life.replay(text) else { return .max }
        return UInt64(verdict.events) &* 31 &+ UInt64(verdict.checks)
      }
    },
  ]
}

/// The life, in the language of traces.
private struct Life {
  /// Lives on one host before it boots again.
  static let lives = 256

  static let text = """
    rdmtrace 1
    edition repaired
    host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=shared quarantine=basic
    drhd 0xfed90000 all
    rmrr 0xab80a000-0xab81dfff 0000:00:14.0
    rmrr 0xac000000-0xac00ffff 0000:00:1d.0
    rmrr 0xad000000-0xaf7fffff 0000:00:02.0
    device 0000:00:02.0 id=8086:1616 class=0300 kind=pcie pin=1 bar0=m64:16M@0xf6000000 bar2=m64p:256M@0xe0000000 bar4=io:64
    device 0000:00:14.0 id=8086:9cb1 class=0c03 kind=pcie pin=1 bar0=m64:64K@0xf7a00000
    device 0000:00:1d.0 id=8086:9ca6 class=0c03 kind=pcie pin=1 bar0=m32:4K@0xf7a10000
    create dom1 memory=4096 strategy=host policy=strict pci=0000:00:02.0 pci=0000:00:14.0
    boot dom1
    attach dom1 0000:00:1d.0 policy=strict
    detach dom1 0000:00:1d.0
    destroy dom1
    end 5

    """

  let trace: Trace

  /// What a replay of `text` finds.
  static func replay(_ text: [UInt8]) throws(TraceError) -> Verdict {
    var reader = try TraceReader(bytes: text, name: "light")
    return try Replay.run(&reader, path: "light")
  }

  /// The life, tried once: a refused one would be no measure.
  init() throws {
    trace = try Trace(parsing: Life.text, name: "life")
    var player = Player(machine: trace.header.machine, edition: trace.header.edition)
    for step in trace.steps {
      var broken = ""
      let outcome = player.play(step.event) { broken = $0.detail }
      guard case .done = outcome, broken.isEmpty else {
        throw Absent("the life ends at \(step.text): \(outcome) \(broken)")
      }
    }
  }

  static func digest(_ outcome: Outcome) -> UInt64 {
    if case .done = outcome { 1 } else { 2 }
  }
}
