import Editions
import Simulation
import Storage

/// How far the model of one stage agrees with a file of recordings.
public struct Conformance: Hashable, Sendable {
  /// Whose recordings a file holds; told by the fields of its first line.
  public enum Stage: String, CaseIterable, Sendable {
    /// The domain builder of libxl.
    case builder
    /// hvmloader.
    case loader
    /// Random operations on the hypervisor.
    case hypervisor
    /// Scripted operations on the hypervisor.
    case script
    /// Boot with a DMAR table and `rmrr=` options.
    case dmar
    /// xl's reading of configuration text.
    case config
  }

  /// A file without cases: never a success.
  public struct NoCases: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file.
    public let path: String

    /// `path: expected …`.
    public var description: String { "\(path):1: expected a recorded case, found the end of the file" }
  }

  /// A file that a binary of hvmloader cannot be held to.
  public struct NotOfLoader: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file.
    public let path: String

    /// `path: expected …`.
    public var description: String { "\(path):1: expected a recorded run of hvmloader, found another stage's" }
  }

  /// A case in which the model differs.
  public struct Failure: Hashable, Sendable {
    /// The case's line in the file.
    public let line: Int
    /// The case's name.
    public let name: String
    /// The fields that differ, in order; never empty.
    public let disagreements: [Disagreement]
  }

  /// The file.
  public let path: String
  /// Whose recordings.
  public let stage: Stage
  /// Whose models ran.
  public let edition: Edition
  /// Cases that agree in every field.
  public private(set) var agreeing = 0
  /// Cases in the file.
  public private(set) var total = 0
  /// The first cases that differ, at most as many as asked for.
  public private(set) var failures: [Failure] = []

  /// Runs every case of `file` through the models of `edition`; keeps the first `kept` failures.
  ///
  /// Throws `StorageError`, `VectorFile.LineError` or `NoCases`.
  public init(of file: VectorFile, edition: Edition, keeping kept: Int = 5) throws {
    path = file.path
    self.edition = edition
    stage = try Conformance.stage(of: file)
    switch stage {
    case .builder: try run(file, BuilderCase.self, edition, kept)
    case .loader: try run(file, LoaderCase.self, edition, kept)
    case .hypervisor: try run(file, HypervisorCase.self, edition, kept)
    case .script: try run(file, HypervisorScriptCase.self, edition, kept)
    case .dmar: try run(file, DMARCase.self, edition, kept)
    case .config: try run(file, ConfigurationCase.self, edition, kept)
    }
  }

  /// Runs every case of `file`, runs of hvmloader, through `firmware`: a real binary, which has no edition of its own.
  ///
  /// Throws the same, and `NotOfLoader`.
  public init(of file: VectorFile, firmware: any GuestFirmware, keeping kept: Int = 5) throws {
    path = file.path
    edition = file.edition
    stage = try Conformance.stage(of: file)
    guard stage == .loader else { throw NotOfLoader(path: file.path) }
    try run(file, LoaderCase.self, kept) { $0.disagreements(with: firmware) }
  }

  private mutating func run<Case: RecordedCase>(
    _ file: VectorFile, _ type: Case.Type, _ edition: Edition, _ kept: Int
  ) throws {
    try run(file, type, kept) { $0.disagreements(with: edition) }
  }

  private mutating func run<Case: RecordedCase>(
    _ file: VectorFile, _ type: Case.Type, _ kept: Int, _ compare: (Case) -> [Disagreement]
  ) throws {
    try file.forEachCase(as: type) { recorded, line in
      total += 1
      let disagreements = compare(recorded)
      if disagreements.isEmpty {
        agreeing += 1
      } else if failures.count < kept {
        failures.append(Failure(line: line, name: recorded.name, disagreements: disagreements))
      }
    }
  }

  /// The stage whose fields the first line has.
  static func stage(of file: VectorFile) throws -> Stage {
    guard let line = try file.firstLine() else {
      throw NoCases(path: file.path)
    }
    func has(_ key: String) -> Bool { line.firstRange(of: Array("\"\(key)\"".utf8)) != nil }
    if has("memory_mib") { return .builder }
    if has("low_mem_end") { return .loader }
    if has("devices_present") { return .dmar }
    if has("ops") { return has("units") ? .hypervisor : .script }
    if has("config") { return .config }
    throw VectorFile.LineError(
      path: file.path, line: 1, message: "expected a case of builder, loader, hypervisor, dmar or config")
  }
}
