import Storage

/// A named measurement. The registry is `Benchmark.all`; each topic has a file of its own.
public struct Benchmark: Sendable {
  /// Its name: topic, a slash, what is measured.
  public let name: String
  /// What one item is, as a noun: `case`, `trace`, `life`.
  public let item: String
  /// What is measured, in a few words.
  public let sentence: String
  private let prepare: @Sendable (Material) throws -> Workload

  init(
    _ name: String, per item: String, _ sentence: String,
    _ prepare: @escaping @Sendable (Material) throws -> Workload
  ) {
    self.name = name
    self.item = item
    self.sentence = sentence
    self.prepare = prepare
  }

  /// All there are, in the order of a table.
  public static let all: [Benchmark] = stages + rangeMaps + lives + fuzzing + traces + minimisation

  /// Those whose name holds `filter`; the one that is called so, if there is one.
  public static func matching(_ filter: String) -> [Benchmark] {
    if let exact = all.first(where: { $0.name == filter }) { return [exact] }
    return all.filter { $0.name.contains(filter) }
  }

  /// What is run, made ready.
  ///
  /// Throws `Absent` where files are missing that it needs, and what their readers throw.
  public func workload(_ material: Material) throws -> Workload {
    let workload = try prepare(material)
    if workload.count < 1 { throw Absent("holds no case that can be run") }
    return workload
  }
}

/// Where the files lie that benchmarks run on.
public struct Material: Sendable {
  /// The folder of recordings of Xen's own binaries.
  public var vectors: String
  /// The folder of the museum's traces.
  public var quirks: String
  /// Most recorded cases that are read, nil for all.
  public var limit: Int?

  /// Files in these folders.
  public init(vectors: String, quirks: String, limit: Int? = nil) {
    self.vectors = vectors
    self.quirks = quirks
    self.limit = limit
  }
}

/// Something a benchmark needs is not there.
public struct Absent: Error, Hashable, Sendable, CustomStringConvertible {
  /// One line.
  public let description: String

  init(_ description: String) { self.description = description }
}
