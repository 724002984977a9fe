/// Why an oracle cannot be used.
public enum OracleError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The program was built without it; what to build with.
  case notBuilt(trait: String)
  /// The emulator fails.
  case engine(String)

  /// One line.
  public var description: String {
    switch self {
    case .notBuilt(let trait):
      "this build has no emulator; Tools/oracles installs what one needs, 'swift build --traits \(trait)' builds it in"
    case .engine(let what): what
    }
  }
}
