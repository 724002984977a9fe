import Editions
import Fuzzing
import Tracing

extension Benchmark {
  /// Specimens of this seed: what a campaign of it would make.
  private static let seed: UInt64 = 1
  /// Specimens in a pass.
  private static let specimens = 256

  private static var generated: [Specimen] {
    let source = SpecimenSource(seed: seed)
    return (0..<UInt64(specimens)).map { source.specimen($0, for: .repaired) }
  }

  /// Lives of executions: a rate says little without their length.
  private static let events = 10...20

  /// The first of them with so many events.
  private static var played: [Specimen] {
    let source = SpecimenSource(seed: seed)
    let all = sequence(first: UInt64(0)) { $0 + 1 }.lazy.map { source.specimen($0, for: .repaired) }
    return Array(all.filter { events.contains($0.events.count) }.prefix(specimens))
  }

  /// What an execution of a campaign is made of.
  static let fuzzing: [Benchmark] = [
    Benchmark("fuzz/generate", per: "specimen", "a host and a life from nothing") { _ in
      let generator = Generator()
      return Workload(specimens, 0) { _, index in
        var random = RandomSource(seed: seed, execution: UInt64(index))
        return UInt64(generator.specimen(for: .repaired, &random).events.count)
      }
    },
    Benchmark("fuzz/mutate", per: "mutant", "one to eight mutations, the rules checked after each") { _ in
      let mutator = Mutator()
      return Workload(specimens, generated) { pool, index in
        var random = RandomSource(seed: seed, execution: UInt64(index))
        let other = pool[(index + 1) % pool.count]
        return UInt64(mutator.mutated(pool[index], splicing: other, &random).events.count)
      }
    },
    Benchmark("fuzz/execute", per: "execution", "a generated life of 10 to 20 events, all state invariants") { _ in
      var executor = PlayerExecutor(reusing: false)
      return Workload(specimens, played) { pool, index in
        let execution = executor.run(pool[index])
        return UInt64(execution.events) &* 31 &+ UInt64(execution.checks)
      }
    },
    Benchmark("fuzz/execute-mutants", per: "execution", "such lives that begin alike, 24 to a base, from states") { _ in
      var executor = PlayerExecutor()
      return Workload(specimens, families) { pool, index in
        let execution = executor.run(pool[index])
        return UInt64(execution.events) &* 31 &+ UInt64(execution.checks)
      }
    },
    Benchmark("fuzz/campaign", per: "campaign", "1,024 executions by one worker: make, run, compare, learn") { _ in
      // What runs here once runs each time.
      _ = try campaign()
      return Workload(1, 0) { _, _ in (try? campaign()) ?? 0 }
    },
  ]

  /// Runs a whole campaign from an empty corpus, its canary included; the checks that were made.
  private static func campaign() throws -> UInt64 {
    var canary = CampaignPlan.Canary.usual
    canary.executions = 64
    let plan = CampaignPlan(editions: [.repaired], seed: seed, extent: .runs(1024), canary: canary)
    var campaign = Campaign(plan, executor: PlayerExecutor(), text: TraceText(), launcher: NoLauncher())
    var sink = NoSink()
    return try campaign.run(sink: &sink).progress.checks
  }

  /// A campaign of one worker starts none.
  private struct NoLauncher: WorkerLauncher {
    func launch() throws(WorkerFailure) -> any WorkerLink { throw .silent }
  }

  /// Findings go nowhere.
  private struct NoSink: FindingSink {
    func save(_ finding: Finding) throws(CampaignFailure) -> String { "" }
  }

  /// Bases, each with 24 mutants of its events on its host behind it.
  private static var families: [Specimen] {
    let mutator = Mutator()
    var result: [Specimen] = []
    var family: UInt64 = 0
    while result.count < specimens {
      let base = SpecimenSource(seed: seed).specimen(family, for: .repaired)
      var random = RandomSource(seed: seed, execution: family)
      family += 1
      guard events.contains(base.events.count) else { continue }
      result.append(base)
      let end = result.count + 24
      while result.count < end {
        var mutant = mutator.mutated(base, splicing: base, &random)
        mutant.header = base.header
        if events.contains(mutant.events.count) { result.append(mutant) }
      }
    }
    return Array(result.prefix(specimens))
  }
}
