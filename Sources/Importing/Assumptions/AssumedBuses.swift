import Platform

/// The bridges that device scopes pass, with the bus numbers that firmware could have given them.
///
/// Bus numbers are free for firmware to choose: a bridge gets the lowest run of buses, above the bus it is on, that is
/// as long as the number of bridges from it on. Buses that scopes name themselves are kept free; one below 20h gets a
/// root port of its own on bus 0, one from there on counts as a root bus.
struct AssumedBuses {
  /// A bridge to be numbered.
  private struct Bridge {
    let parent: Parent
    let devfn: UInt8
    /// Bridges from this one on.
    var weight = 1
    var children: [Int] = []
    /// Where it is, and what is behind it, once that is known.
    var place: SBDF?
    var buses: PCIFunction.Buses?
  }

  /// What a bridge sits on.
  private enum Parent: Hashable {
    case root(segment: UInt16, bus: UInt8)
    case bridge(Int)
  }

  private struct Key: Hashable {
    let parent: Parent
    let devfn: UInt8
  }

  /// Parents before their children.
  private var bridges: [Bridge] = []
  /// Bridges on root buses.
  private var tops: [(segment: UInt16, bus: UInt8, bridge: Int)] = []
  private var indices: [Key: Int] = [:]
  /// What scopes have on bus 0 of each segment.
  private var taken: Set<SBDF> = []
  /// Buses that scopes start on, and of those the ones on which devices are.
  private var named: Set<SBDF> = []
  private var populated: Set<SBDF> = []
  /// Secondary buses of numbered bridges.
  private var secondaries: [SBDF: UInt8] = [:]

  /// First bus that counts as a root bus when a scope starts on it.
  private static let firstRootBus: UInt8 = 0x20
  /// Where root ports are put: one of these with a free function.
  private static let rootPorts: [UInt8] = [0x1C, 0x1D, 0x1B, 0x01, 0x06]

  init() {}

  /// Takes in a scope of the table.
  mutating func add(_ scope: DeviceScope, segment: UInt16) {
    let bus = SBDF(segment, scope.startBus, 0, 0)
    named.insert(bus)
    if scope.startBus == 0, let first = scope.path.first {
      taken.insert(SBDF(segment, 0, first.device, first.function))
    }
    guard scope.kind == .endpoint || scope.kind == .bridge else { return }
    populated.insert(bus)
    var parent = Parent.root(segment: segment, bus: scope.startBus)
    for hop in scope.kind == .bridge ? scope.path[...] : scope.path.dropLast() {
      parent = .bridge(bridge(on: parent, SBDF(segment, 0, hop.device, hop.function).devfn))
    }
  }

  /// A path to a device behind a root port of its own on bus 0 of segment 0, nil if all places for ports are taken.
  mutating func addDevice() -> DeviceScope? {
    guard let port = freeRootPort(0) else { return nil }
    let scope = DeviceScope(
      .endpoint, startBus: 0, path: [.init(port.device, port.function), .init(0, 0)])
    add(scope, segment: 0)
    return scope
  }

  private func freeRootPort(_ segment: UInt16) -> SBDF? {
    for device in AssumedBuses.rootPorts {
      for function in 0..<8 as Range<UInt8> {
        let port = SBDF(segment, 0, device, function)
        if !taken.contains(port) { return port }
      }
    }
    return nil
  }

  private mutating func bridge(on parent: Parent, _ devfn: UInt8) -> Int {
    let key = Key(parent: parent, devfn: devfn)
    if let index = indices[key] { return index }
    let index = bridges.count
    bridges.append(Bridge(parent: parent, devfn: devfn))
    indices[key] = index
    switch parent {
    case .root(let segment, let bus): tops.append((segment, bus, index))
    case .bridge(let parent): bridges[parent].children.append(index)
    }
    return index
  }

  /// Gives all bridges their buses.
  mutating func number() {
    for index in bridges.indices.reversed() {
      if case .bridge(let parent) = bridges[index].parent { bridges[parent].weight += bridges[index].weight }
    }
    let devfns = bridges.map(\.devfn)
    for index in bridges.indices { bridges[index].children.sort { devfns[$0] < devfns[$1] } }
    tops.sort { ($0.segment, $0.bus, devfns[$0.bridge]) < ($1.segment, $1.bus, devfns[$1.bridge]) }
    var free = FreeBuses(named)
    numberPorts(&free)
    for top in tops where bridges[top.bridge].place == nil {
      let first = free.take(bridges[top.bridge].weight, segment: top.segment, above: top.bus)
      place(top.bridge, on: SBDF(top.segment, top.bus, 0, 0), first)
    }
  }

