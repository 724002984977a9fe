import Editions
import Testing

@testable import Fuzzing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// One after the other: while one test makes pipes no other may start a process that would inherit them.
@Suite("Workers", .serialized)
struct WorkerTests {
  @Test("every message reads back as written")
  func messages() {
    var plan = CampaignTests.plan()
    plan.editions = [.repaired, .xen4_17.with(.hypervisor(.lastUnitDecides), on: false)]
    plan.profile.rawGuest = false
    let range = ExecutionRange(first: 5, count: 7)
    let symptom = Symptom(invariant: "a b", stage: "#%", relation: "")
    let messages: [WorkerMessage] = [
      .plan(WorkerPlan(plan)), .ready(corpus: "12ab"), .run(range), .canary(range), .done(range, events: 9, checks: 81),
      .news(News(index: 7, features: [0, 65535], life: SeenLife(features: [3, 0, 65535, 10], counts: [0, 3, 3, 4]))),
      .lesson(Round.Kept(index: 64, life: SeenLife(features: [9], counts: [1, 1]))), .learn(first: 64, end: 128),
      .failed(ExecutionFailure(index: 3, event: 2, symptom: symptom, detail: "two  words\nand a line")),
      .failed(ExecutionFailure(index: 3, event: nil, symptom: symptom, detail: "")), .error("no way"),
    ]
    for message in messages {
      #expect(WorkerMessage(message.line) == message, "\(message.line)")
      #expect(!message.line.contains("\n"))
    }
  }

  @Test("anything else is no message")
  func garbage() {
    for line in [
      "news", "news 1", "news 1 1", "news x 1 1", "news 1 65536 1", "news 1 1 65536", "news 1 1, 1", "news 1 1 1,;2",
      "news 1 1 ,1", "news 1 1 1,,2", "news 1 1;2 1", "news 1  1", "news 1 1 ;", "lesson 1", "lesson 1 -",
      "lesson 1 1 1", "lesson x 1", "learn 0", "learn 64 64", "learn 0 x", "learn 0 64 1",
      "", " ", "run", "run 1", "run 1 0", "run 1 2 3", "run -1 5", "run \(UInt64.max) 2", "done 1 2", "done 1 2 3",
      "failed 1 2 a b c",
      "failed x 2 a b c d", "failed 1 2 a b c %", "ready", "ready %2", "plan", "plan seed=1", "hello world", "RUN 1 1",
    ] {
      #expect(WorkerMessage(line) == nil, "\(line)")
    }
    let line = WorkerMessage.plan(WorkerPlan(CampaignTests.plan())).line
    for end in line.indices where WorkerMessage(String(line[..<end])) != nil { Issue.record("\(line[..<end])") }
  }

  @Test("words: every text survives, no word has blanks")
  func words() {
    for text in ["", "-", "--", "a", "a b", "%", "%20", "#", "\n\t\r", "ä ö", "2 MiB # x"] {
      let word = WordEscape.escaped(text)
      #expect(!word.isEmpty && !word.contains { $0.isWhitespace || $0 == "#" })
      #expect(WordEscape.unescaped(word) == text)
    }
    for word in ["", "%", "%2", "%zz", "a b"] { #expect(WordEscape.unescaped(word) == nil) }
  }

  @Test("a worker without plan refuses work, and says so to nonsense")
  func order() {
    var worker = Worker(executor: StubExecutor(), corpus: [], text: ReflectedText())
    #expect(
      worker.answer(to: "run 0 1").map { WorkerMessage($0) }.allSatisfy { if case .error = $0 { true } else { false } })
    #expect(worker.answer(to: "nonsense here").count == 1)
    let ready = worker.answer(to: WorkerMessage.plan(WorkerPlan(CampaignTests.plan())).line)
    #expect(ready.count == 1 && ready[0].hasPrefix("ready "))
    #expect(worker.answer(to: "run 0 100").last?.hasPrefix("done 0 100 ") == true)
  }

  /// A worker written in shell: takes the plan, then says `script` says.
  private func shell(_ script: String) -> ProcessLauncher {
    let digest = WordEscape.escaped(corpusDigest([], ReflectedText()))
    return ProcessLauncher(
      executable: "sh", arguments: ["-c", "read plan; echo ready \(digest); \(script)"])
  }

  private func pool(
    _ count: Int, _ launcher: ProcessLauncher, stall: Duration = .seconds(20)
  ) throws -> WorkerPool {
    var plan = CampaignTests.plan()
    plan.stall = stall
    return try WorkerPool(
      count, launcher: launcher, plan: plan, corpus: corpusDigest([], ReflectedText()), lost: { _ in })
  }

