import Platform

/// What an input says of a PCI function. Everything but its place may be unknown.
public struct FunctionFacts: Hashable, Sendable {
  /// Where it is.
  public let sbdf: SBDF
  /// Vendor id.
  public var vendor: UInt16?
  /// Device id.
  public var device: UInt16?
  /// Base class << 8 | subclass.
  public var classCode: UInt16?
  /// Programming interface.
  public var interface: UInt8?
  /// True for a bridge's header (type 1).
  public var isBridge: Bool?
  /// What it is to Xen.
  public var kind: PCIFunction.Kind?
  /// Buses behind a bridge.
  public var buses: PCIFunction.Buses?
  /// 1 = INTA to 4 = INTD.
  public var interruptPin: UInt8?
  /// The physical function it is a virtual function of.
  public var physicalFunction: SBDF?
  /// Its registers, ascending by index, none twice; nil if the input does not list them, which is not the same as none.
  public var bars: [BAR]?
  /// True if the registers' numbers are not told, only their order.
  public var numbersAreInferred = false

  /// A function of which nothing else is known.
  public init(_ sbdf: SBDF) { self.sbdf = sbdf }

  /// Adds a register; one with its index that is there already stays, but learns an address it lacks. False if the
  /// register lies in the upper half of another one, or the reverse.
  @discardableResult
  public mutating func add(_ bar: BAR) -> Bool {
    var bars = bars ?? []
    if let place = bars.firstIndex(where: { $0.index == bar.index }) {
      if bars[place].hostAddress == 0, bars[place].size == bar.size, bars[place].kind == bar.kind {
        bars[place].hostAddress = bar.hostAddress
      }
    } else {
      let meets = bars.contains { other in
        other.kind.is64Bit && other.index + 1 == bar.index || bar.kind.is64Bit && bar.index + 1 == other.index
      }
      if meets { return false }
      bars.append(bar)
      bars.sort { $0.index < $1.index }
    }
    self.bars = bars
    return true
  }

  /// Fills what is unknown from `other`, which is about the same function.
  mutating func fill(from other: FunctionFacts) {
    vendor = vendor ?? other.vendor
    device = device ?? other.device
    classCode = classCode ?? other.classCode
    interface = interface ?? other.interface
    isBridge = isBridge ?? other.isBridge
    kind = kind ?? other.kind
    buses = buses ?? other.buses
    interruptPin = interruptPin ?? other.interruptPin
    physicalFunction = physicalFunction ?? other.physicalFunction
    guard let theirs = other.bars else { return }
    if bars == nil || numbersAreInferred && !other.numbersAreInferred {
      bars = theirs
      numbersAreInferred = other.numbersAreInferred
    } else if !other.numbersAreInferred {
      for bar in theirs { add(bar) }
    }
  }

  /// True if the two say different things of the same function, unknown ones aside.
  func contradicts(_ other: FunctionFacts) -> Bool {
    func differ<Value: Equatable>(_ left: Value?, _ right: Value?) -> Bool {
      if let left, let right { left != right } else { false }
    }
    return differ(vendor, other.vendor) || differ(device, other.device) || differ(classCode, other.classCode)
      || differ(buses, other.buses)
  }
}
