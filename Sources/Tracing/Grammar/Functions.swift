import Platform

/// Fields of a function.
private enum FunctionKey: Equatable {
  case id, classCode, kind, pin, buses, phantom, virtualFunction
  /// A BAR by its index, 6 for the ROM.
  case register(UInt8)

  static let vocabulary = Vocabulary<FunctionKey>([
    ("id=", .id), ("class=", .classCode), ("kind=", .kind), ("pin=", .pin), ("bar0=", .register(0)),
    ("bar1=", .register(1)), ("bar2=", .register(2)), ("bar3=", .register(3)), ("bar4=", .register(4)),
    ("bar5=", .register(5)), ("rom=", .register(6)), ("buses=", .buses), ("phantom=", .phantom),
    ("vf-of=", .virtualFunction),
  ])
}

extension PCIFunction.Kind: GrammarWord {
  static let vocabulary = Vocabulary(PCIFunction.Kind.self)
}

extension BAR.Kind: GrammarWord {
  static let vocabulary = Vocabulary(BAR.Kind.self)
}

extension LineCursor {
  /// A function of the host: its address, then fields in any order.
  mutating func function() throws(TraceError) -> PCIFunction {
    try word("a PCI address such as 0000:00:02.0")
    var function = PCIFunction(try sbdf())
    while try !atEnd() {
      let start = position
      let key = try keyHere(in: FunctionKey.vocabulary)
      switch key {
      case .id: (function.vendor, function.device) = try ids()
      case .classCode: function.classCode = try classCode()
      case .kind: function.kind = try choice(PCIFunction.Kind.self)
      case .pin: function.interruptPin = try number(UInt8.self, "an interrupt pin", to: 4)
      case .register(let index): try add(try bar(index), to: &function.bars, at: start)
      case .buses:
        let secondary = UInt8(try hexDigits(1...2, "bus numbers such as 01-03"))
        guard skip(UInt8(ascii: "-")) else { throw expected("- and the last bus") }
        let subordinate = UInt8(try hexDigits(1...2, "a bus number such as 03"))
        function.buses = PCIFunction.Buses(secondary: secondary, subordinate: subordinate)
      case .phantom:
        let start = position
        function.phantomStride = try number(UInt8.self, "a stride")
        guard [0, 1, 2, 4].contains(function.phantomStride) else { throw expected("0, 1, 2 or 4", at: start) }
      case .virtualFunction: function.physicalFunction = try sbdf()
      case nil:
        throw expectedKey("id=, class=, kind=, pin=, bar0= to bar5=, rom=, buses=, phantom= or vf-of=")
      }
    }
    let isSorted = zip(function.bars, function.bars.dropFirst()).allSatisfy { $0.index < $1.index }
    if !isSorted { function.bars.sort { $0.index < $1.index } }
    return function
  }

  /// `8086:1616`.
  mutating func ids() throws(TraceError) -> (vendor: UInt16, device: UInt16) {
    let vendor = UInt16(try hexDigits(4...4, "ids such as 8086:1616"))
    guard skip(UInt8(ascii: ":")) else { throw expected(": and a device id") }
    return (vendor, UInt16(try hexDigits(4...4, "a device id such as 1616")))
  }

  /// `0300`.
  mutating func classCode() throws(TraceError) -> UInt16 { UInt16(try hexDigits(4...4, "a class such as 0300")) }

  /// Appends a BAR that begins at byte `start`, if no other is in its way.
  func add(_ bar: BAR, to bars: inout [BAR], at start: Int) throws(TraceError) {
    if let other = bars.first(where: { $0.isUpperHalf(bar.index) || bar.isUpperHalf($0.index) }) {
      throw failure(
        "expected no BAR in the upper half of a 64-bit one, found bar\(bar.index) beside bar\(other.index)", at: start)
    }
    bars.append(bar)
  }

  /// `m64:16M@0xf0000000`; a ROM has no kind.
  mutating func bar(_ index: UInt8) throws(TraceError) -> BAR {
    var kind = BAR.Kind.rom
    if index != 6 {
      let start = position
      guard let named = name(in: BAR.Kind.vocabulary), named != .rom, skip(UInt8(ascii: ":")) else {
        throw expected("io:, m32:, m32p:, m64: or m64p: and a size", at: start)
      }
      if index == 5, named.is64Bit { throw expected("a BAR of 32 bits, the last has no upper half", at: start) }
      kind = named
    }
    let start = position
    let size = try size()
    guard size.nonzeroBitCount == 1 else { throw expected("a power of two", at: start) }
    return BAR(index, kind, size: size, hostAddress: skip(UInt8(ascii: "@")) ? try address() : 0)
  }
}

extension BAR {
  /// True if the register `other` holds this BAR's upper half.
  fileprivate func isUpperHalf(_ other: UInt8) -> Bool { kind.is64Bit && other == index &+ 1 && other < 6 }
}

extension CanonicalText {
  /// `bar0=m64:16M@0xf0000000`.
  mutating func put(_ bar: BAR) {
    if bar.index == 6 {
      put("rom=")
    } else {
      put("bar")
      put(decimal: bar.index)
      put("=")
      put(bar.kind.rawValue)
      put(":")
    }
    put(size: bar.size)
    if bar.hostAddress != 0 {
      put("@")
      put(hex: bar.hostAddress)
    }
  }

  mutating func put(_ function: PCIFunction) {
    put(function.sbdf)
    put(" id=")
    put(digits: function.vendor, width: 4)
    put(":")
    put(digits: function.device, width: 4)
    put(" class=")
    put(digits: function.classCode, width: 4)
    put(" kind=")
    put(function.kind.rawValue)
    if function.interruptPin != 0 {
      put(" pin=")
      put(decimal: function.interruptPin)
    }
    for bar in function.bars {
      put(" ")
      put(bar)
    }
    if let buses = function.buses {
      put(" buses=")
      put(digits: buses.secondary, width: 2)
      put("-")
      put(digits: buses.subordinate, width: 2)
    }
    if function.phantomStride != 0 {
      put(" phantom=")
      put(decimal: function.phantomStride)
    }
    if let physical = function.physicalFunction {
      put(" vf-of=")
      put(physical)
    }
  }
}
