import AddressSpace
import Editions
import Firmware
import Hypercalls
import Platform
import Tracing

/// Finds out what a log of hvmloader is of: runs hvmloader's model on what the log tells and compares what both print.
///
/// Where the log leaves something open, the reading that agrees is taken. Where the edition that the log names disagrees,
/// quirks are switched one by one, and by two, until it agrees: they say what was different in that release.
struct LoaderStudy {
  /// The guest as hvmloader found it.
  private(set) var start: GuestStart
  /// The edition that agrees, or the named one.
  private(set) var edition: Edition
  /// How the log and the model in `edition` differ, a line each; empty if they agree.
  private(set) var differences: [String]
  /// How the log and the model in the edition that it names differ, where `edition` is another.
  private(set) var namedDifferences: [String] = []
  /// What explains that: quirks to switch in the named edition, on or off. `edition` has them unless it must stay.
  private(set) var changes: [(quirk: Quirk, isOn: Bool)] = []

  /// Runs of the model for all logs of one import; one of a usual guest takes some ten microseconds.
  static let runsOfAnImport = 6_000
  /// Most runs for one log.
  private static let mostRuns = 3_000
  /// Most registers whose kind is open that are tried.
  private static let mostOpen = 12
  private let runLimit: Int
  private(set) var runs = 0
  private let log: LoaderLog

  /// Studies `log` in `edition`, or in all editions where it is nil.
  ///
  /// With `isFixed` the edition stays, whatever explains a difference. `runsLeft` is how often the model may still run;
  /// what is used is taken off.
  init(_ log: LoaderLog, in edition: Edition?, isFixed: Bool = false, runsLeft: inout Int) {
    self.log = log
    // A run costs as much as there are registers and ranges; real guests have some dozens.
    let size = max(1, (log.registers.count + log.e820.count) / 64)
    runLimit = max(1, min(LoaderStudy.mostRuns, runsLeft) / (size * size))
    defer { runsLeft = max(0, runsLeft - runs * size * size) }
    start = GuestStart(log)
    self.edition = edition ?? .xen4_17
    differences = []
    differences = differences(of: start, in: self.edition)
    if differences.isEmpty { return }
    // From the likeliest explanation on: what the log leaves open, then another edition where none is named, then
    // quirks that come and go within a release's life.
    settleOpenKinds()
    settleOrder()
    if differences.isEmpty { return }
    if edition == nil {
      for name in Edition.Name.allCases.reversed() where name >= .xen4_5 && name != .rfc2014 && name != .rfc2015 {
        improve(Edition(name))
      }
      if differences.isEmpty { return }
    }
    namedDifferences = differences
    settleQuirks(isFixed: isFixed)
    if changes.isEmpty { namedDifferences = [] }
  }

  // MARK: Comparison

  private mutating func differences(of start: GuestStart, in edition: Edition) -> [String] {
    runs += 1
    return LoaderStudy.differences(of: start, from: log, in: edition)
  }

  /// How what the model prints for `start` differs from `log`.
  static func differences(of start: GuestStart, from log: LoaderLog, in edition: Edition) -> [String] {
    let modelled = LoaderLog(reading: run(start, log, in: edition).logBytes)
    return log.differences(from: modelled)
  }

  /// The model's run; where ACPI tables lie in the general arena, their size follows from where the TSS came to lie (O-4).
  static func run(_ start: GuestStart, _ log: LoaderLog, in edition: Edition) -> FirmwareReport {
    var input = start.input
    if let tss = log.tss, edition.has(.firmware(.acpiTablesUnmarked)), tss < 0xFC10_0000 {
      input.platform.acpiTableBytes = 1
      let without = run(input, start, in: edition).memory.tss
      input.platform.acpiTableBytes = UInt32(truncatingIfNeeded: tss &- without &+ 1) & 0xF_FFFF
    }
    return run(input, start, in: edition)
  }

