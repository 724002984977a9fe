import Platform

/// What kind of register sizing found, in a byte.
struct BARTraits {
  /// The type bits as they are in the register: bit 0 says I/O, bit 2 of memory 64 bits. Then the bits below.
  private let bits: UInt8

  private static let rom: UInt8 = 0x10
  private static let large: UInt8 = 0x20

  private init(bits: UInt8) { self.bits = bits }

  /// The type bits of each kind, a byte each in the order in which they are declared.
  private static let typeBits: UInt64 = 0x00_0C_04_08_00_01

  /// Those of a base address register. Shifted out of a word: nobody can predict branches on kinds.
  @inline(__always)
  init(of kind: BAR.Kind) {
    bits = UInt8(truncatingIfNeeded: BARTraits.typeBits >> ((UInt64(unsafeBitCast(kind, to: UInt8.self)) &* 8) & 63))
  }

  /// Those of an expansion ROM.
  static let expansionROM = BARTraits(bits: rom)
  /// Those of an enabled one that is taken for I/O (LD-37).
  static let romAsIO = BARTraits(bits: rom | 1)

  /// The same, if `isLarge` above the threshold for low places.
  @inline(__always)
  func marked(isLarge: Bool) -> BARTraits { BARTraits(bits: isLarge ? bits | BARTraits.large : bits) }

  /// Type bits kept when it is written.
  var typeBits: UInt32 { UInt32(bits & 0xF) }
  /// The register reads as I/O when it is assigned: I/O BARs and enabled ROMs (LD-37).
  var readsIO: Bool { bits & 1 != 0 }
  var is64: Bool { bits & 4 != 0 }
  var isROM: Bool { bits & BARTraits.rom != 0 }
  /// Larger than what may be low.
  var isLarge: Bool { bits & BARTraits.large != 0 }
  /// An I/O BAR.
  var isIO: Bool { bits & (BARTraits.rom | 1) == 1 }
  /// The bit of the command word that lets it decode.
  var decodeBit: UInt16 { isIO ? 1 : 2 }
}

/// A register that sizing found, in the loader's list (LD-26).
///
/// Narrow, 16 bytes: lists of elements are sorted and walked again and again. Bus 0 has 256 functions of seven registers.
struct BARElement {
  /// Bytes it takes in a window of memory, and their alignment: whole pages where it must not share one.
  let footprint: UInt64
  private let shortSlot: UInt16
  private let shortFunction: UInt16
  /// What the register decodes is 2 to the power of this.
  let sizeOrder: UInt8
  let traits: BARTraits

  /// What the register decodes.
  var size: UInt64 { 1 << UInt64(sizeOrder & 63) }
  /// Index in `report.bars`.
  var slot: Int { Int(shortSlot) }
  /// Index in `report.commands`.
  var function: Int { Int(shortFunction) }

  @inline(__always)
  init(footprint: UInt64, sizeOrder: UInt8, slot: Int, function: Int, traits: BARTraits) {
    self.footprint = footprint
    self.sizeOrder = sizeOrder
    shortSlot = UInt16(truncatingIfNeeded: slot)
    shortFunction = UInt16(truncatingIfNeeded: function)
    self.traits = traits
  }

  /// What stands where nothing was written yet.
  static let none = BARElement(footprint: 0, sizeOrder: 0, slot: 0, function: 0, traits: .expansionROM)
}

/// The list in the making: memory for every register there can be, in the order in which they are found.
struct BARList {
  private let elements: UnsafeMutableBufferPointer<BARElement>
  private let bars: UnsafeMutableBufferPointer<PlacedBAR>
  /// How many elements there are of each size.
  private let tally: UnsafeMutableBufferPointer<UInt16>
  private(set) var count = 0
  /// Registers found, those that are not in the list among them.
  private(set) var barCount = 0
  /// Bit n: there are elements of 2^n bytes.
  private var sizes: UInt64 = 0
  private(set) var totals = BARTotals()

  /// An empty list; `tally` has 64 places, the others one for each register.
  init(
    in elements: UnsafeMutableBufferPointer<BARElement>, _ bars: UnsafeMutableBufferPointer<PlacedBAR>,
    tally: UnsafeMutableBufferPointer<UInt16>
  ) {
    precondition(tally.count == 64 && bars.count <= elements.count)
    self.elements = elements
    self.bars = bars
    self.tally = tally
    tally.initialize(repeating: 0)
  }

  /// Registers found so far, for the report.
  var found: UnsafeBufferPointer<PlacedBAR> { UnsafeBufferPointer(rebasing: bars[..<barCount]) }

  /// Adds a register that is not in the list.
  @inline(__always)
  mutating func append(_ bar: PlacedBAR) {
    precondition(barCount < bars.count, "more registers than were described")
    bars.baseAddress.unsafelyUnwrapped[barCount] = bar
    barCount &+= 1
  }

  /// Adds a register and its element.
  @inline(__always)
  mutating func append(_ bar: PlacedBAR, _ element: BARElement) {
    append(bar)
    // There are never more elements than registers, and an order has six bits.
    elements.baseAddress.unsafelyUnwrapped[count] = element
    count &+= 1
    tally.baseAddress.unsafelyUnwrapped[Int(element.sizeOrder & 63)] &+= 1
    sizes |= element.size
    totals.add(element)
  }

  /// Writes the list to `sorted`: each element before the first that is strictly smaller (LD-26), so that the largest
  /// come first, equal ones as found.
  func sort(into sorted: UnsafeMutableBufferPointer<BARElement>) {
    precondition(sorted.count >= count)
    guard let sorted = sorted.baseAddress, let tally = tally.baseAddress, let elements = elements.baseAddress
    else { return }
    var place = UInt16(truncatingIfNeeded: count)
    var left = sizes
    while left != 0 {
      let order = left.trailingZeroBitCount
      left &= left &- 1
      place &-= tally[order]
      tally[order] = place
    }
    for index in 0..<count {
      let order = Int(elements[index].sizeOrder & 63)
      (sorted + Int(tally[order])).update(from: elements + index, count: 1)
      tally[order] &+= 1
    }
  }
}

/// What the scan adds up (LD-25).
struct BARTotals {
  /// Bytes of memory BARs that are candidates for the low window.
  private(set) var memory: UInt64 = 0
  /// A 64-bit BAR is above the threshold.
  private(set) var force = false

  @inline(__always)
  fileprivate mutating func add(_ element: BARElement) {
    if element.traits.is64, element.traits.isLarge {
      force = true
    } else if !element.traits.isIO {
      memory &+= element.footprint
    }
  }
}
