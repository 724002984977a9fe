/// Makes bad input of good: what a parser must survive.
///
/// Every input is a good one that was cut, had bits flipped, bytes replaced, pieces repeated, removed or taken from
/// another good one, or it is random altogether. Inputs never grow beyond `limit`, so that memory measured over many
/// of them says something about the parser.
public struct Spoiler: Sendable {
  /// Most bytes of a spoiled input.
  public var limit = 1 << 16
  /// Where spoiling begins: what lies before is kept, so that it gets past a parser's first look.
  public var start = 0
  /// The randomness; draw from it for whatever else a test chooses.
  public var random: SplitMix64

  private let samples: [[UInt8]]
  private let tokens: [[UInt8]]
  private let alphabet: [UInt8]

  /// Spoils `samples`. `tokens` are words that mean something to the parser; random inputs and replaced bytes come from
  /// them, from the samples' own bytes and from everything.
  public init(seed: UInt64, samples: [[UInt8]], tokens: [String] = []) {
    precondition(!samples.isEmpty, "there is nothing to spoil")
    random = SplitMix64(seed: seed)
    self.samples = samples
    self.tokens = tokens.map { Array($0.utf8) }
    var seen = [Bool](repeating: false, count: 256)
    for byte in samples.joined() { seen[Int(byte)] = true }
    alphabet = (0...255 as ClosedRange<UInt8>).filter { seen[Int($0)] }
  }

  /// The next input.
  public mutating func next() -> [UInt8] {
    let sample = random.pick(samples)
    return spoiled(sample)
  }

  /// `sample` spoiled, in one way to five.
  public mutating func spoiled(_ sample: [UInt8]) -> [UInt8] {
    var bytes = sample
    if random.below(12) == 0 {
      bytes = Array(sample.prefix(start)) + noise(random.below(min(limit, 400)))
    }
    for _ in 0...random.below(5) { spoil(&bytes) }
    if bytes.count > limit { bytes.removeLast(bytes.count - limit) }
    return bytes
  }

  /// Random bytes: all values, or only such as stand in samples.
  public mutating func noise(_ count: Int) -> [UInt8] {
    let familiar = !alphabet.isEmpty && random.below(2) == 0
    return (0..<count).map { _ in familiar ? random.pick(alphabet) : UInt8(random.below(256)) }
  }

  /// `sample` with some of its numbers, decimal or after `0x`, made extreme: what is well-formed stays so.
  public mutating func renumbered(_ sample: [UInt8]) -> [UInt8] {
    var bytes = sample
    for _ in 0...random.below(4) where bytes.count > start {
      renumber(&bytes, from: start + random.below(bytes.count - start))
    }
    return bytes
  }

  /// A number at the edge of some width, or any.
  public mutating func number() -> UInt64 {
    let bit: UInt64 = 1 << UInt64(random.below(64))
    switch random.below(8) {
    case 0: return UInt64(random.below(4))
    case 1: return bit
    case 2: return bit - 1
    case 3: return bit + 1
    case 4: return .max
    case 5: return .max - UInt64(random.below(1 << 13))
    case 6: return 0 &- bit
    default: return random.next() >> UInt64(random.below(64))
    }
  }

  /// Replaces the first number behind `place`.
  private mutating func renumber(_ bytes: inout [UInt8], from place: Int) {
    func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
    func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte }
    guard let first = bytes[place...].firstIndex(where: isDigit) else { return }
    let isHex = bytes[first] == UInt8(ascii: "0") && first + 1 < bytes.count && bytes[first + 1] == UInt8(ascii: "x")
    let digits = isHex ? first + 2 : first
    let end = bytes[digits...].firstIndex { isHex ? !isHexDigit($0) : !isDigit($0) } ?? bytes.count
    let text =
      switch random.below(40) {
      case 0: isHex ? "10000000000000000" : "18446744073709551616"
      case 1 where !isHex: "-1"
      default: String(number(), radix: isHex ? 16 : 10)
      }
    bytes.replaceSubrange(digits..<end, with: Array(text.utf8))
  }

  private mutating func spoil(_ bytes: inout [UInt8]) {
    let room = bytes.count - start
    guard room > 0 else {
      bytes += noise(random.below(16))
      return
    }
    let place = start + random.below(room)
    switch random.below(13) {
    case 0: bytes.removeLast(bytes.count - place)
    case 1, 2: bytes[place] ^= 1 << UInt8(random.below(8))
    case 3: bytes[place] = random.pick([0, 1, 7, 8, 0x7F, 0x80, 0xFE, 0xFF] as [UInt8])
    case 4: bytes[place] = UInt8(random.below(256))
    case 5: bytes[place] = random.pick(alphabet)
    case 6: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(40)))
    case 7: bytes.insert(contentsOf: piece(of: random.pick(samples)), at: place)
    case 8: repeatPiece(of: &bytes, at: place)
    case 9, 10: renumber(&bytes, from: place)
    case 11 where !tokens.isEmpty: bytes.insert(contentsOf: random.pick(tokens), at: place)
    case 12 where !tokens.isEmpty:
      let token = random.pick(tokens)
      bytes.replaceSubrange(place..<min(bytes.count, place + token.count), with: token)
    default: bytes.insert(random.pick(alphabet), at: place)
    }
  }

  private mutating func piece(of sample: [UInt8]) -> ArraySlice<UInt8> {
    guard !sample.isEmpty else { return [] }
    let first = random.below(sample.count)
    return sample[first...].prefix(1 + random.below(80))
  }

  /// Repeats what stands at `place` a few times, rarely up to the limit.
  private mutating func repeatPiece(of bytes: inout [UInt8], at place: Int) {
    let piece = Array(bytes[place...].prefix(1 + random.below(40)))
    let most = max(0, (limit - bytes.count) / piece.count)
    let times = random.below(200) == 0 ? most : min(most, 1 + random.below(8))
    bytes.insert(contentsOf: repeatElement(piece, count: times).joined(), at: place)
  }
}

/// How many spoiled inputs each parser gets.
public enum SpoiledInputs {
  /// The environment variable that says so, for `Tools/spoil-parsers`.
  public static let variable = "RDMFUZZ_SPOILED_INPUTS"

  /// What the variable says, or else `usual`, which keeps an ordinary test run fast.
  public static func count(usually usual: Int) -> Int {
    environment(variable).flatMap { Int($0) } ?? usual
  }
}
