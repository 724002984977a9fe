/// The xenstore daemon's side of a ring page: answers requests to read from a list of keys (LD-85).
struct StoreRing {
  /// Values by their paths; every other path is missing.
  var values: [String: String] = [:]

  private static let ringBytes: UInt32 = 1024
  private static let headerBytes: UInt32 = 16
  /// Offsets in the page.
  private enum Place {
    static let requests = 0
    static let responses = 1024
    static let requestConsumer = 2048
    static let requestProducer = 2052
    static let responseProducer = 2060
  }
  private static let read: UInt32 = 2
  private static let error: UInt32 = 16

  /// Answers every whole request in `page`, which has 4096 bytes.
  func serve(_ page: UnsafeMutableRawPointer) {
    func word(_ offset: Int) -> UInt32 { page.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    var consumer = word(Place.requestConsumer)
    let producer = word(Place.requestProducer)
    var responses = word(Place.responseProducer)
    while producer &- consumer >= StoreRing.headerBytes, producer &- consumer <= StoreRing.ringBytes {
      func byte(_ offset: UInt32) -> UInt8 {
        page.load(
          fromByteOffset: Place.requests + Int((consumer &+ offset) & (StoreRing.ringBytes - 1)), as: UInt8.self)
      }
      func field(_ offset: UInt32) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(byte(offset + $1)) << (8 * $1) }
      }
      let (type, length) = (field(0), field(12))
      guard length <= producer &- consumer &- StoreRing.headerBytes else { break }
      let payload = (0..<length).map { byte(StoreRing.headerBytes + $0) }
      let path = String(decoding: payload.prefix { $0 != 0 }, as: UTF8.self)
      let value = type == StoreRing.read ? values[path] : nil
      var answer: [UInt8] = []
      for number in [value == nil ? StoreRing.error : type, field(4), field(8)] { answer.append(number) }
      let text = value.map { Array($0.utf8) } ?? Array("ENOENT\0".utf8)
      answer.append(UInt32(text.count))
      answer += text.prefix(Int(StoreRing.ringBytes - StoreRing.headerBytes))
      for byte in answer {
        page.storeBytes(
          of: byte, toByteOffset: Place.responses + Int(responses & (StoreRing.ringBytes - 1)), as: UInt8.self)
        responses &+= 1
      }
      consumer &+= StoreRing.headerBytes + length
    }
    page.storeBytes(of: consumer, toByteOffset: Place.requestConsumer, as: UInt32.self)
    page.storeBytes(of: responses, toByteOffset: Place.responseProducer, as: UInt32.self)
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ number: UInt32) {
    for shift: UInt32 in [0, 8, 16, 24] { append(UInt8(truncatingIfNeeded: number >> shift)) }
  }
}
