import AddressSpace
import Editions
import Hypercalls
import Platform
import Sharing

/// The reserved ranges the hypervisor knows of, in list order, with an index by device.
///
/// The list is fixed at boot (HV-56). Looking up the units of a device allocates nothing and takes time logarithmic in
/// the number of listed devices.
public struct UnitList: Hashable, Sendable {
  /// The units in list order, head first.
  public let units: [RMRRUnit]

  /// What is looked up, in a box: a copy of the list is two pointers.
  private let index: Shared<Index>
  private let scopeEnd: BootDecisions.ScopeEnd
  private let countsWrap: Bool
  private let emptyUnits: BootDecisions.EmptyUnits

  private struct Index: Hashable, Sendable {
    /// Visible devices ascending by address, then by unit, no pair twice: the address in the upper half, the unit below.
    var pairs: [UInt64] = []
    /// The units of every function if some list runs of them, in place of the pairs.
    var runs: UnitRuns?
    /// How many devices share each unit (HV-86).
    var deviceCounts: [Int] = []
    /// The units with pages, ascending by their frames.
    var extents: [Extent] = []
  }

  /// The frames of a unit, not empty.
  private struct Extent: Hashable, Sendable {
    let frames: FrameRange
    let unit: Int
    /// How far this one and those in front of it reach at most.
    var reach: UInt64
  }

  /// The list of `units`, in list order.
  public init(_ units: [RMRRUnit] = [], decisions: BootDecisions) {
    self.units = units
    scopeEnd = decisions.scopeEnd
    emptyUnits = decisions.emptyUnits
    countsWrap = decisions.rangeLimit == .none
    var index = Index()
    index.extents.reserveCapacity(units.count)
    var count = 0
    var hasRuns = false
    for place in units.indices {
      count += units[place].devices.count
      if !units[place].runs.isEmpty { hasRuns = true }
      let frames = units[place].frames
      if !frames.isEmpty { index.extents.append(Extent(frames: frames, unit: place, reach: frames.end)) }
    }
    if hasRuns {
      index.runs = UnitRuns(units, scopeEnd)
    } else {
      index.pairs.reserveCapacity(count)
      for place in units.indices {
        let segment = UInt64(units[place].segment) << 48
        for bdf in units[place].visibleDevices(scopeEnd) {
          index.pairs.append(segment | UInt64(bdf) << 32 | UInt64(place))
        }
      }
      index.pairs.sortAndMerge()
    }
    if index.extents.count > 1 {
      index.extents.sort { ($0.frames, $0.unit) < ($1.frames, $1.unit) }
      for place in 1..<index.extents.count {
        index.extents[place].reach = max(index.extents[place - 1].reach, index.extents[place].reach)
      }
    }
    index.deviceCounts =
      switch decisions.sharing {
      case .listLength: units.map { $0.runs.reduce($0.devices.count) { $0 + $1.count } }
      case .commonPages: UnitList.devicesInCommonPages(of: units, index.extents)
      }
    self.index = Shared(index)
  }

  /// For each unit the number of different devices listed in any unit that hangs together with it by common pages. A unit
  /// without a page hangs together with none; `ascending` are the others by their frames.
  private static func devicesInCommonPages(
    of units: [RMRRUnit], _ ascending: [Extent]
  ) -> [Int] {
    var counts: [Int] = []
    counts.reserveCapacity(units.count)
    for unit in units {
      let isPlain = unit.devices.count < 2 && unit.runs.isEmpty
      counts.append(isPlain ? unit.devices.count : different(in: CollectionOfOne(unit)))
    }
    var first = 0
    while first < ascending.count {
      var next = first + 1
      var end = ascending[first].frames.end
      while next < ascending.count, ascending[next].frames.start < end {
        end = max(end, ascending[next].frames.end)
        next += 1
      }
      if next - first > 1 {
        let count = different(in: ascending[first..<next].lazy.map { units[$0.unit] })
        for extent in ascending[first..<next] { counts[extent.unit] = count }
      }
      first = next
    }
    return counts
  }

  /// The number of different devices that `units` list.
  private static func different(in units: some Collection<RMRRUnit>) -> Int {
    if units.contains(where: { !$0.runs.isEmpty }) { return differentRuns(in: units) }
    let count = units.reduce(0) { $0 + $1.devices.count }
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { devices in
      var next = 0
      for unit in units {
        for bdf in unit.devices {
          devices.initializeElement(at: next, to: SBDF(segment: unit.segment, bdf: bdf).rawValue)
          next += 1
        }
      }
      var ascending = devices
      ascending.sort()
      return ascending.indices.count(where: { $0 == 0 || ascending[$0] != ascending[$0 - 1] })
    }
  }

  /// The same where units list runs of devices.
  private static func differentRuns(in units: some Collection<RMRRUnit>) -> Int {
    var functions: [UInt16: BDFSet] = [:]
    for unit in units {
      for bdf in unit.devices { functions[unit.segment, default: BDFSet()].insert(BDFRange(bdf)) }
      for run in unit.runs { functions[unit.segment, default: BDFSet()].insert(run) }
    }
    return functions.values.reduce(0) { $0 + $1.count }
  }

