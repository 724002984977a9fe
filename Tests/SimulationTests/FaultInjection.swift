import Editions
import Hypercalls
import Invariants
import Simulation
import Tracing

/// Lets every hypercall, or every allocation, of every event of a life fail once, and looks at what is left.
struct FaultInjection {
  let life: Life
  private let hosts: [Host]
  private let outcomes: [Outcome]

  /// Faults that struck.
  private(set) var injections = 0
  /// Events refused because of them.
  private(set) var refusals = 0
  /// What was wrong, one line each.
  private(set) var complaints: [String] = []

  init(_ life: Life) {
    self.life = life
    (hosts, outcomes) = life.run()
    for (index, event) in life.events.enumerated() {
      check(event, outcomes[index], before: hosts[index], after: hosts[index + 1], "without a fault")
    }
    var host = hosts[hosts.count - 1]
    destroyEverything(&host, "without a fault")
    complain(host.leftover(since: hosts[0]), "without a fault, at the end")
  }

  /// Three errors at every hypercall, and a failure of every allocation, of every event.
  ///
  /// Stops at the first complaint if `firstOnly`.
  mutating func injectEverywhere(firstOnly: Bool = false) {
    for index in life.events.indices {
      for errno in [Errno.ENOMEM, .EPERM, .EINVAL] {
        // What follows is followed once: it cannot know which error it was.
        inject(into: index, firstOnly, followed: errno == .ENOMEM) { .hypercall(ordinal: $0, errno: errno) }
      }
      inject(into: index, firstOnly, followed: true) { .allocation(ordinal: $0) }
    }
  }

  /// Injects the fault with every ordinal from 1 until it does not strike any more.
  private mutating func inject(
    into index: Int, _ firstOnly: Bool, followed: Bool, _ fault: (UInt64) -> InjectedFault
  ) {
    for ordinal in 1...UInt64(20_000) {
      if firstOnly && !complaints.isEmpty { return }
      let fault = fault(ordinal)
      let event = life.events[index]
      let place = "\(TraceStep(.fault(fault)).text) in event \(index + 1), \(TraceStep(event).text)"
      var host = hosts[index]
      _ = host.apply(.fault(fault))
      let outcome = host.apply(event)
      guard host.faultStruck else {
        if outcome != outcomes[index] { complaints.append("\(place): it did not strike, yet \(outcome)") }
        complain(host.firstDifference(from: hosts[index + 1]), "\(place): it did not strike, yet different:")
        return
      }
      injections += 1
      check(event, outcome, before: hosts[index], after: host, place)
      if outcome.isRefusal {
        refusals += 1
        complain(host.firstDifference(from: hosts[index]), "\(place): refused, yet changed:")
        if followed { tryAgain(index, &host, place) }
      } else if followed {
        // The rest of the life, whatever comes of it.
        for later in life.events[(index + 1)...] { _ = step(later, &host, place) }
        destroyEverything(&host, place)
        complain(host.leftover(since: hosts[0]), "\(place): at the end")
      }
    }
    complaints.append("event \(index + 1) never ends")
  }

  /// Who was refused tries again: now all goes as if nothing had been.
  private mutating func tryAgain(_ index: Int, _ host: inout Host, _ place: String) {
    let again = host.apply(life.events[index])
    if again != outcomes[index] { complaints.append("\(place): again: \(again)") }
    // If all is the same, so is the rest. A number given out in vain shows in the numbers of later domains.
    if host.firstDifference(from: hosts[index + 1]) == nil { return }
    for later in life.events.indices.dropFirst(index + 1) {
      let outcome = step(life.events[later], &host, place)
      let seen = host.observation(of: life.events[later], outcome)
      if seen != hosts[later + 1].observation(of: life.events[later], outcomes[later]) {
        complaints.append("\(place): then \(TraceStep(life.events[later]).text): \(seen.text)")
      }
    }
    destroyEverything(&host, place)
    complain(host.leftover(since: hosts[0]), "\(place): at the end")
  }

  private mutating func destroyEverything(_ host: inout Host, _ place: String) {
    for guest in host.guests {
      let isBuilt = host.toolstack.guest(guest.domain) != nil
      _ = step(isBuilt ? .destroy(guest.name) : .hypercall(HypercallEvent(.destroyDomain(guest.name))), &host, place)
    }
  }

  private mutating func step(_ event: Event, _ host: inout Host, _ place: String) -> Outcome {
    let before = host
    let outcome = host.apply(event)
    check(event, outcome, before: before, after: host, place)
    return outcome
  }

  private mutating func check(
    _ event: Event, _ outcome: Outcome, before: Host, after: Host, _ place: String
  ) {
    let scene = Invariant.Scene(event: event, outcome: outcome, before: before, after: after)
    guard let violation = Invariant.firstViolation(in: scene) else { return }
    complaints.append("\(place): after \(TraceStep(event).text): \(violation.invariant): \(violation.detail)")
  }

  private mutating func complain(_ what: String?, _ place: String) {
    if let what { complaints.append("\(place) \(what)") }
  }
}

extension Host {
  /// What a host without guests still keeps of them, nil if nothing; `start` is the same host before there were any.
  func leftover(since start: Host) -> String? {
    if let guest = guests.first { return "\(guest.name) is left" }
    if hypervisor.domains.count != 1 { return "there are \(hypervisor.domains.count) domains" }
    if hypervisor.budget.free != hypervisor.budget.frames || hypervisor.budget.claimed != 0 {
      return "memory is missing"
    }
    for device in hypervisor.devices {
      let isBack =
        device.owner == .dom0 || device.owner == .io || device.owner == start.hypervisor.device(device.sbdf)?.owner
      if !isBack || device.isBroken { return "\(device.sbdf) is not back" }
    }
    if !toolstack.guests.isEmpty { return "the toolstack has guests" }
    if toolstack.bindings.contains(where: { $0.recordedOwner != nil }) { return "a record of an owner is left" }
    return nil
  }
}
