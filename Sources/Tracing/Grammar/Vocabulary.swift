/// A word of up to 31 bytes as two numbers, its length in the last byte: equal words are equal numbers.
struct Word: Equatable {
  /// Longest word that fits.
  static let limit = 31

  private(set) var low: UInt128 = 0
  private(set) var high: UInt128 = 0

  /// The word in `bytes`; nil if it is longer than the limit.
  @inline(__always)
  init?(_ bytes: UnsafeRawBufferPointer) {
    let count = bytes.count
    if count > Word.limit { return nil }
    if count <= 16 {
      low = Word.load(bytes, count)
    } else {
      low = Word.load(bytes, 16)
      high = Word.load(UnsafeRawBufferPointer(rebasing: bytes[16...]), count - 16)
    }
    high |= UInt128(count) << 120
  }

  /// The first `count` bytes, at most 16, as one number.
  @inline(__always)
  private static func load(_ bytes: UnsafeRawBufferPointer, _ count: Int) -> UInt128 {
    if count >= 8 {
      let first = bytes.loadUnaligned(as: UInt64.self)
      // The last eight bytes overlap the first; shifting drops what both have.
      let last = bytes.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
      let rest = count == 8 ? 0 : UInt64(littleEndian: last) >> UInt64(8 * (16 - count))
      return UInt128(UInt64(littleEndian: first)) | UInt128(rest) << 64
    }
    if count >= 4 {
      let first = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
      let last = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
      let rest = count == 4 ? 0 : last >> UInt32(8 * (8 - count))
      return UInt128(UInt64(first) | UInt64(rest) << 32)
    }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[index]) << UInt64(8 * index) }
    return UInt128(value)
  }

  /// A number that tells most words apart.
  @inline(__always)
  var hash: UInt64 {
    let mixed = low ^ high
    let folded = UInt64(truncatingIfNeeded: mixed) ^ UInt64(truncatingIfNeeded: mixed >> 64)
    return (folded &* 0x9E37_79B9_7F4A_7C15) >> 32
  }
}

/// Words and their meanings, found by the words' bytes without making a string.
struct Vocabulary<Meaning: Sendable>: Sendable {
  private struct Slot: Sendable {
    var low: UInt128
    var high: UInt128
    var meaning: Meaning
  }

  /// Open addressing; at most half of the slots are taken, so that a search ends.
  private var slots: [Slot?]

  /// The vocabulary of `words`, each of at most 31 bytes.
  init(_ words: [(String, Meaning)]) {
    var size = 16
    while size < 2 * words.count + 1 { size *= 2 }
    slots = Array(repeating: nil, count: size)
    for (text, meaning) in words {
      let word = Array(text.utf8).withUnsafeBytes { Word($0)! }
      var place = Int(word.hash) & (size - 1)
      while slots[place] != nil { place = (place + 1) & (size - 1) }
      slots[place] = Slot(low: word.low, high: word.high, meaning: meaning)
    }
  }

  /// What `word` means, nil if it is not in the vocabulary.
  func meaning(of word: Word) -> Meaning? {
    var place = Int(word.hash) & (slots.count - 1)
    while let slot = slots[place] {
      if slot.low == word.low, slot.high == word.high { return slot.meaning }
      place = (place + 1) & (slots.count - 1)
    }
    return nil
  }
}

extension Vocabulary where Meaning: RawRepresentable & CaseIterable, Meaning.RawValue == String {
  /// The vocabulary of an enumeration whose raw values are words.
  init(_ type: Meaning.Type) { self.init(type.allCases.map { ($0.rawValue, $0) }) }
}

/// An enumeration whose raw values are words of the grammar.
protocol GrammarWord: RawRepresentable, CaseIterable, Sendable where RawValue == String {
  /// Its words.
  static var vocabulary: Vocabulary<Self> { get }
}
