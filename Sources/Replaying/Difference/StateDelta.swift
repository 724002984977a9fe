import AddressSpace
import Editions
import Hypervisor
import Platform
import Simulation
import Tracing

/// Where two hosts differ, in the words of traces: a topic and what either has of it that the other has not.
public struct StateDelta: Hashable, Sendable {
  /// One topic.
  public struct Item: Hashable, Sendable {
    /// What is compared: `iommu`, `units`, `owner 0000:00:02.0`, `e820 dom1`, `p2m dom1`, …: the query that asks for it.
    public var topic: String
    /// What only the one has.
    public var left: [String]
    /// What only the other has.
    public var right: [String]
  }

  /// The topics that differ: the host, its devices, then guest by guest.
  public private(set) var items: [Item] = []

  /// True if nothing differs.
  public var isEmpty: Bool { items.isEmpty }

  /// What differs here and not, in the same way, in `other`.
  public func without(_ other: StateDelta) -> StateDelta {
    var rest = self
    rest.items.removeAll(where: other.items.contains)
    return rest
  }

  /// Compares two hosts.
  public init(_ left: Host, _ right: Host) {
    var sides = (left, right)
    func compare(_ query: Query) {
      add(query, StateDelta.answer(query, &sides.0), StateDelta.answer(query, &sides.1))
    }
    for query in [Query.iommu, .warnings, .units(nil)] { compare(query) }
    if left.hypervisor.hostCrash != right.hypervisor.hostCrash {
      func words(_ host: Host) -> [String] { host.hypervisor.hostCrash.map { ["crashed by \($0)"] } ?? ["up"] }
      items.append(Item(topic: "host", left: words(left), right: words(right)))
    }
    compareDevices(left, right)
    for name in Set(left.guests.map(\.name) + right.guests.map(\.name)).sorted() {
      guard StateDelta.mayDiffer(name, left, right) else { continue }
      compare(.domain(name))
      guard let one = left.guest(named: name), let other = right.guest(named: name) else { continue }
      for query in [Query.layout(name), .rdms(name), .memoryMap(name), .e820(name), .bars(name)] { compare(query) }
      guard let first = left.hypervisor.domain(one.domain), let second = right.hypervisor.domain(other.domain) else {
        continue
      }
      add(
        topic: "p2m \(name)", pieces: StateDelta.pieces(first.p2m, second.p2m) { $0.text(at: $1) })
      add(
        topic: "iommu-table \(name)",
        pieces: StateDelta.pieces(StateDelta.deviceView(of: first), StateDelta.deviceView(of: second)) {
          $0.text(at: $1)
        })
    }
  }

  /// False if the guests called `name` are the same, as far as identity tells cheaply.
  private static func mayDiffer(_ name: GuestName, _ left: Host, _ right: Host) -> Bool {
    guard let one = left.guest(named: name), let other = right.guest(named: name), one == other else { return true }
    return left.hypervisor.domain(one.domain) != right.hypervisor.domain(other.domain)
      || left.toolstack.guest(one.domain) != right.toolstack.guest(other.domain)
  }

  private static func answer(_ query: Query, _ host: inout Host) -> Observation {
    if case .answer(let answer) = host.apply(.query(query)) { answer } else { Observation([]) }
  }

  private mutating func add(_ query: Query, _ left: Observation, _ right: Observation) {
    if left == right { return }
    func words(_ observation: Observation) -> [String] {
      observation.words + observation.fields.map { "\($0.key)=\($0.value)" }
    }
    let (one, other) = (words(left), words(right))
    let onlyLeft = one.filter { !other.contains($0) }
    let onlyRight = other.filter { !one.contains($0) }
    // The same words in another order differ as a whole.
    let isOrder = onlyLeft.isEmpty && onlyRight.isEmpty
    items.append(
      Item(topic: TraceStep(.query(query)).text, left: isOrder ? one : onlyLeft, right: isOrder ? other : onlyRight))
  }

  private mutating func add(topic: String, pieces: [(frames: FrameRange, left: String, right: String)]) {
    if pieces.isEmpty { return }
    items.append(
      Item(
        topic: topic, left: pieces.map { "\($0.frames):\($0.left)" }, right: pieces.map { "\($0.frames):\($0.right)" }))
  }

  private mutating func compareDevices(_ left: Host, _ right: Host) {
    func word(_ sbdf: SBDF, _ host: Host) -> String {
      guard let device = host.hypervisor.device(sbdf) else { return "absent" }
      let owner = device.owner.map { "\(host.name(of: $0) ?? $0)" } ?? "nobody"
      return owner + (device.isStrict ? " strict" : "") + (device.isBroken ? " broken" : "")
    }
    for sbdf in Set(left.hypervisor.devices.map(\.sbdf) + right.hypervisor.devices.map(\.sbdf)).sorted() {
      let (one, other) = (word(sbdf, left), word(sbdf, right))
      if one != other { items.append(Item(topic: "owner \(sbdf)", left: [one], right: [other])) }
    }
  }

  /// What the devices of `domain` see.
  private static func deviceView(of domain: Domain) -> RangeMap<DMAEntry> {
    guard domain.dmaTables == .shared else { return domain.dmaTable }
    var view = RangeMap<DMAEntry>()
    guard let last = domain.p2m.runs.last else { return view }
    domain.forEachDevicePiece(in: FrameRange(0, last.frames.end)) { frames, entry in view.set(frames, to: entry) }
    return view
  }

  /// The frames that the two maps show differently, ascending; a hole is called so.
  static func pieces<Entry>(
    _ left: RangeMap<Entry>, _ right: RangeMap<Entry>, _ text: (Entry, UInt64) -> String
  ) -> [(frames: FrameRange, left: String, right: String)] {
    var pieces: [(frames: FrameRange, left: String, right: String)] = []
    func word(_ entry: Entry?, _ frames: FrameRange) -> String { entry.map { text($0, frames.start) } ?? "hole" }
    for run in left.runs {
      right.forEachPiece(in: run.frames) { frames, entry in
        if entry != run.value { pieces.append((frames, word(run.value, frames), word(entry, frames))) }
        return true
      }
    }
    for run in right.runs {
      left.forEachPiece(in: run.frames) { frames, entry in
        if entry == nil { pieces.append((frames, "hole", word(run.value, frames))) }
        return true
      }
    }
    return pieces.sorted { $0.frames < $1.frames }.filter { $0.left != $0.right }
  }
}
