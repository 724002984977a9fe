import Tracing

/// Inputs to a trace: tables, logs, listings and configurations, of any number and in any order.
public struct TraceImport: Sendable {
  private let assumptions: Assumptions
  private let catalogue: BARCatalogue?

  /// Fills gaps by `assumptions`; takes devices that are not told from `catalogue`, or from a few typical ones.
  public init(_ assumptions: Assumptions = Assumptions(), catalogue: BARCatalogue? = nil) {
    self.assumptions = assumptions
    self.catalogue = catalogue
  }

  /// What an import gives.
  public struct Result: Sendable {
    /// The trace.
    public let trace: Trace
    /// What was not understood, not used, or contradicts something else; by file and line.
    public let remarks: [Remark]
    /// How many further remarks there are.
    public let furtherRemarks: Int
    /// What was not told.
    public let gaps: [Gap]
    /// Where a log and the edition that it names disagree, and why if that was found out.
    public let disagreements: [String]
  }

  /// The trace of the inputs at `paths`, files and folders, together with `further` facts.
  ///
  /// The order of paths does not show. Throws if one cannot be read or has nothing that is known.
  public func trace(of paths: [String], with further: [InputFacts] = []) throws(ImportError) -> Result {
    var inputs = further
    for path in paths { inputs += try InputReader().facts(at: path) }
    return trace(of: inputs)
  }

  /// The trace of what was read already.
  public func trace(of inputs: [InputFacts]) -> Result {
    let facts = Combination(inputs)
    let assembly = Assembly(facts, assumptions, catalogue: catalogue)
    return Result(
      trace: assembly.trace, remarks: facts.remarks, furtherRemarks: facts.furtherRemarks, gaps: assembly.gaps,
      disagreements: assembly.disagreements)
  }
}
