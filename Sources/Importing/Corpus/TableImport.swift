import Editions
import Platform
import Tracing

/// Makes a machine's trace from a DMAR table: what the table tells as it is, what it does not by the table's hash.
///
/// The rule stands in `Tools/corpus/README.md`. Equal tables, names, sources and catalogues give equal traces.
public struct TableImport: Sendable {
  /// The largest table, in bytes; real ones have some hundreds.
  public static let sizeLimit = 1 << 16
  /// What is chosen and not told by the table, for `assumed`. The width of addresses is the table's, which need not be
  /// the CPU's.
  public static let assumed = ["memory", "phys-bits", "tables", "e820", "buses", "devices", "bars"]

  private let catalogue: BARCatalogue

  /// Takes devices from `catalogue`.
  public init(catalogue: BARCatalogue) { self.catalogue = catalogue }

  /// The trace of the machine whose table is `table`; `name` is the table's file name, for errors and for the title if
  /// there is no `source`.
  ///
  /// A table that decodes in full stands in the trace as structures, another one as bytes. Each event has the observation
  /// `?`. Throws if `table` has no signature or is too large.
  public func trace(of table: [UInt8], named name: String, source: TableSource? = nil) throws(ImportError) -> Trace {
    guard table.count <= TableImport.sizeLimit else {
      throw ImportError(path: name, "expected a DMAR or IVRS table of at most \(TableImport.sizeLimit) bytes")
    }
    guard let decoded = DecodedTable(table) else {
      throw ImportError(path: name, "expected a DMAR or IVRS table, found none of its signature")
    }
    let fingerprint = Fingerprint(of: table)
    let draws = TableDraws(fingerprint)
    let memory = AssumedMemory(decoded, draws)
    let functions = AssumedFunctions(decoded, memory, catalogue, draws)
    let lives = GuestLives(functions, memory, draws)

    var machine = Machine()
    machine.memory = memory.guestMemory
    machine.physicalAddressBits = memory.physicalAddressBits
    var tables = draws("tables")
    machine.sharesPageTables = !tables.oneIn(4)
    machine.e820 = memory.e820
    if decoded.isAMD {
      machine.iommu = .amdVi
      machine.pageTables = .npt
      // Blocks say nothing of the width of addresses but that of the host.
      let isWhole = decoded.addressBits == memory.physicalAddressBits
      machine.ivrs = isWhole ? decoded.blocks.map { .blocks($0) } ?? .bytes(table) : .bytes(table)
    } else {
      machine.dmar = decoded.isComplete ? .structures(decoded.structures) : .bytes(table)
    }
    machine.functions = functions.functions

    var comments = TableImport.title(name, source)
    comments.append("table: \(table.count) bytes, hash \(fingerprint), imported by the rule in Tools/corpus/README.md")
    if lives.left > 0 {
      comments.append("\(lives.left) more devices with reserved ranges are not tried")
    }
    return Trace(
      TraceHeader(edition: .xen4_17, machine: machine, assumed: TableImport.assumed, comments: comments), lives.steps)
  }

  private static func title(_ name: String, _ source: TableSource?) -> [String] {
    guard let source else {
      let file = name.split(separator: "/").last.map(String.init) ?? name
      let stem = file.hasSuffix(".bin") ? String(file.dropLast(4)) : file
      return ["title: " + stem.split(separator: "_").joined(separator: " ")]
    }
    return [
      "title: \(source.vendor) \(source.model) (\(source.kind))", "source: \(source.collection), \(source.path)",
    ]
  }
}