  /// Gives buses that scopes start on, devices on them, a root port on bus 0.
  private mutating func numberPorts(_ free: inout FreeBuses) {
    for bus in populated.sorted() where bus.bus != 0 && bus.bus < AssumedBuses.firstRootBus {
      let behind = tops.filter { $0.segment == bus.segment && $0.bus == bus.bus }.map(\.bridge)
      let weight = behind.reduce(0) { $0 + bridges[$1].weight }
      guard let port = freeRootPort(bus.segment), free.take(weight, after: bus) else { continue }
      taken.insert(port)
      let index = bridges.count
      bridges.append(Bridge(parent: .root(segment: bus.segment, bus: 0), devfn: port.devfn, weight: weight + 1))
      bridges[index].children = behind
      place(index, on: port, bus.bus)
    }
  }

  /// Numbers `bridge`, which is on the bus of `on`, and what is behind it; without a `first` bus they get none.
  private mutating func place(_ bridge: Int, on bus: SBDF, _ first: UInt8?) {
    let devfn = bridges[bridge].devfn
    let place = SBDF(segment: bus.segment, bdf: UInt16(bus.bus) << 8 | UInt16(devfn))
    bridges[bridge].place = place
    guard let first else {
      bridges[bridge].buses = .init(secondary: 0, subordinate: 0)
      return
    }
    bridges[bridge].buses = .init(secondary: first, subordinate: first &+ UInt8(bridges[bridge].weight - 1))
    secondaries[place] = first
    var next = first &+ 1
    for child in bridges[bridge].children {
      self.place(child, on: SBDF(bus.segment, first, 0, 0), next)
      next &+= UInt8(bridges[child].weight)
    }
  }

  /// The bridges with their buses; those behind one that could not be numbered are left out.
  var functions: [PCIFunction] {
    bridges.compactMap { bridge in
      guard let place = bridge.place else { return nil }
      return PCIFunction(
        place, kind: .pcieBridge, vendor: 0x8086, device: 0x9D10, classCode: 0x0604, buses: bridge.buses)
    }
  }

  /// The function that `scope` leads to, nil if a bridge on the way has no buses.
  func target(of scope: DeviceScope, segment: UInt16) -> SBDF? {
    guard let last = scope.path.last else { return nil }
    var bus = scope.startBus
    for hop in scope.path.dropLast() {
      guard let secondary = secondaries[SBDF(segment, bus, hop.device, hop.function)] else { return nil }
      bus = secondary
    }
    return SBDF(segment, bus, last.device, last.function)
  }
}

/// The buses of all segments that nothing is on yet.
private struct FreeBuses {
  private var used: Set<SBDF>

  init(_ named: Set<SBDF>) { used = named }

  private func isFree(_ segment: UInt16, _ first: Int, _ count: Int) -> Bool {
    guard first > 0, first + count <= 256 else { return false }
    return (first..<first + count).allSatisfy { !used.contains(SBDF(segment, UInt8($0), 0, 0)) }
  }

  private mutating func use(_ segment: UInt16, _ first: Int, _ count: Int) {
    for bus in first..<first + count { used.insert(SBDF(segment, UInt8(bus), 0, 0)) }
  }

  /// Takes the lowest `count` buses in a row above `bus`, else any; nil if there are none. Gives the first.
  mutating func take(_ count: Int, segment: UInt16, above bus: UInt8) -> UInt8? {
    guard count < 256 else { return nil }
    let places = Array(Int(bus) + 1..<256) + Array(1..<max(1, Int(bus)))
    guard let first = places.first(where: { isFree(segment, $0, count) }) else { return nil }
    use(segment, first, count)
    return UInt8(first)
  }

  /// Takes the `count` buses right after `bus`; false if one is not free.
  mutating func take(_ count: Int, after bus: SBDF) -> Bool {
    guard count == 0 || isFree(bus.segment, Int(bus.bus) + 1, count) else { return false }
    use(bus.segment, Int(bus.bus) + 1, count)
    return true
  }
}
