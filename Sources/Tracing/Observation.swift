/// What was seen after an event: the words after `->`.
///
/// Plain words (`ok`, `refused EBUSY`, the entries of a list) are compared in full and in order. Words `key=value` are
/// compared each by itself, where the trace has them: a trace may observe less than a run shows.
public struct Observation: Hashable, Sendable {
  /// Words without `=`, in order; none is empty.
  public var words: [String]
  /// Words `key=value`, in order.
  public var fields: [Field]

  /// A word `key=value`.
  public struct Field: Hashable, Sendable {
    /// Before the first `=`; not empty.
    public var key: String
    /// After it.
    public var value: String

    /// `key=value`.
    public init(_ key: String, _ value: String) {
      self.key = key
      self.value = value
    }
  }

  /// An observation of `words` and `fields`.
  public init(_ words: [String], _ fields: [Field] = []) {
    self.words = words
    self.fields = fields
  }

  /// True if it says nothing; a list without entries is observed as the word `none`.
  public var isEmpty: Bool { words.isEmpty && fields.isEmpty }

  /// The canonical text: words, then fields.
  public var text: String {
    var text = CanonicalText()
    text.put(self)
    return text.string
  }

  /// How `actual` differs from what is expected here, nil if it does not.
  public func difference(from actual: Observation) -> String? {
    if !words.isEmpty, words != actual.words {
      return "expected \(words.joined(separator: " ")), got \(actual.words.joined(separator: " "))"
    }
    for field in fields {
      let value = actual.fields.first { $0.key == field.key }?.value
      if value != field.value {
        return "expected \(field.key)=\(field.value), got \(value.map { "\(field.key)=\($0)" } ?? "no \(field.key)")"
      }
    }
    return nil
  }
}