  private static func run(_ input: FirmwareInput, _ start: GuestStart, in edition: Edition) -> FirmwareReport {
    var port = GrantingPort(memoryMap: start.memoryMap, keepsRAM: false)
    var buffer = HypercallBuffer()
    return HVMLoader(edition: edition).run(input, as: DomainID(1), on: &port, &buffer)
  }

  // MARK: What is open

  /// Takes `candidate` if it agrees better.
  @discardableResult
  private mutating func improve(_ candidate: GuestStart) -> Bool {
    guard runs < runLimit else { return false }
    let found = differences(of: candidate, in: edition)
    guard found.count < differences.count else { return false }
    start = candidate
    differences = found
    return true
  }

  private mutating func improve(_ other: Edition) {
    guard !differences.isEmpty, runs < runLimit else { return }
    let found = differences(of: start, in: other)
    guard found.count < differences.count else { return }
    edition = other
    differences = found
  }

  /// All kinds of the registers without space, the likeliest first.
  private mutating func settleOpenKinds() {
    let open = Array(start.openKinds.prefix(LoaderStudy.mostOpen))
    guard !open.isEmpty else { return }
    let base = start
    var digits = [Int](repeating: 0, count: open.count)
    let room = runLimit / 2
    while !differences.isEmpty, runs < room {
      var place = 0
      while place < digits.count {
        digits[place] += 1
        if digits[place] < open[place].kinds.count { break }
        digits[place] = 0
        place += 1
      }
      if place == digits.count { return }
      var candidate = base
      for (one, digit) in zip(open, digits) where digit != 0 { candidate = candidate.with(one, as: one.kinds[digit]) }
      improve(candidate)
    }
  }

  /// Other orders of the ranges: the E820 is sorted, the map need not be, and order decides between ranges with equal
  /// starts or ends (LD-40, LD-67).
  private mutating func settleOrder() {
    let ranges = start.ranges
    guard ranges.count > 1, !differences.isEmpty else { return }
    improve(start.withRanges(ranges.reversed()))
    let room = runs + runLimit / 4
    var order = Array(ranges.indices)
    while !differences.isEmpty, runs < room, order.advance() {
      improve(start.withRanges(order.map { ranges[$0] }))
    }
  }

  /// Single quirks, then pairs.
  private mutating func settleQuirks(isFixed: Bool) {
    let named = edition
    let quirks = FirmwareQuirk.allCases.map(Quirk.firmware)
    func changed(_ flips: [Quirk]) -> Edition { flips.reduce(named) { $0.with($1, on: !named.has($1)) } }
    var best: (flips: [Quirk], differences: [String])?
    func consider(_ flips: [Quirk], _ found: [String]) {
      if found.count < (best?.differences ?? differences).count { best = (flips, found) }
    }
    // Only quirks that change what is printed at all can be half of an explanation.
    var telling: [Quirk] = []
    for quirk in quirks where best?.differences.isEmpty != true && runs < runLimit {
      let found = differences(of: start, in: changed([quirk]))
      consider([quirk], found)
      if found != differences { telling.append(quirk) }
    }
    for (place, first) in telling.enumerated() where best?.differences.isEmpty != true {
      for second in telling[(place + 1)...] where best?.differences.isEmpty != true && runs < runLimit {
        consider([first, second], differences(of: start, in: changed([first, second])))
      }
    }
    guard let best, best.differences.isEmpty else { return }
    changes = best.flips.map { ($0, !named.has($0)) }
    differences = []
    if !isFixed { edition = changed(best.flips) }
  }
}

extension [Int] {
  /// Makes it the next permutation in order; false after the last.
  fileprivate mutating func advance() -> Bool {
    guard let pivot = indices.dropLast().last(where: { self[$0] < self[$0 + 1] }),
      let next = indices.last(where: { self[$0] > self[pivot] })
    else { return false }
    swapAt(pivot, next)
    self[(pivot + 1)...].reverse()
    return true
  }
}

