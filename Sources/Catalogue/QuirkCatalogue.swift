import Editions
import Storage
import Tracing

/// Every quirk with its exhibit: the museum of known bugs.
public struct QuirkCatalogue: Sendable {
  /// The exhibits there are, in the order of `Quirk.all`.
  public let exhibits: [Exhibit]

  /// Reads the traces in `folder`, each named after its quirk.
  ///
  /// Throws `StorageError` or `TraceError`; a file that is named after no quirk is malformed.
  public static func read(folder: String) throws -> QuirkCatalogue {
    var exhibits: [Exhibit] = []
    for path in try Folder.files(under: folder, endings: [".trace", ".trace.gz"]) {
      let name = path.split(separator: "/" as Character).last!.prefix { $0 != "." }
      guard let quirk = Quirk(name: name) else {
        throw StorageError(.malformed, path: path, "expected a file that is named after a quirk")
      }
      exhibits.append(Exhibit(quirk, try Trace(path: path), path: path))
    }
    return QuirkCatalogue(exhibits)
  }

  /// A catalogue of `exhibits`.
  public init(_ exhibits: [Exhibit]) {
    self.exhibits = Quirk.all.flatMap { quirk in exhibits.filter { $0.quirk == quirk } }
  }

  /// The exhibit of `quirk`, nil if there is none.
  public func exhibit(of quirk: Quirk) -> Exhibit? { exhibits.first { $0.quirk == quirk } }

  /// Quirks without an exhibit.
  public var missing: [Quirk] { Quirk.all.filter { exhibit(of: $0) == nil } }
}
