/// A format of hvmloader's `printf`: what of it C's has, and no more.
struct ConsoleFormat: Hashable, Sendable {
  /// `%`, flags, width, `l`, a letter.
  struct Conversion: Hashable, Sendable {
    var leftAligned = false
    var zeroPadded = false
    var width = 0
    /// How often `l` stands in it.
    var longs = 0
    /// `d`, `i`, `u`, `x`, `X`, `o`, `c`, `s` or `p`.
    var letter: UInt8

    /// Words of 32 bits that it takes.
    var words: Int { longs == 2 ? 2 : 1 }

    /// The conversion behind the `%` at `place` of `text`, which ends up behind it; nil if it is none of these.
    init?(_ text: [UInt8], at place: inout Int) {
      var next = place + 1
      var byte: UInt8 { next < text.count ? text[next] : 0 }
      letter = 0
      if byte == UInt8(ascii: "-") {
        leftAligned = true
        next += 1
      }
      if byte == UInt8(ascii: "0") {
        zeroPadded = true
        next += 1
      }
      while 0x30...0x39 ~= byte, width < 100 {
        width = 10 * width + Int(byte - 0x30)
        next += 1
      }
      while byte == UInt8(ascii: "l"), longs < 3 {
        longs += 1
        next += 1
      }
      guard "diuxXocsp".utf8.contains(byte), longs < 3 else { return nil }
      letter = byte
      place = next + 1
    }

    /// Its text in a format.
    var text: [UInt8] {
      var text = [UInt8(ascii: "%")]
      if leftAligned { text.append(UInt8(ascii: "-")) }
      if zeroPadded { text.append(UInt8(ascii: "0")) }
      if width > 0 { text += "\(width)".utf8 }
      text += [UInt8](repeating: UInt8(ascii: "l"), count: longs)
      return text + [letter]
    }

    /// What `value` is printed as; `string` is what it points to.
    func printed(_ value: UInt64, string: [UInt8] = []) -> [UInt8] {
      var digits: [UInt8]
      var sign: [UInt8] = []
      switch letter {
      case UInt8(ascii: "s"): digits = string
      case UInt8(ascii: "c"): digits = [UInt8(truncatingIfNeeded: value)]
      case UInt8(ascii: "o"): digits = Array(String(value, radix: 8).utf8)
      case UInt8(ascii: "x"), UInt8(ascii: "p"): digits = Array(String(value, radix: 16).utf8)
      case UInt8(ascii: "X"): digits = Array(String(value, radix: 16, uppercase: true).utf8)
      case UInt8(ascii: "u"): digits = Array(String(value).utf8)
      default:
        let number = longs == 2 ? Int64(bitPattern: value) : Int64(Int32(truncatingIfNeeded: value))
        digits = Array(String(number.magnitude).utf8)
        if number < 0 { sign = [UInt8(ascii: "-")] }
      }
      let padding = max(0, width - digits.count - sign.count)
      if leftAligned { return sign + digits + [UInt8](repeating: UInt8(ascii: " "), count: padding) }
      return zeroPadded
        ? sign + [UInt8](repeating: UInt8(ascii: "0"), count: padding) + digits
        : [UInt8](repeating: UInt8(ascii: " "), count: padding) + sign + digits
    }
  }

  enum Piece: Hashable, Sendable {
    case text(ArraySlice<UInt8>)
    case conversion(Conversion)
  }

  let pieces: [Piece]

  /// Reads `text`; nil if something in it is neither text nor a conversion.
  init?(_ text: [UInt8]) {
    var pieces: [Piece] = []
    var place = 0
    var start = 0
    while place < text.count {
      guard text[place] == UInt8(ascii: "%") else {
        place += 1
        continue
      }
      if start < place { pieces.append(.text(text[start..<place])) }
      guard let conversion = Conversion(text, at: &place) else { return nil }
      pieces.append(.conversion(conversion))
      start = place
    }
    if start < place { pieces.append(.text(text[start..<place])) }
    self.pieces = pieces
  }

  /// Every conversion that stands anywhere in `bytes`, in the order in which they first come up.
  static func conversions(in bytes: [UInt8]) -> [Conversion] {
    var seen: Set<Conversion> = []
    var found: [Conversion] = []
    for start in bytes.indices where bytes[start] == UInt8(ascii: "%") {
      var place = start
      if let conversion = Conversion(bytes, at: &place), seen.insert(conversion).inserted { found.append(conversion) }
    }
    return found
  }
}

/// A binary's own `printf`: where it is, and which conversions it was seen to print as they are printed here.
struct ConsoleFunction: Hashable, Sendable {
  /// Its first instruction.
  var address: UInt32
  /// What it leaves in EAX.
  var result: UInt32
  var conversions: Set<ConsoleFormat.Conversion>

  private static let longest = 1024

  /// What it prints when it is called with the stack at `stack`; nil if that is better left to itself.
  func text(calledAt stack: UInt32, _ memory: GuestMemory) -> [UInt8]? {
    guard let format = memory.string(at: memory.word(stack &+ 4), most: ConsoleFunction.longest),
      let format = ConsoleFormat(format)
    else { return nil }
    var text: [UInt8] = []
    var place = stack &+ 8
    for piece in format.pieces {
      switch piece {
      case .text(let part): text += part
      case .conversion(let conversion):
        guard conversions.contains(conversion), memory.bytes(at: place, count: 4 * conversion.words) != nil else {
          return nil
        }
        let value = conversion.words == 2 ? memory.long(place) : UInt64(memory.word(place))
        var string: [UInt8] = []
        if conversion.letter == UInt8(ascii: "s") {
          guard let found = memory.string(at: UInt32(truncatingIfNeeded: value), most: ConsoleFunction.longest) else {
            return nil
          }
          string = found
        }
        text += conversion.printed(value, string: string)
        place &+= UInt32(4 * conversion.words)
      }
    }
    return text
  }

  /// Functions of `image` that may be its `printf`: those called most with the address of what may be a format at hand.
  static func candidates(in image: LoaderImage) -> [UInt32] {
    let bytes = image.bytes
    func word(_ place: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
    }
    func isFormat(_ address: UInt32) -> Bool {
      guard address >= image.start, Int(address - image.start) < bytes.count else { return false }
      let text = bytes[Int(address - image.start)...].prefix { $0 != 0 }.prefix(longest)
      return text.count > 2 && text.allSatisfy { $0 == UInt8(ascii: "\n") || 0x20...0x7E ~= $0 }
        && (text.last == UInt8(ascii: "\n") || text.contains(UInt8(ascii: "%")))
    }
    var calls: [UInt32: Int] = [:]
    for range in image.code {
      for place in range where bytes[place] == 0xE8 && place + 5 <= range.upperBound {
        let target = (image.start + UInt32(place) + 5) &+ word(place + 1)
        guard target >= image.start, image.code.contains(where: { $0.contains(Int(target - image.start)) }) else {
          continue
        }
        if (max(range.lowerBound, place - 24)..<max(range.lowerBound, place - 3)).contains(where: { isFormat(word($0)) }
        ) {
          calls[target, default: 0] += 1
        }
      }
    }
    return calls.filter { $0.value > 3 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(4).map(\.key)
  }
}
