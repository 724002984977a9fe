/// What a reader makes of a line.
public enum LineVerdict: Sendable {
  /// It says nothing that concerns this reader.
  case foreign
  /// It was understood, whether or not there is a fact in it.
  case understood
  /// It breaks off where something must follow, which may be the next line; what it says so far is not taken in.
  case incomplete
  /// It is of this reader's kind, looks relevant, and was not understood.
  case unclear
}

/// A format that is understood line by line, so that lines of other kinds may stand between.
///
/// A reader keeps what it must know of earlier lines, and puts facts into `InputFacts`.
public protocol LineFormat: Sendable {
  /// Takes in a line. Facts of a line that is `foreign`, `incomplete` or `unclear` are not put in.
  mutating func read(_ line: LogLine, into facts: inout InputFacts) -> LineVerdict

  /// Takes in a line of which nothing follows, though its end is missing.
  mutating func readCut(_ line: LogLine, into facts: inout InputFacts)

  /// No line follows.
  mutating func finish(into facts: inout InputFacts)
}

extension LineFormat {
  /// Nothing can be had of a line that is cut.
  public mutating func readCut(_ line: LogLine, into facts: inout InputFacts) {}

  /// Nothing is kept.
  public mutating func finish(into facts: inout InputFacts) {}
}

/// A format that is a whole file, such as a guest's configuration.
public protocol FileFormat: Sendable {
  /// True if the file with `bytes` is of this format; looks at content alone.
  static func recognises(_ bytes: [UInt8]) -> Bool

  /// Puts what `bytes` say into `facts`; errors name the file `path`.
  static func read(_ bytes: [UInt8], path: String, into facts: inout InputFacts) throws(ImportError)
}
