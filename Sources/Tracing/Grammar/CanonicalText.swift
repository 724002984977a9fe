import AddressSpace
import Editions
import Platform

/// The canonical text of a trace, while it is put together in memory.
///
/// Equal traces have equal bytes, and reading the text gives the trace back.
public struct CanonicalText: Sendable {
  /// The text, and behind it room for more: pieces are short, and to ask an array to grow costs more than to write one.
  private var room: [UInt8] = []
  /// Bytes of the text.
  public private(set) var count = 0

  /// An empty text.
  public init() {}

  /// The text so far.
  public var bytes: [UInt8] { Array(room[..<count]) }

  /// The text so far.
  public var string: String { String(decoding: room[..<count], as: UTF8.self) }

  /// Appends a whole trace.
  public mutating func append(_ trace: Trace) {
    append(trace.header)
    for step in trace.steps { append(step) }
    appendEnd(count: UInt64(trace.steps.count), comments: trace.closingComments)
  }

  /// Appends an event with the comments above it, as lines.
  public mutating func append(_ step: TraceStep) {
    put(comments: step.comments)
    put(step.event)
    if let observation = step.observation, !observation.isEmpty {
      put(" -> ")
      put(observation)
    }
    endLine()
  }

  /// Appends the last line of a trace of `count` events, with the comments above it.
  public mutating func appendEnd(count: UInt64, comments: [String] = []) {
    put(comments: comments)
    put("end ")
    put(decimal: count)
    endLine()
  }

  /// Forgets the text; keeps the memory.
  public mutating func removeAll() { count = 0 }

  // MARK: Pieces

  /// Makes room for `size` bytes.
  @inline(__always)
  private mutating func reserve(_ size: Int) { if room.count - count < size { grow(by: size) } }

  @inline(never)
  private mutating func grow(by size: Int) {
    room.append(contentsOf: repeatElement(0, count: max(size, room.count, 1 << 9)))
  }

