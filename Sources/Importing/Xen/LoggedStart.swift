import AddressSpace
import Editions
import Firmware
import Hypercalls
import Platform
import Toolstack
import Tracing

/// The steps of a trace that replay a log of hvmloader: a guest is created as the log shows it, boots, and has the BARs
/// and the E820 of the log.
struct LoggedStart {
  /// Creation, boot and what was seen.
  private(set) var steps: [TraceStep] = []
  /// What is not told.
  private(set) var gaps: [Gap] = []
  /// The guest.
  let configuration: GuestConfiguration

  /// The steps for `log`, of which `study` found out what it is of.
  ///
  /// `stateRanges` says that the ranges in the E820 must be stated, as the host's are not known.
  init(
    _ study: LoaderStudy, _ log: LoaderLog, of guest: GuestFacts, _ name: GuestName, edition: Edition,
    stateRanges: Bool
  ) {
    configuration = LoggedStart.configuration(study.start, log, of: guest, edition: edition)
    steps.append(TraceStep(.create(name, configuration), Observation(["ok"]), comments: LoggedStart.comments(log)))
    if stateRanges, study.start.tellsRanges {
      let count = UInt32(clamping: study.start.memoryMap.count)
      steps.append(
        TraceStep(
          .hypercall(HypercallEvent(.setMemoryMap(name, count: count), entries: study.start.memoryMap)),
          Observation(["0"]), comments: ["The ranges of the log's E820; whose they are is not told."]))
    }
    steps.append(TraceStep(.boot(name), Observation([log.bug == nil ? "ok" : "crashed"])))
    let place = "guest \(name.rawValue)"
    for what in study.start.unknown {
      let parts = what.split(separator: ";", maxSplits: 1).map(String.init)
      gaps.append(Gap("\(parts[0]) in \(place)", parts.last.map { String($0.drop { $0 == " " }) } ?? ""))
    }
    if log.bug != nil { return }
    if log.hasAllRegisters || log.stage == .placement && log.highBase != nil && !log.registers.isEmpty {
      let words = LoggedStart.registers(study, log, edition)
      steps.append(TraceStep(.query(.bars(name)), Observation(words.isEmpty ? ["none"] : words)))
      if log.stage == .placement {
        gaps.append(Gap("what follows BAR \(log.registers.count) of \(place)", "these taken for all"))
      }
    } else {
      gaps.append(Gap("BARs of \(place), or the lines around them", "they are not observed"))
    }
    if log.hasWholeE820 {
      steps.append(TraceStep(.query(.e820(name)), Observation(log.e820.map(\.description))))
    } else {
      gaps.append(
        Gap("\(log.e820.isEmpty ? "the E820" : "the end of the E820") of \(place)", "it is not observed"))
    }
  }

  // MARK: Configuration

  /// The guest's own configuration, or a plain one with as much memory, and what the log shows beside it.
  private static func configuration(
    _ start: GuestStart, _ log: LoaderLog, of guest: GuestFacts, edition: Edition
  ) -> GuestConfiguration {
    var configuration = told(guest, edition) ?? plain(start)
    if guest.hasIOMMU == true || log.mappings.count > 0 { configuration.passthrough = .enabled }
    configuration.vcpus = max(configuration.vcpus, start.vcpus)
    var recorded = start.recorded
    setVideo(&configuration)
    func isOwn() -> Bool {
      let own = GuestLayout(of: configuration)
      return own.lowMemoryEnd == start.lowMemoryEnd && own.highMemoryEnd == start.highMemoryEnd
    }
    if !isOwn() {
      // The log shows another size of memory than the configuration asks for.
      configuration.maxMemoryKiB = ram(start) &+ configuration.videoKiB
      configuration.targetMemoryKiB = configuration.maxMemoryKiB
    }
    if isOwn() {
      recorded.lowMemoryEnd = nil
      recorded.highMemoryEnd = nil
    }
    if recorded.mayRelocate == (configuration.deviceModel == .traditional) { recorded.mayRelocate = nil }
    if recorded.holeSize == 0, configuration.mmioHoleKiB == 0 { recorded.holeSize = nil }
    if let size = recorded.holeSize, size == configuration.mmioHoleKiB &* 1024 { recorded.holeSize = nil }
    if recorded.biosBytes == 0x2_0000 { recorded.biosBytes = nil }
    if recorded.acpiPages == 10 { recorded.acpiPages = nil }
    configuration.recorded = recorded
    return configuration
  }