  @Test("processes: work is shared out and put together by index")
  func processes() throws {
    // The worker that gets the first share is slow: the others do all meanwhile that it has not been given yet.
    let launcher = shell(
      "while read verb first count; do if [ $first -eq 0 ]; then sleep 1; fi; "
        + "echo failed $first 0 inv stage - $$; echo done $first $count $count $count; done"
    )
    var pool = try pool(3, launcher)
    defer { pool.end() }
    for round in UInt64(0)..<20 {
      let result = try pool.run(.campaign, ExecutionRange(first: round * 960, count: 960))
      #expect(result.events == 960)
      let starts = result.failures.map(\.index)
      #expect(starts.first == round * 960 && starts == starts.sorted() && Set(starts).count == starts.count)
      // Shares end where specimens with a base in common do.
      #expect(starts.allSatisfy { $0 % Rounds.group == 0 })
      let workers = result.failures.map(\.detail)
      #expect(Set(workers).count == 3)
      if round == 0 { #expect(workers.count > 6 && workers.count { $0 == workers[0] } == WorkerPool.depth) }
    }
    #expect(try pool.run(.canary, ExecutionRange(first: 0, count: 1)).failures.count == 1)
  }

  @Test("processes: death by signal, by exit and silence are told apart")
  func endings() throws {
    // Only the execution 3 is deadly; a fresh process does the others.
    for (deed, invariant, relation) in [
      ("kill -ILL $$", "harness-crash", "signal-4"), ("exit 3", "harness-crash", "exit-3"),
      ("exec sleep 100", "harness-hang", ""),
    ] {
      let launcher = shell(
        "while read verb first count; do "
          + "if [ $first -le 3 ] && [ 3 -lt $((first + count)) ]; then \(deed); fi; "
          + "echo done $first $count 1 1; done")
      var pool = try pool(1, launcher, stall: relation.isEmpty ? .seconds(2) : .seconds(20))
      defer { pool.end() }
      let result = try pool.run(.campaign, ExecutionRange(first: 2, count: 2))
      #expect(result.failures.map(\.index) == [3])
      #expect(result.failures.first?.symptom == Symptom(invariant: invariant, stage: "harness", relation: relation))
      #expect(result.events == 1)
    }
  }

  @Test("processes: what was given to a worker that is gone is done by another")
  func successors() throws {
    // Each ends after its fifth answer, whatever it was given to do next.
    let launcher = shell(
      "n=0; while read verb first count; do n=$((n + 1)); echo done $first $count $count 1; "
        + "if [ $n -eq 5 ]; then exit 0; fi; done")
    var pool = try pool(2, launcher)
    defer { pool.end() }
    for round in UInt64(0)..<20 {
      let result = try pool.run(.campaign, ExecutionRange(first: round * 960, count: 960))
      #expect(result.events == 960 && result.failures.isEmpty)
    }
  }

  @Test("processes: what is no worker is refused at once")
  func notAWorker() {
    for arguments in [["-c", "echo hello"], ["-c", "exit 1"], ["-c", "read plan; echo error no%20corpus"]] {
      #expect(throws: WorkerFailure.self) { try pool(1, ProcessLauncher(executable: "sh", arguments: arguments)) }
    }
    #expect(throws: WorkerFailure.self) {
      try pool(1, ProcessLauncher(executable: "/nonexistent/worker", arguments: []))
    }
  }

  @Test("a worker serves its descriptors until the input ends")
  func serving() throws {
    var toWorker: [Int32] = [0, 0]
    var fromWorker: [Int32] = [0, 0]
    #expect(pipe(&toWorker) == 0 && pipe(&fromWorker) == 0)
    let campaign = LineChannel(input: fromWorker[0], output: toWorker[1])
    let plan = CampaignTests.plan()
    try campaign.send(WorkerMessage.plan(WorkerPlan(plan)).line + "\nrun 0 50\ncanary 0 50\n")
    close(toWorker[1])
    var worker = Worker(executor: StubExecutor(), corpus: [], text: ReflectedText())
    try worker.serve(input: toWorker[0], output: fromWorker[1])
    close(fromWorker[1])
    var lines: [String] = []
    while let line = try campaign.receive(within: .seconds(5)) { lines.append(line) }
    #expect(lines.first?.hasPrefix("ready ") == true && lines.last?.hasPrefix("done 0 50 ") == true)
    #expect(lines.count { $0.hasPrefix("done ") } == 2 && lines.contains { $0.hasPrefix("failed ") })
    close(toWorker[0])
    close(fromWorker[0])
  }

  @Test("the first SIGINT is a flag")
  func interruption() {
    Interruption.install()
    #expect(!Interruption.isRequested)
    // To the process, not to this thread, which may block signals; so it need not arrive at once.
    kill(getpid(), SIGINT)
    for _ in 0..<5_000 where !Interruption.isRequested { usleep(1_000) }
    #expect(Interruption.isRequested)
    signal(SIGTERM, SIG_DFL)
  }

  @Test("lines arrive whole, however they are cut; the end of input is the end")
  func channel() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let channel = LineChannel(input: ends[0], output: ends[1])
    let long = String(repeating: "x", count: 40_000)
    try channel.send("one\ntw")
    #expect(try channel.receive(within: .seconds(5)) == "one")
    #expect(throws: WorkerFailure.silent) { try channel.receive(within: .milliseconds(20)) }
    try channel.send("o\n\n\(long)\n")
    #expect(try channel.receive(within: nil) == "two")
    #expect(try channel.receive(within: nil) == "")
    #expect(try channel.receive(within: nil) == long)
    close(ends[1])
    #expect(try channel.receive(within: nil) == nil)
    close(ends[0])
  }
}
