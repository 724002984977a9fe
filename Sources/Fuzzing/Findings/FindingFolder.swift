import Storage

/// A folder that keeps a finding as `<invariant>-<hash>.trace.gz`, and its verdict beside it as `.verdict.txt`.
///
/// The hash is of the canonical text, so the same bug found again lands in the same file. Files appear whole.
public struct FindingFolder<Text: SpecimenText>: FindingSink {
  private let path: String
  private let text: Text
  private let verdict: @Sendable (Finding) -> [UInt8]

  /// The folder at `path`, made when the first finding comes; `verdict` writes what a person wants to read.
  public init(path: String, text: Text, verdict: @escaping @Sendable (Finding) -> [UInt8]) {
    self.path = path
    self.text = text
    self.verdict = verdict
  }

  /// The name of `finding` in the folder, without ending.
  public func name(of finding: Finding) -> String {
    let words = finding.symptom.invariant.utf8.map { byte -> Character in
      let character = Character(UnicodeScalar(byte))
      return character.isASCII && (character.isLetter || character.isNumber || character == "-") ? character : "-"
    }
    return "\(String(words))-\(text.hash(of: text.text(of: finding.specimen)))"
  }

  /// Writes trace and verdict; returns the path of the trace.
  public func save(_ finding: Finding) throws(CampaignFailure) -> String {
    let base = "\(path)/\(name(of: finding))"
    do {
      try Folder.make(path)
      var verdictFile = try AtomicFile(path: base + ".verdict.txt", gzip: false)
      try verdictFile.write(verdict(finding))
      try verdictFile.commit()
      var traceFile = try AtomicFile(path: base + ".trace.gz", gzip: true)
      try traceFile.write(text.text(of: finding.specimen))
      try traceFile.commit()
    } catch {
      throw .storage(error)
    }
    return base + ".trace.gz"
  }
}