  /// RAM in KiB.
  private static func ram(_ start: GuestStart) -> UInt64 {
    (start.lowMemoryEnd + (start.highMemoryEnd > 1 << 32 ? start.highMemoryEnd - (1 << 32) : 0)) >> 10
  }

  /// Video memory that is not given is what libxl gives (BL-4).
  private static func setVideo(_ configuration: inout GuestConfiguration) {
    guard configuration.videoKiB == .max else { return }
    let isOld = configuration.deviceModel == .traditional
    switch configuration.vga {
    case .cirrus: configuration.videoKiB = isOld ? 4 << 10 : 8 << 10
    case .stdvga: configuration.videoKiB = isOld ? 8 << 10 : 16 << 10
    case .none: configuration.videoKiB = 0
    }
  }

  /// The configuration that an input tells.
  private static func told(_ guest: GuestFacts, _ edition: Edition) -> GuestConfiguration? {
    if let text = guest.configurationText {
      return try? GuestText.read(text, edition: edition).guest?.configuration()
    }
    return guest.configuration
  }

  /// As much memory as the log shows; what an emulated adapter takes beside it makes a round number, as a rule.
  private static func plain(_ start: GuestStart) -> GuestConfiguration {
    var configuration = GuestConfiguration(memoryMiB: 0)
    let adapters = start.functions.filter { $0.classCode == 0x0300 }
    if adapters.contains(where: { $0.vendor == 0x1013 }) {
      configuration.videoKiB = 8 << 10
    } else if adapters.contains(where: { $0.vendor == 0x1234 }) {
      configuration.vga = .stdvga
      configuration.videoKiB = 16 << 10
    } else {
      configuration.vga = .none
      configuration.videoKiB = 0
    }
    configuration.maxMemoryKiB = ram(start) &+ configuration.videoKiB
    configuration.targetMemoryKiB = configuration.maxMemoryKiB
    configuration.acpi = start.hasACPI
    if start.highMemoryEnd != 0, start.lowMemoryEnd < 0xF000_0000, let size = start.recorded.holeSize,
      size == (1 << 32) - start.lowMemoryEnd
    {
      configuration.mmioHoleKiB = size >> 10
    }
    return configuration
  }

  private static func comments(_ log: LoaderLog) -> [String] {
    var comments: [String] = []
    for mapping in log.mappings {
      let register = log.registers.first { register in
        guard let value = register.value, value & 1 == 0 || register.index == 6 else { return false }
        let start = value & ~15
        let (last, overflow) = start.addingReportingOverflow(register.size - 1)
        return !overflow && (start >> 12)...(last >> 12) ~= mapping.gfn
      }
      guard let register else { continue }
      comments.append(
        "Passed through: BAR \(register.index) of \(LoaderLog.place(register.devfn)), "
          + "machine frames \(hex(mapping.mfn))-\(hex(mapping.mfn &+ mapping.count)).")
    }
    return Array(comments.prefix(64))
  }

  // MARK: Observations

  /// All registers as the query shows them. Addresses are the log's; which of them decode is hvmloader's doing, and in
  /// no log (LD-46).
  private static func registers(_ study: LoaderStudy, _ log: LoaderLog, _ edition: Edition) -> [String] {
    let report = LoaderStudy.run(study.start, log, in: edition)
    return study.start.functions.flatMap { function in
      function.bars.map { bar in
        let register = log.registers.first { $0.devfn == function.devfn && $0.index == bar.index }
        let address = register?.value.map { $0 & ~(bar.kind == .io ? 3 : bar.kind == .rom ? 1 : 15) } ?? 0
        let model = report.bars.first { $0.devfn == function.devfn && $0.bar.index == bar.index }
        let index = bar.index == 6 ? "rom" : "\(bar.index)"
        let decodes = model?.decodes ?? (address != 0)
        return "\(LoaderLog.place(function.devfn))/\(index)@\(address == 0 ? "unplaced" : hex(address))"
          + (decodes ? "" : ":off")
      }
    }
  }
}
