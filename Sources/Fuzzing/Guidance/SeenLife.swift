import Features

/// What was seen of a life: enough to learn from it what there is, with the specimen, but without running it again.
struct SeenLife: Hashable, Sendable {
  /// Its features, in the order in which they came up.
  var features: [UInt16]
  /// How many there were after boot, and after each event. Never empty.
  var counts: [Int]

  /// A life with so many `features` after boot and each event.
  init(features: [UInt16], counts: [Int]) {
    self.features = features
    self.counts = counts
  }

  /// All that `observer` saw of the last life.
  init(_ observer: FeatureObserver) { self.init(features: observer.features.ids, counts: observer.counts) }

  /// Up to the event, at least the first, that brought the last feature for which `isNews` holds.
  func upTo(last isNews: (UInt16) -> Bool) -> SeenLife {
    let last = features.lastIndex(where: isNews) ?? 0
    let event = min(max(counts.firstIndex { $0 > last } ?? counts.count, 1), counts.count - 1)
    return SeenLife(features: Array(features[..<counts[event]]), counts: Array(counts[...event]))
  }
}

extension SeenLife {
  /// The life as a word of messages: features with commas between, those of boot and each event with semicolons between.
  var word: String {
    var word: [UInt8] = []
    word.reserveCapacity(features.count * 6 + counts.count)
    var start = 0
    for (event, end) in counts.enumerated() {
      if event > 0 { word.append(UInt8(ascii: ";")) }
      for place in start..<end {
        if place > start { word.append(UInt8(ascii: ",")) }
        SeenLife.append(features[place], to: &word)
      }
      start = end
    }
    return String(decoding: word, as: UTF8.self)
  }

  private static func append(_ number: UInt16, to word: inout [UInt8]) {
    if number > 9 { append(number / 10, to: &word) }
    word.append(UInt8(ascii: "0") + UInt8(number % 10))
  }

  /// Reads such a word; nil if it is none, or has no feature at all.
  init?(word: String) {
    self.init(features: [], counts: [])
    var number: Int?
    var isOpen = false
    for byte in word.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        let next = (number ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
        guard next <= Int(UInt16.max) else { return nil }
        number = next
        isOpen = false
      case UInt8(ascii: ","):
        guard let feature = number else { return nil }
        features.append(UInt16(feature))
        number = nil
        isOpen = true
      case UInt8(ascii: ";"):
        guard !isOpen else { return nil }
        if let feature = number { features.append(UInt16(feature)) }
        number = nil
        counts.append(features.count)
      default: return nil
      }
    }
    guard !isOpen else { return nil }
    if let feature = number { features.append(UInt16(feature)) }
    guard !features.isEmpty else { return nil }
    counts.append(features.count)
  }
}