  /// The devices of unit `index` that take part in mapping, assignment and reporting (HV-13).
  public func visibleDevices(of index: Int) -> ArraySlice<UInt16> { units[index].visibleDevices(scopeEnd) }

  /// True if `isMeant` is true of a unit that has a page in common with `unit`, itself among them, by their indices; one
  /// without a page has none.
  func contains(sharing unit: Int, where isMeant: (Int) -> Bool) -> Bool {
    let frames = units[unit].frames
    if frames.isEmpty { return false }
    let extents = index.value.extents
    // The last that begins before its end, and from there down as long as any reaches its start.
    var place = 0
    var high = extents.count
    while place < high {
      let middle = (place + high) / 2
      if extents[middle].frames.start < frames.end { place = middle + 1 } else { high = middle }
    }
    while place > 0, extents[place - 1].reach > frames.start {
      place -= 1
      if extents[place].frames.overlaps(frames), isMeant(extents[place].unit) { return true }
    }
    return false
  }

  /// How many devices share `unit`, by its index; strict assignment takes 1 at most (HV-86).
  public func deviceCount(of unit: Int) -> Int { index.value.deviceCounts[unit] }

  /// The indices of the units that list `function`, ascending: list order (HV-85). Phantom functions match by their own
  /// address. A unit that lists it twice occurs once.
  public func matching(_ function: SBDF) -> Matches {
    if let runs = index.value.runs { return Matches(owners: runs.units(of: function)) }
    let pairs = index.value.pairs
    let first = UInt64(function.rawValue) << 32
    let low = pairs.partitionIndex { $0 >= first }
    var end = low
    while end < pairs.count, pairs[end] >> 32 == first >> 32 { end += 1 }
    return Matches(owners: pairs[low..<end])
  }

  /// Indices of units in list order.
  public struct Matches: RandomAccessCollection, Sendable {
    // The units in the lower halves.
    fileprivate let owners: ArraySlice<UInt64>
    /// No unit.
    static let none = Matches(owners: [])
    /// Position of the first.
    public var startIndex: Int { owners.startIndex }
    /// Position behind the last.
    public var endIndex: Int { owners.endIndex }
    /// The index of a unit in `UnitList.units`.
    public subscript(position: Int) -> Int { Int(UInt32(truncatingIfNeeded: owners[position])) }
  }

  /// What the hypervisor reports of unit `index`; nil for a unit without a page (HV-50).
  public func reservedRange(of index: Int) -> ReservedRange? {
    let unit = units[index]
    let first = Page.frame(of: unit.base)
    // An end in the last page of all wraps (HV-22).
    let count = countsWrap ? Page.frameUp(of: unit.end) &- first : unit.frames.count
    return count == 0 && emptyUnits == .passedOver ? nil : ReservedRange(firstFrame: first, frameCount: count)
  }

  /// Answers reserved_device_memory_map: the units of `function`, or with `all` every visible one, each once, in list
  /// order (HV-47…50, HV-55).
  ///
  /// `ranges` is overwritten with the first `capacity` records at most. `count` is the number there are; `result` is 0,
  /// or -ENOBUFS if they are more than `capacity`.
  public func report(
    for function: SBDF, all: Bool, capacity: UInt32, into ranges: inout [ReservedRange]
  ) -> (count: UInt32, result: Int) {
    ranges.removeAll(keepingCapacity: true)
    var count: UInt32 = 0
    func offer(_ index: Int) {
      guard let range = reservedRange(of: index) else { return }
      if count < capacity { ranges.append(range) }
      count += 1
    }
    if all {
      for index in units.indices where units[index].isVisible(scopeEnd) { offer(index) }
    } else {
      for index in matching(function) { offer(index) }
    }
    return (count, count > capacity ? Errno.ENOBUFS.negated : 0)
  }
}

extension RMRRUnit {
  /// The devices up to where the list ends for Xen (HV-13).
  func visibleDevices(_ scopeEnd: BootDecisions.ScopeEnd) -> ArraySlice<UInt16> {
    switch scopeEnd {
    case .zeroBDF: devices.prefix { $0 != 0 }
    case .lastDevice: devices[...]
    }
  }
  /// True if a device takes part at all (HV-13).
  func isVisible(_ scopeEnd: BootDecisions.ScopeEnd) -> Bool {
    switch scopeEnd {
    case .zeroBDF: (devices.first ?? 0) != 0 || !runs.isEmpty
    case .lastDevice: !devices.isEmpty || !runs.isEmpty
    }
  }
}

extension [UInt64] {
  /// Puts the elements in ascending order, each once. Mostly they are.
  fileprivate mutating func sortAndMerge() {
    if count < 2 || (1..<count).allSatisfy({ self[$0 - 1] < self[$0] }) { return }
    sort()
    var end = 1
    for place in 1..<count where self[place] != self[end - 1] {
      self[end] = self[place]
      end += 1
    }
    removeSubrange(end...)
  }
}
