/// One event of a trace with what was seen, and where it stands.
///
/// Two steps are equal if they say the same, wherever they stand.
public struct TraceStep: Sendable {
  /// Comment lines right above the event, without `#` and the blank after it.
  public var comments: [String]
  /// What happens.
  public var event: Event
  /// What was seen, nil if the line only drives. One that is empty says nothing and prints as nil.
  public var observation: Observation?
  /// Line number in its file, 0 if it comes from none.
  public var line: Int
}

extension TraceStep {
  /// A step that stands in no file.
  public init(_ event: Event, _ observation: Observation? = nil, comments: [String] = []) {
    self.init(comments: comments, event: event, observation: observation, line: 0)
  }

  /// Reads one line `event` or `event -> observation`; errors name it `name`, line 1.
  public init(parsing text: some StringProtocol, name: String = "event") throws(TraceError) {
    self = try Array(text.utf8).withUnsafeBufferPointer { bytes throws(TraceError) in
      var cursor = LineCursor(path: name)
      cursor.begin(bytes, line: 1)
      return try cursor.step(orElse: "an event")
    }
    line = 0
  }

  /// The canonical text, comments above, without the last line's end.
  public var text: String {
    var text = CanonicalText()
    text.append(self)
    text.removeLineEnd()
    return text.string
  }
}

extension TraceStep: Hashable {
  /// Equal but for the line number.
  public static func == (left: TraceStep, right: TraceStep) -> Bool {
    left.event == right.event && left.observation == right.observation && left.comments == right.comments
  }

  /// Hashes all but the line number.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(event)
    hasher.combine(observation)
    hasher.combine(comments)
  }
}
