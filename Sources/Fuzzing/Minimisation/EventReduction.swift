import Tracing

extension Minimiser {
  mutating func reduceEvents(_ keeps: Predicate) {
    drop(from: \.events, keeps)
    // A whole guest at once: its creation cannot go while later events need it, and the reverse.
    for guest in distinct(current.events.flatMap(\.guests)) {
      attempt(keeps) { $0.events.removeAll { $0.guests.contains(guest) } }
    }
    for device in distinct(current.events.flatMap(\.devices)) {
      attempt(keeps) { specimen in
        specimen.events.removeAll { event in
          if case .create = event { false } else { event.devices.contains(device) }
        }
        for index in specimen.events.indices {
          specimen[configuration: index].devices.removeAll { $0.sbdf == device }
        }
      }
    }
    // Pairs that undo each other need not stand side by side; neighbours, and a fault with what it strikes, may have nothing
    // else in common.
    for first in current.events.indices.reversed() {
      for second in current.events.indices.reversed() where second > first {
        guard second < current.events.count else { continue }
        let pair = (current.events[first], current.events[second])
        guard
          second == first + 1 || pair.0.isFault || !Set(pair.0.guests).isDisjoint(with: pair.1.guests)
            || pair.0.devices == pair.1.devices
        else { continue }
        attempt(keeps) {
          $0.events.remove(at: second)
          $0.events.remove(at: first)
        }
      }
    }
    // What is attached later can come with the guest.
    for index in current.events.indices.reversed() {
      guard index < current.events.count, case .attach(let name, let device) = current.events[index] else { continue }
      let creation = current.events[..<index].lastIndex {
        if case .create(name, _) = $0 { true } else { false }
      }
      guard let creation else { continue }
      attempt(keeps) {
        $0[configuration: creation].devices.append(device)
        $0.events.remove(at: index)
      }
    }
    // What is made assignable first can be seized where it is given away.
    for index in current.events.indices.reversed() {
      guard index < current.events.count, case .assignableAdd(let sbdf) = current.events[index] else { continue }
      attempt(keeps) { specimen in
        specimen.events.remove(at: index)
        for later in index..<specimen.events.count {
          if specimen[attached: later].sbdf == sbdf { specimen[attached: later].seize = true }
          for device in specimen[configuration: later].devices.indices
          where specimen[configuration: later].devices[device].sbdf == sbdf {
            specimen[configuration: later].devices[device].seize = true
          }
        }
      }
    }
    while reduceBeforeFault(keeps) || reduceBeforeRun(keeps) {}
    for index in current.events.indices { drop(from: \.[text: index], keeps) }
    for index in current.events.indices {
      attempt(keeps) {
        if case .detach(let name, let sbdf, force: true) = $0.events[index] {
          $0.events[index] = .detach(name, sbdf, force: false)
        }
      }
      drop(from: \.[hypercall: index].entries, keeps)
      drop(from: \.[hypercall: index].frames, keeps)
    }
  }

  /// Drops an event of which a failure that strikes by number took notice: with it gone, the failure comes earlier or later.
  private mutating func reduceBeforeFault(_ keeps: Predicate) -> Bool {
    for fault in current.events.indices where current.events[fault].isFault {
      // What strikes a guest's creation anew can strike the first one.
      if fault + 1 < current.events.count, case .reboot(let name) = current.events[fault + 1],
        let creation = current.events[..<fault].lastIndex(where: {
          if case .create(name, _) = $0 { true } else { false }
        })
      {
        let isReduced = attempt(keeps) {
          $0.events.remove(at: fault + 1)
          $0.events.insert($0.events.remove(at: fault), at: creation)
        }
        if isReduced { return true }
      }
      for other in current.events.indices where other != fault {
        for ordinal in 1...12 as ClosedRange<UInt64> {
          let isReduced = attempt(keeps) {
            $0.events[fault].strike(at: ordinal)
            $0.events.remove(at: other)
          }
          if isReduced { return true }
        }
      }
    }
    return false
  }

  /// Drops an event that made a gap in which a run of pages ends: a longer run ends in one that was there before.
  private mutating func reduceBeforeRun(_ keeps: Predicate) -> Bool {
    for run in current.events.indices {
      guard case .hypercall(var event) = current.events[run],
        case .addToPhysmap(let domain, let space, let index, let gfn, let count) = event.call
      else { continue }
      event.call = .addToPhysmap(domain, space: space, index: index, gfn: gfn, count: count &* 2)
      for other in 0..<run {
        let isReduced = attempt(keeps) {
          $0.events[run] = .hypercall(event)
          $0.events.remove(at: other)
        }
        if isReduced { return true }
      }
    }
    return false
  }

  private func distinct<Value: Hashable>(_ values: [Value]) -> [Value] {
    var seen: Set<Value> = []
    return values.filter { seen.insert($0).inserted }
  }
}

extension Event {
  fileprivate var isFault: Bool { if case .fault = self { true } else { false } }

  /// Lets a failure strike as number `ordinal`.
  fileprivate mutating func strike(at ordinal: UInt64) {
    switch self {
    case .fault(.hypercall(_, let errno)): self = .fault(.hypercall(ordinal: ordinal, errno: errno))
    case .fault(.allocation): self = .fault(.allocation(ordinal: ordinal))
    case .fault(.growingQuery): self = .fault(.growingQuery(ordinal: ordinal))
    default: break
    }
  }
}

extension Specimen {
  /// The lines of the configuration text of event `index`; none if it has none.
  fileprivate subscript(text index: Int) -> [[UInt8]] {
    get {
      guard case .config(_, let text) = events[index] else { return [] }
      return text.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) }
    }
    set {
      guard case .config(let name, _) = events[index] else { return }
      events[index] = .config(name, text: Array(newValue.joined(separator: [0x0A])))
    }
  }
}
