import AddressSpace
import Editions
import Platform

/// The canonical text of a trace, while it is put together in memory.
///
/// Equal traces have equal bytes, and reading the text gives the trace back.
public struct CanonicalText: Sendable {
  /// The text so far.
  public internal(set) var bytes: [UInt8] = []

  /// An empty text.
  public init() {}

  /// The text so far.
  public var string: String { String(decoding: bytes, as: UTF8.self) }

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
  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  // MARK: Pieces

  mutating func endLine() { bytes.append(UInt8(ascii: "\n")) }

  mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

  mutating func put(_ text: StaticString) {
    bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func put(decimal value: some BinaryInteger & UnsignedInteger) { put(UInt64(value), radix: 10, width: 1) }

  mutating func put(hex value: some BinaryInteger & UnsignedInteger) {
    put("0x")
    put(UInt64(value), radix: 16, width: 1)
  }

  /// Hexadecimal digits without `0x`, at least `width`.
  mutating func put(digits value: some BinaryInteger & UnsignedInteger, width: Int) {
    put(UInt64(value), radix: 16, width: width)
  }

  private mutating func put(_ value: UInt64, radix: UInt64, width: Int) {
    let start = bytes.count
    var rest = value
    var digits = 0
    repeat {
      let digit = UInt8(truncatingIfNeeded: rest % radix)
      bytes.append(digit < 10 ? UInt8(ascii: "0") &+ digit : UInt8(ascii: "a") &+ (digit &- 10))
      rest /= radix
      digits += 1
    } while rest > 0 || digits < width
    bytes[start...].reverse()
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
    put(digits: sbdf.segment, width: 4)
    put(":")
    put(digits: sbdf.bus, width: 2)
    put(":")
    put(digits: sbdf.device, width: 2)
    put(".")
    put(digits: sbdf.function, width: 1)
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
    for byte in word.utf8 {
      if byte == special { put(escape: byte) } else { put(escaping: byte) }
    }
  }

  mutating func put(escaping byte: UInt8, backslash: Bool = true) {
    if byte > 0x20, byte < 0x7F, !backslash || byte != UInt8(ascii: "\\") {
      bytes.append(byte)
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
