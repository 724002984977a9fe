import Platform

/// What kind of register sizing found, in a byte.
struct BARTraits {
  /// The type bits as they are in the register: bit 0 says I/O, bit 2 of memory 64 bits. Then the bits below.
  private let bits: UInt8

  private static let rom: UInt8 = 0x10
  private static let large: UInt8 = 0x20

  private init(bits: UInt8) { self.bits = bits }

  /// Those of a base address register.
  @inline(__always)
  init(of kind: BAR.Kind) {
    switch kind {
    case .io: bits = 1
    case .m32, .rom: bits = 0
    case .m32p: bits = 8
    case .m64: bits = 4
    case .m64p: bits = 12
    }
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
  /// Bytes or ports it takes in a window, and their alignment: whole pages where memory must not share one.
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
    shortSlot = UInt16(slot)
    shortFunction = UInt16(function)
    self.traits = traits
  }

  /// What stands where nothing was written yet.
  static let none = BARElement(footprint: 0, sizeOrder: 0, slot: 0, function: 0, traits: .expansionROM)
}

/// The list in the making: in memory for every register there can be, in the order in which they are found.
struct BARList {
  private let elements: UnsafeMutableBufferPointer<BARElement>
  private(set) var count = 0
  /// Bit n: there are elements of 2^n bytes.
  private var sizeOrders: UInt64 = 0
  /// How many of each power there are, where there are any.
  private let tally: UnsafeMutableBufferPointer<UInt16>

  /// An empty list in `elements`; `tally` has 64 places.
  init(in elements: UnsafeMutableBufferPointer<BARElement>, tally: UnsafeMutableBufferPointer<UInt16>) {
    precondition(tally.count == 64)
    self.elements = elements
    self.tally = tally
    tally.initialize(repeating: 0)
  }

  @inline(__always)
  mutating func append(_ element: BARElement) {
    precondition(count < elements.count, "more registers than were described")
    elements.baseAddress.unsafelyUnwrapped[count] = element
    count += 1
    sizeOrders |= element.size
    tally.baseAddress.unsafelyUnwrapped[Int(element.sizeOrder & 63)] &+= 1
  }

  /// Writes the list to `sorted`: each element before the first that is strictly smaller (LD-26), so that the largest
  /// come first, equal ones as found.
  func sort(into sorted: UnsafeMutableBufferPointer<BARElement>) {
    precondition(sorted.count >= count)
    guard let sorted = sorted.baseAddress, let tally = tally.baseAddress, let elements = elements.baseAddress
    else { return }
    var left = sizeOrders
    var next: UInt16 = 0
    while left != 0 {
      let sizeOrder = 63 &- left.leadingZeroBitCount
      left &= ~(1 << UInt64(sizeOrder & 63))
      let these = tally[sizeOrder]
      tally[sizeOrder] = next
      next &+= these
    }
    for index in 0..<count {
      let element = elements[index]
      let sizeOrder = Int(element.sizeOrder & 63)
      sorted[Int(tally[sizeOrder])] = element
      tally[sizeOrder] &+= 1
    }
  }
}