  @inline(__always)
  private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let first = bytes.baseAddress else { return }
    reserve(bytes.count)
    room.withUnsafeMutableBufferPointer { ($0.baseAddress! + count).update(from: first, count: bytes.count) }
    count += bytes.count
  }

  @inline(__always)
  private mutating func put(byte: UInt8) {
    reserve(1)
    room[count] = byte
    count += 1
  }

  mutating func endLine() { put(byte: UInt8(ascii: "\n")) }

  /// Takes back the end of the last line.
  mutating func removeLineEnd() { count -= 1 }

  mutating func put(_ text: String) {
    var text = text
    text.withUTF8 { put($0) }
  }

  @inline(__always)
  mutating func put(_ text: StaticString) {
    put(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func put(decimal value: some BinaryInteger & UnsignedInteger) { putDecimal(UInt64(value)) }

  mutating func put(hex value: some BinaryInteger & UnsignedInteger) {
    let value = UInt64(value)
    let count = max(1, (67 - value.leadingZeroBitCount) / 4)
    // The digits and the prefix in one piece, except where they do not fit it.
    if count > 14 { put("0x") }
    putHex(value, count, prefixed: count <= 14)
  }

  /// Hexadecimal digits without `0x`, at least `width`.
  mutating func put(digits value: some BinaryInteger & UnsignedInteger, width: Int) {
    let value = UInt64(value)
    putHex(value, max(width, (67 - value.leadingZeroBitCount) / 4), prefixed: false)
  }

  /// `count` hexadecimal digits, at most 16, or 14 behind `0x`.
  private mutating func putHex(_ value: UInt64, _ count: Int, prefixed: Bool) {
    var digits: UInt128 = 0
    var rest = value
    for _ in 0..<count {
      let digit = UInt8(truncatingIfNeeded: rest & 15)
      digits = digits << 8 | UInt128(digit < 10 ? UInt8(ascii: "0") &+ digit : UInt8(ascii: "a") &- 10 &+ digit)
      rest >>= 4
    }
    if prefixed { digits = digits << 16 | UInt128(UInt8(ascii: "x")) << 8 | UInt128(UInt8(ascii: "0")) }
    put(packed: digits, prefixed ? count + 2 : count)
  }

  private mutating func putDecimal(_ value: UInt64) {
    // 10^16 and above take two pieces.
    let half: UInt64 = 100_000_000
    let (high, first) = value.quotientAndRemainder(dividingBy: half * half)
    if high > 0 { putDecimal(high) }
    var low = first
    var digits: UInt128 = 0
    var count = 0
    repeat {
      let (rest, digit) = low.quotientAndRemainder(dividingBy: 10)
      digits = digits << 8 | UInt128(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit))
      count += 1
      low = rest
    } while low > 0 || (high > 0 && count < 16)
    put(packed: digits, count)
  }

  /// The `count` lowest bytes of `text`, the first of them lowest.
  @inline(__always)
  private mutating func put(packed text: UInt128, _ count: Int) {
    // All sixteen are written; those behind the last count for nothing.
    reserve(16)
    room.withUnsafeMutableBytes {
      $0.baseAddress!.storeBytes(of: text.littleEndian, toByteOffset: self.count, as: UInt128.self)
    }
    self.count += count
  }

  /// Bytes with the largest suffix that leaves a whole number.
  mutating func put(size value: UInt64) {
    let scale = value == 0 ? 0 : min(4, value.trailingZeroBitCount / 10)
    put(decimal: value >> UInt64(10 * scale))
    switch scale {
    case 1: put("K")
    case 2: put("M")
    case 3: put("G")
    case 4: put("T")
    default: break
    }
  }

  /// Guest memory: MiB where that is exact, else with the suffix `K`.
  mutating func put(kib value: UInt64) {
    let exact = value & 1023 == 0
    put(decimal: exact ? value >> 10 : value)
    if !exact { put("K") }
  }

  mutating func put(_ sbdf: SBDF) {
    func digits(_ value: some BinaryInteger, _ place: Int) -> UInt128 {
      let digit = UInt8(truncatingIfNeeded: value) & 15
      return UInt128(digit < 10 ? UInt8(ascii: "0") &+ digit : UInt8(ascii: "a") &- 10 &+ digit) << UInt128(8 * place)
    }
    var text = UInt128(UInt8(ascii: ":")) << 32 | UInt128(UInt8(ascii: ":")) << 56 | UInt128(UInt8(ascii: ".")) << 80
    text |= digits(sbdf.segment >> 12, 0) | digits(sbdf.segment >> 8, 1) | digits(sbdf.segment >> 4, 2)
    text |= digits(sbdf.segment, 3) | digits(sbdf.bus >> 4, 5) | digits(sbdf.bus, 6)
    text |= digits(sbdf.device >> 4, 8) | digits(sbdf.device, 9) | digits(sbdf.function, 11)
    put(packed: text, 12)
  }

  mutating func put(_ domain: DomainID) {
    guard domain < .firstReserved else { return put(domain.description) }
    put("dom")
    put(decimal: domain.rawValue)
  }

  /// `first-last` as addresses.
  mutating func put(_ first: UInt64, _ last: UInt64) {
    put(hex: first)
    put("-")
    put(hex: last)
  }

  // MARK: Free text

  /// A word of free text: bytes that a word cannot hold, and those of `special`, as `\xNN`.
  mutating func put(escaping word: String, special: UInt8? = nil) {
    var word = word
    word.withUTF8 { word in
      let backslash = UInt8(ascii: "\\")
      let plain = word.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != backslash && $0 != special }
      if plain { return put(word) }
      for byte in word {
        if byte == special { put(escape: byte) } else { put(escaping: byte) }
      }
    }
  }

  mutating func put(escaping byte: UInt8, backslash: Bool = true) {
    if byte > 0x20, byte < 0x7F, !backslash || byte != UInt8(ascii: "\\") {
      put(byte: byte)
    } else {
      put(escape: byte)
    }
  }

  mutating func put(escape byte: UInt8) {
    put("\\x")
    put(digits: byte, width: 2)
  }

  /// True for what a comment may not hold: it would break the line, or work on a terminal.
  static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 && scalar != "\t" || scalar.value >= 0x7F && scalar.value < 0xA0
  }

  /// Comment lines; control characters become blanks.
  mutating func put(comments: [String]) {
    for comment in comments {
      put(comment.isEmpty ? "#" : "# ")
      if comment.unicodeScalars.contains(where: CanonicalText.isControl) {
        for scalar in comment.unicodeScalars { put(CanonicalText.isControl(scalar) ? " " : String(scalar)) }
      } else {
        put(comment)
      }
      endLine()
    }
  }
}
