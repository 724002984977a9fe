import Editions
import Toolstack
import Tracing

/// Makes the events of a trace of what is told of guests.
struct GuestAssembly {
  /// The events in order.
  private(set) var steps: [TraceStep] = []
  /// What was not told.
  private(set) var gaps: [Gap] = []

  init(_ guests: [GuestFacts]) {
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
    if let text = guest.configurationText {
      steps.append(TraceStep(.config(name, text: text)))
    } else if let configuration = guest.configuration {
      steps.append(TraceStep(.create(name, configuration)))
    } else {
      gaps.append(Gap("the configuration of guest \(name.rawValue)", "what is told of it is left out"))
      return
    }
    steps.append(TraceStep(.boot(name)))
    for step in guest.steps {
      steps.append(TraceStep(step.event.renaming(name), step.observation))
    }
  }
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
