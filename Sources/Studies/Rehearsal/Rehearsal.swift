import Editions
import Storage

/// Recorded cases of one stage, decoded ahead, that can be run over and over: what is measured is the stage itself.
public protocol Rehearsal {
  /// How many cases there are.
  var count: Int { get }
  /// Runs case `index`, from 0; the result depends on everything that came out.
  mutating func run(_ index: Int) -> UInt64
}

extension VectorFile {
  /// The stage whose recordings the file holds.
  ///
  /// Throws `StorageError`, `LineError` or `Conformance.NoCases`.
  public func stage() throws -> Conformance.Stage { try Conformance.stage(of: self) }

  /// The edition whose models a file is held to: the one its name tells, or else 4.17.
  public var edition: Edition { namedEdition ?? .xen4_17 }

  /// The first cases of the file, at most `limit`.
  func cases<Case: RecordedCase>(as type: Case.Type, limit: Int) throws -> [Case] {
    var cases: [Case] = []
    do {
      try forEachCase(as: type) { recorded, _ in
        cases.append(recorded)
        if cases.count == limit { throw Enough() }
      }
    } catch is Enough {}
    return cases
  }
}

/// Leaves the loop over a file.
private struct Enough: Error {}

/// Cases run as `conform` runs them: the model and the comparison of every field.
public struct ComparedRehearsal: Rehearsal {
  private var cases: [any RecordedCase] = []
  private var editions: [Edition] = []

  /// The cases of `files`, at most `limit` in all.
  public init(of files: [VectorFile], limit: Int) throws {
    for file in files where cases.count < limit {
      let room = limit - cases.count
      let found: [any RecordedCase]
      switch try file.stage() {
      case .builder: found = try file.cases(as: BuilderCase.self, limit: room)
      case .loader: found = try file.cases(as: LoaderCase.self, limit: room)
      case .hypervisor: found = try file.cases(as: HypervisorCase.self, limit: room)
      case .script: found = try file.cases(as: HypervisorScriptCase.self, limit: room)
      case .dmar: found = try file.cases(as: DMARCase.self, limit: room)
      case .config: found = try file.cases(as: ConfigurationCase.self, limit: room)
      }
      cases += found
      editions += Array(repeating: file.edition, count: found.count)
    }
  }

  /// How many cases there are.
  public var count: Int { cases.count }

  /// The number of fields that differ.
  public mutating func run(_ index: Int) -> UInt64 {
    UInt64(cases[index].disagreements(with: editions[index]).count)
  }
}
