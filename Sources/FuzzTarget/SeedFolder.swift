import Editions
import Fuzzing
import Storage
import Tracing

/// A folder of inputs that an engine starts from.
public struct SeedFolder {
  /// Seeds by name.
  private var names: Set<String> = []
  /// Files written.
  public var written: Int { names.count }
  /// Traces left out: longer than an engine takes, or not clean in the target's edition, which would end every campaign
  /// at once.
  public private(set) var leftOut = 0

  /// Largest seed in bytes of text.
  public static let sizeLimit = 1 << 16

  /// No seed yet.
  public init() {}

  /// Writes the trace at `path` to `folder`, in the edition of `target` and without what was observed.
  ///
  /// A seed is plain text, named by its hash: the same trace twice is one file.
  public mutating func add(_ path: String, to folder: String, for target: FuzzTarget) throws {
    var specimen = Specimen(try Trace(path: path))
    specimen.header.edition = target.edition ?? .repaired
    let trace = specimen.trace
    let text = trace.bytes
    guard text.count <= SeedFolder.sizeLimit, target.run(text) == .clean else {
      leftOut += 1
      return
    }
    try Folder.make(folder)
    let name = "\(Fingerprint(of: text)).trace"
    if names.insert(name).inserted { try trace.write(to: "\(folder)/\(name)", gzip: false) }
  }
}
