import Platform
import Tracing

extension Mutator {
  /// Puts events of `other` behind a beginning of `specimen`, `kept` events at least, or `other`'s host under `specimen`'s events.
  ///
  /// Devices that the host does not have are replaced by ones that it has, each always by the same.
  func splice(
    _ mutation: Mutation, _ other: Specimen, into specimen: inout Specimen, behind kept: Int,
    _ random: inout RandomSource
  ) {
    if mutation == .spliceHost {
      specimen.header.machine = other.header.machine
    } else {
      let head = specimen.events.prefix(kept + random.below(specimen.events.count - kept + 1))
      let tail = other.events.suffix(random.below(other.events.count + 1))
      // What stays may be longer than anything made here.
      specimen.events = Array((head + tail).prefix(max(kept, rules.eventCount)))
    }
    let host = specimen.header.machine
    let present = host.assignable
    guard !present.isEmpty else { return }
    var known = Set(host.functions.map(\.sbdf))
    for case .plug(let function) in specimen.events { known.insert(function.sbdf) }
    var replacement: [SBDF: SBDF] = [:]
    for device in specimen.events[kept...].flatMap(\.devices)
    where !known.contains(device) && replacement[device] == nil {
      replacement[device] = random.pick(present)
    }
    let names = Renaming(device: { [replacement] in replacement[$0] ?? $0 })
    if replacement.isEmpty { return }
    for index in specimen.events.indices[kept...] {
      if case .plug = specimen.events[index] { continue }
      specimen.events[index] = specimen.events[index].renamed(names)
    }
  }
}
