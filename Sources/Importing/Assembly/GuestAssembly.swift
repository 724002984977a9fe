import Editions
import Platform
import Toolstack
import Tracing

/// Makes the events of a trace of what is told of guests.
struct GuestAssembly {
  /// The events in order.
  private(set) var steps: [TraceStep] = []
  /// What was not told.
  private(set) var gaps: [Gap] = []
  /// Where a log and the edition that it names disagree, and why if that was found out.
  private(set) var disagreements: [String] = []
  /// The edition that the guests' logs agree with, nil if they tell none.
  private(set) var edition: Edition?
  /// Bytes of RAM that the guests need at once.
  private(set) var memory: UInt64 = 0

  /// The edition that is asked for or named, and whether it must stay.
  private let named: Edition?
  private let isFixed: Bool
  /// True if the host has reserved ranges of its own, and all of them are known.
  private let rangesAreKnown: Bool
  private let hasRanges: Bool
  private var runsLeft = LoaderStudy.runsOfAnImport

  /// `named` is the edition that an input names or the user asks for (`isFixed`), if any does.
  init(_ guests: [GuestFacts], on host: HostFacts, named: Edition?, isFixed: Bool) {
    self.named = named
    self.isFixed = isFixed
    hasRanges =
      !host.tables.isEmpty || !host.rmrrOptions.isEmpty
      || host.structures.contains { if case .rmrr = $0.structure { true } else { false } }
    rangesAreKnown = hasRanges && host.openRanges.isEmpty
    var taken: Set<UInt16> = []
    for guest in guests {
      // A guest keeps the number of its log where that is a guest's and free.
      let number = guest.domain.flatMap { $0 > 0 && $0 < 0x7FF0 && !taken.contains($0) ? $0 : nil }
      let name = number ?? (1...).first { !taken.contains($0) } ?? 1
      taken.insert(name)
      add(guest, GuestName(name))
    }
  }

  private mutating func add(_ guest: GuestFacts, _ name: GuestName) {
    guard guest.starts.isEmpty else { return addStarts(guest, name) }
    let creation = rangesAreKnown ? guest.creation : nil
    if let text = guest.configurationText {
      steps.append(TraceStep(.config(name, text: text), creation))
      // What xl refuses, or no HVM guest, does not start.
      let reading = GuestText.read(text, edition: named ?? .xen4_17)
      guard let parsed = reading.guest, let configuration = try? parsed.configuration() else { return }
      need(configuration)
    } else {
      var configuration = guest.configuration
      if configuration == nil, let ram = guest.memoryKiB {
        configuration = GuestConfiguration(memoryMiB: 0)
        configuration?.maxMemoryKiB = ram &+ 8192
        configuration?.targetMemoryKiB = ram &+ 8192
        if guest.hasIOMMU == true { configuration?.passthrough = .enabled }
        gaps.append(Gap("the configuration of guest \(name.rawValue) but for its memory", "nothing else assumed"))
      }
      if configuration == nil, !guest.steps.isEmpty || !guest.devices.isEmpty || creation != nil {
        // Any guest that can be given devices shows what became of them.
        configuration = GuestConfiguration(memoryMiB: 1024)
        configuration?.passthrough = .enabled
        gaps.append(Gap("the configuration of guest \(name.rawValue)", "1024 MiB and nothing else assumed"))
      }
      guard let configuration else {
        gaps.append(Gap("the configuration of guest \(name.rawValue)", "the guest is left out"))
        return
      }
      need(configuration)
      steps.append(TraceStep(.create(name, configuration), creation))
    }
    guard guest.creation == nil else { return }
    steps.append(TraceStep(.boot(name)))
    addSteps(of: guest, name)
  }

  /// The host must have what the guest has; sizes that no host has are the guest's mistake.
  private mutating func need(_ configuration: GuestConfiguration) {
    let most: UInt64 = 1 << 32
    if configuration.maxMemoryKiB < most { memory = min(memory + (configuration.maxMemoryKiB << 10), most << 10) }
  }

