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
    // Five digits and a comma or semicolon each.
    String(unsafeUninitializedCapacity: features.count * 6 + counts.count) { bytes in
      var end = 0
      var feature = 0
      for (event, count) in counts.enumerated() {
        if event > 0 { SeenLife.append(";", to: bytes, &end) }
        for place in feature..<count {
          if place > feature { SeenLife.append(",", to: bytes, &end) }
          SeenLife.append(features[place], to: bytes, &end)
        }
        feature = count
      }
      return end
    }
  }

  private static func append(_ mark: Unicode.Scalar, to bytes: UnsafeMutableBufferPointer<UInt8>, _ end: inout Int) {
    bytes[end] = UInt8(ascii: mark)
    end += 1
  }

  private static func append(_ number: UInt16, to bytes: UnsafeMutableBufferPointer<UInt8>, _ end: inout Int) {
    var scale: UInt16 = 1
    while number / 10 >= scale { scale *= 10 }
    while scale > 0 {
      bytes[end] = UInt8(ascii: "0") + UInt8(number / scale % 10)
      end += 1
      scale /= 10
    }
  }

  /// Reads such a word; nil if it is none, or has no feature at all.
  init?(word: String) {
    var word = word
    guard let life = word.withUTF8({ SeenLife(bytes: $0) }) else { return nil }
    self = life
  }

  private init?(bytes: UnsafeBufferPointer<UInt8>) {
    self.init(features: [], counts: [])
    var number: Int?
    var isOpen = false
    for byte in bytes {
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
