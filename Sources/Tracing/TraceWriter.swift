import Storage

/// Writes a trace as a stream of canonical text into a file that appears whole or not at all.
public struct TraceWriter: ~Copyable {
  private var file: AtomicFile
  private var text: CanonicalText
  private var fingerprint: Fingerprint

  /// Events written so far.
  public private(set) var count: UInt64

  /// Starts the trace that will be `path`, compressed if `gzip`, with its header.
  public init(path: String, gzip: Bool, header: TraceHeader) throws(StorageError) {
    file = try AtomicFile(path: path, gzip: gzip)
    text = CanonicalText()
    fingerprint = Fingerprint()
    count = 0
    text.append(header)
  }

  /// Appends an event.
  public mutating func write(_ step: TraceStep) throws(StorageError) {
    text.append(step)
    count += 1
    if text.count >= 1 << 14 { try flush() }
  }

  /// Appends the `end` line and puts the file in its place; without it nothing remains. Result: the trace's name.
  @discardableResult
  public consuming func commit(closingComments: [String] = []) throws(StorageError) -> Fingerprint {
    text.appendEnd(count: count, comments: closingComments)
    try flush()
    let name = fingerprint
    try file.commit()
    return name
  }

  private mutating func flush() throws(StorageError) {
    let bytes = text.bytes
    fingerprint.update(bytes)
    try file.write(bytes)
    text.removeAll()
  }
}