extension GuestStart {
  /// What the model of hvmloader gets.
  var input: FirmwareInput {
    var info = HVMInfo(
      lowMemoryEnd: UInt32(truncatingIfNeeded: lowMemoryEnd >> 12),
      highMemoryEnd: UInt32(truncatingIfNeeded: highMemoryEnd >> 12), reservedStart: 0xFEFF0)
    info.vcpus = min(vcpus, 128)
    var input = FirmwareInput(hvmInfo: info.bytes, functions: functions, physicalBits: addressBits ?? 39)
    input.keys.bios = (recorded.bios ?? .seabios).rawValue
    input.keys.allowMemoryRelocate = recorded.mayRelocate == true ? "1" : "0"
    input.keys.mmioHoleSize = recorded.holeSize.flatMap { $0 == 0 ? nil : String($0) }
    input.keys.acpi = hasACPI ? "1" : "0"
    input.biosImageBytes = recorded.biosBytes ?? 0x2_0000
    input.platform.acpiTablePages = recorded.acpiPages ?? 10
    if let bytes = extensionBytes { input.platform.romBIOSExtensionBytes = bytes }
    return input
  }
}

extension LoaderLog {
  /// Reads what the model printed.
  init(reading bytes: [UInt8]) {
    self.init(at: Origin(""))
    for line in bytes.split(separator: UInt8(ascii: "\n")) { _ = read(LineScanner(line), at: first) }
  }

  /// How this log differs from what the model printed, a line each; what this log does not have is not compared.
  func differences(from modelled: LoaderLog) -> [String] {
    var found: [String] = []
    func compare<Value: Equatable>(_ what: String, _ told: Value?, _ model: Value?, _ text: (Value) -> String) {
      guard let told, told != model else { return }
      found.append("\(what) \(text(told)), the model has \(model.map(text) ?? "none")")
    }
    compare("the high window's base", highBase, modelled.highBase) { hex($0) }
    compare("RAM above 4G", hasHighRAM, modelled.hasHighRAM) { $0 ? "told" : "denied" }
    if stage > .placement {
      compare("the low window too small", relocatesBARs, modelled.relocatesBARs) { $0 ? "told" : "not told" }
    }
    compare("the configured hole", hole, modelled.hole) { "\($0)" }
    compare("moves of RAM", moves, modelled.moves) { "\($0.count)" }
    for pin in pins where !modelled.pins.contains(pin) {
      found.append("the interrupt of \(LoaderLog.place(pin.devfn)) is not the model's")
    }
    compareRegisters(modelled, &found)
    compare("variable MTRRs", mtrrs?.used, modelled.mtrrs?.used) { "\($0)" }
    compare("the vm86 TSS at", tss, modelled.tss) { hex($0) }
    compare("the end of scratch memory", scratchEnd, modelled.scratchEnd) { hex($0) }
    if hasWholeE820 {
      if e820 != modelled.e820 { found.append("the E820 is not the model's") }
    } else {
      for (told, model) in zip(e820, modelled.e820) where told != model { found.append("\(told) is not the model's") }
      if e820.count > modelled.e820.count { found.append("the E820 is longer than the model's") }
    }
    if bug != nil, modelled.bug == nil { found.append("hvmloader gave up, the model does not") }
    return found
  }

  /// Each register by itself, so that an explanation of some of them shows as better than none.
  private func compareRegisters(_ modelled: LoaderLog, _ found: inout [String]) {
    guard !registers.isEmpty else { return }
    // A log without its first lines may lack the first registers, too.
    let skipped = highBase == nil ? max(0, modelled.registers.count - registers.count) : 0
    let others = modelled.registers.dropFirst(skipped)
    for (told, model) in zip(registers, others) where told != model {
      let place = "\(LoaderLog.place(told.devfn))/\(told.index)"
      func text(_ value: UInt64?) -> String { value.map { hex($0) } ?? "no space" }
      found.append("BAR \(place) \(text(told.value)), the model has \(text(model.value))")
    }
    if stage > .placement, registers.count != others.count {
      found.append("\(registers.count) registers, the model has \(others.count)")
    }
  }

  /// `05.0`.
  static func place(_ devfn: UInt8) -> String { "\(String(devfn >> 3, radix: 16)).\(devfn & 7)" }
}
