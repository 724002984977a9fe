import Platform
import Toolstack

/// Fields of an emulated function.
private enum EmulatedKey: Equatable {
  case id, classCode, pin
  /// A BAR by its index, 6 for the ROM.
  case register(UInt8)

  static let vocabulary = Vocabulary<EmulatedKey>([
    ("id=", .id), ("class=", .classCode), ("pin=", .pin), ("bar0=", .register(0)), ("bar1=", .register(1)),
    ("bar2=", .register(2)), ("bar3=", .register(3)), ("bar4=", .register(4)), ("bar5=", .register(5)),
    ("rom=", .register(6)),
  ])
}

extension LineCursor {
  /// `02.0,id=5853:0001,class=ff80,pin=1,bar0=io:256`: a function of the device model's, added to `functions` in order.
  mutating func emulatedFunction(into functions: inout [GuestFunction]?) throws(TraceError) {
    let start = position
    let what = "a device and function such as 02.0"
    guard let device = hexRun(1...2), device < 32, skip(UInt8(ascii: ".")), let place = hexRun(1...1), place < 8 else {
      throw expected(what, at: start)
    }
    var function = GuestFunction(
      devfn: UInt8(device << 3 | place), vendor: 0x8086, device: 0, classCode: 0)
    let mark = mark
    while skip(UInt8(ascii: ",")) {
      let start = position
      switch try keyHere(in: EmulatedKey.vocabulary, since: mark) {
      case .id: (function.vendor, function.device) = try ids()
      case .classCode: function.classCode = try classCode()
      case .pin: function.interruptPin = try number(UInt8.self, "an interrupt pin", to: 4)
      case .register(let index): try add(try bar(index), to: &function.bars, at: start)
      case nil: throw expectedKey("id=, class=, pin=, bar0= to bar5= or rom=")
      }
    }
    forgetKeys(since: mark)
    function.bars.sort { $0.index < $1.index }
    var all = functions ?? []
    let index = all.firstIndex { $0.devfn >= function.devfn } ?? all.endIndex
    if index < all.endIndex, all[index].devfn == function.devfn {
      throw failure("expected one function at an address, found another", at: start)
    }
    all.insert(function, at: index)
    functions = all
  }
}

extension CanonicalText {
  /// What a log tells of a guest's start, each word with a blank before it.
  mutating func put(_ recorded: RecordedStart) {
    if let end = recorded.lowMemoryEnd {
      put(" low=")
      put(hex: end)
    }
    if let end = recorded.highMemoryEnd {
      put(" high=")
      put(hex: end)
    }
    if let bios = recorded.bios {
      put(" bios=")
      put(bios.rawValue)
    }
    if let bytes = recorded.biosBytes {
      put(" bios-size=")
      put(size: UInt64(bytes))
    }
    if let pages = recorded.acpiPages {
      put(" acpi-pages=")
      put(decimal: pages)
    }
    if let mayRelocate = recorded.mayRelocate { put(mayRelocate ? " relocate" : " -relocate") }
    if let size = recorded.holeSize {
      put(" hole-key=")
      put(size: size)
    }
    for function in recorded.functions ?? [] {
      put(" function=")
      put(digits: function.devfn >> 3, width: 2)
      put(".")
      put(digits: function.devfn & 7, width: 1)
      put(",id=")
      put(digits: function.vendor, width: 4)
      put(":")
      put(digits: function.device, width: 4)
      put(",class=")
      put(digits: function.classCode, width: 4)
      if function.interruptPin != 0 {
        put(",pin=")
        put(decimal: function.interruptPin)
      }
      for bar in function.bars {
        put(",")
        put(bar)
      }
    }
  }
}