  private mutating func addSteps(of guest: GuestFacts, _ name: GuestName) {
    var attached: Set<SBDF> = []
    for step in guest.steps {
      var observation = step.observation
      if case .attach(_, let device) = step.event {
        attached.insert(device.sbdf)
        if !rangesAreKnown { observation = nil }
      }
      let comments = step.comment.map { [$0] } ?? []
      steps.append(TraceStep(step.event.renaming(name), observation, comments: comments))
    }
    // What a guest was given besides, it was given without a word.
    guard !guest.isConfigured, guest.starts.isEmpty else { return }
    for device in guest.devices where !attached.contains(device) {
      steps.append(TraceStep(.attach(name, AssignedDevice(device, policy: .relaxed))))
    }
  }

  // MARK: Logs of hvmloader

  private mutating func addStarts(_ guest: GuestFacts, _ name: GuestName) {
    for (number, log) in guest.starts.enumerated() {
      let version = log.version.flatMap { Edition.Name(version: $0) }.map { Edition($0) }
      let study = LoaderStudy(log, in: named ?? version, isFixed: isFixed, runsLeft: &runsLeft)
      note(study, log, version: version, name)
      if number > 0 { steps.append(TraceStep(.destroy(name), comments: ["hvmloader starts again."])) }
      let start = LoggedStart(
        study, log, of: guest, name, edition: study.edition, stateRanges: !rangesAreKnown || guest.isBare)
      gaps += start.gaps
      steps += start.steps
      if number == 0 { need(start.configuration) }
    }
    addSteps(of: guest, name)
  }

  private mutating func note(_ study: LoaderStudy, _ log: LoaderLog, version: Edition?, _ name: GuestName) {
    if edition == nil { edition = study.edition }
    let place = "hvmloader's log of guest \(name.rawValue) from line \(log.first.line)"
    if version == nil, named == nil {
      gaps.append(
        Gap(
          "the version of Xen in \(place)", "\(study.edition) \(study.differences.isEmpty ? "agrees" : "assumed")",
          remedy: "edition=NAME"))
    }
    for difference in study.namedDifferences {
      disagreements.append("\(place): \(difference)")
    }
    for change in study.changes {
      let verb = study.edition.has(change.quirk) == change.isOn ? "agrees" : "would agree"
      disagreements.append(
        "it \(verb) with \(change.isOn ? "+" : "-")\(change.quirk.name): \(change.quirk.entry.sentence)")
    }
    for difference in study.differences { disagreements.append("\(place), for no known reason: \(difference)") }
  }
}

extension GuestFacts {
  /// True if nothing but its firmware's log is told.
  var isBare: Bool { !isConfigured && devices.isEmpty }
}

extension Event {
  /// The event of `guest` instead of the one it is of; hypercalls keep theirs.
  func renaming(_ guest: GuestName) -> Event {
    switch self {
    case .create(_, let configuration): .create(guest, configuration)
    case .config(_, let text): .config(guest, text: text)
    case .boot: .boot(guest)
    case .attach(_, let device): .attach(guest, device)
    case .detach(_, let device, let force): .detach(guest, device, force: force)
    case .balloon(_, let target): .balloon(guest, targetKiB: target)
    case .reboot: .reboot(guest)
    case .destroy: .destroy(guest)
    case .access(_, let access, let address): .access(guest, access, address: address)
    case .query(let query): .query(query.renaming(guest))
    case .assignableAdd, .assignableRemove, .plug, .unplug, .hypercall, .dma, .fault: self
    }
  }
}

extension Query {
  /// The question about `guest` instead of the one it is about.
  func renaming(_ guest: GuestName) -> Query {
    switch self {
    case .layout: .layout(guest)
    case .rdms: .rdms(guest)
    case .memoryMap: .memoryMap(guest)
    case .e820: .e820(guest)
    case .bars: .bars(guest)
    case .firmware: .firmware(guest)
    case .p2m(_, let frames): .p2m(guest, frames)
    case .iommuTable(_, let frames): .iommuTable(guest, frames)
    case .domain: .domain(guest)
    case .units, .iommu, .warnings, .owner: self
    }
  }
}
