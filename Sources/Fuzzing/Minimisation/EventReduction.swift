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

  private func distinct<Value: Hashable>(_ values: [Value]) -> [Value] {
    var seen: Set<Value> = []
    return values.filter { seen.insert($0).inserted }
  }
}

extension Event {
  fileprivate var isFault: Bool { if case .fault = self { true } else { false } }
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
