import Storage

/// A whole trace in memory: what a fuzzer mutates, minimises and stores.
public struct Trace: Hashable, Sendable {
  /// What stands before the first event.
  public var header: TraceHeader
  /// The events.
  public var steps: [TraceStep]
  /// Comments above the `end` line.
  public var closingComments: [String]

  /// A trace of `steps` under `header`.
  public init(_ header: TraceHeader, _ steps: [TraceStep] = [], closingComments: [String] = []) {
    self.header = header
    self.steps = steps
    self.closingComments = closingComments
  }

  /// Reads text; errors name it `name`.
  public init(parsing text: String, name: String = "trace") throws(TraceError) {
    try self.init(bytes: Array(text.utf8), name: name)
  }

  /// Reads bytes, plain or gzip; errors name them `name`.
  public init(bytes: [UInt8], name: String) throws(TraceError) {
    var reader = try TraceReader(bytes: bytes, name: name)
    // Plain lines are about as long as that; of packed ones there are more.
    try self.init(reading: &reader, expecting: min(bytes.count / 64, 1 << 12))
  }

  /// Reads the file at `path`, plain or gzip.
  public init(path: String) throws(TraceError) {
    var reader = try TraceReader(path: path)
    try self.init(reading: &reader)
  }

  private init(reading reader: inout TraceReader, expecting count: Int = 0) throws(TraceError) {
    self.init(reader.header)
    steps.reserveCapacity(count)
    while let step = try reader.next() { steps.append(step) }
    closingComments = reader.closingComments
  }

  /// The canonical text as bytes.
  public var bytes: [UInt8] {
    var text = CanonicalText()
    text.append(self)
    return text.bytes
  }

  /// The canonical text.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The hash of the canonical text: the trace's name in a corpus.
  public var fingerprint: Fingerprint { Fingerprint(of: bytes) }

  /// Writes the canonical text to `path`, compressed if `gzip`.
  public func write(to path: String, gzip: Bool) throws(StorageError) {
    var file = try AtomicFile(path: path, gzip: gzip)
    try file.write(bytes)
    try file.commit()
  }
}
