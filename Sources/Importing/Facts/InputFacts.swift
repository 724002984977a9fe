import Tracing

/// Where something was said.
public struct Origin: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The file as the user named it.
  public var path: String
  /// Line number, 1 for the first; 0 if the file as a whole is meant.
  public var line: Int

  /// Line `line` of `path`.
  public init(_ path: String, _ line: Int = 0) {
    self.path = path
    self.line = line
  }

  /// `dmesg.log:12`.
  public var description: String { line == 0 ? path : "\(path):\(line)" }

  /// Order by path, then by line.
  public static func < (left: Origin, right: Origin) -> Bool { (left.path, left.line) < (right.path, right.line) }
}

/// Something in an input that the user should hear of.
public struct Remark: Hashable, Sendable, CustomStringConvertible {
  /// What is the matter.
  public enum Kind: Hashable, Sendable {
    /// It looks relevant and was not understood: the text says what stands there.
    case unclear
    /// It was understood and is not used: the text says what and why.
    case unused
    /// It is not there, or cannot be read: the text says why.
    case missing
    /// It contradicts what another line or input says.
    case contradiction
  }

  /// What is the matter.
  public var kind: Kind
  /// Where.
  public var origin: Origin
  /// What, without the place; printable ASCII.
  public var text: String

  /// A remark of `kind` on `origin`.
  public init(_ kind: Kind, _ origin: Origin, _ text: String) {
    self.kind = kind
    self.origin = origin
    self.text = text
  }

  /// `dmesg.log:12: not understood: "…"`.
  public var description: String {
    switch kind {
    case .unclear: "\(origin): not understood: \(text)"
    case .unused: "\(origin): not used: \(text)"
    case .missing: "\(origin): not there: \(text)"
    case .contradiction: "\(origin): contradiction: \(text)"
    }
  }
}

/// What one input says, and nothing else: no fact in here was assumed.
///
/// Readers of formats are functions from lines or bytes to these facts; `Combination` joins those of several inputs,
/// `Assembly` makes a trace of them.
public struct InputFacts: Sendable {
  /// The hash of the input's bytes: orders inputs, so that the order in which they were given does not show.
  public var fingerprint: Fingerprint
  /// What was recognised in it, such as `Linux boot log`; each once, in the order of their first lines.
  public var formats: [String] = []
  /// The file's name without folders.
  public var name: String
  /// What it says of the host.
  public var host = HostFacts()
  /// What it says of guests, in the order of their first lines.
  public var guests: [GuestFacts] = []
  /// The version of Xen that it names, such as `4.17.3`.
  public var xenVersion: String?
  /// What was not understood, or not used. At most `remarkLimit`.
  public private(set) var remarks: [Remark] = []
  /// How many further remarks there would be.
  public private(set) var furtherRemarks = 0

  /// Most remarks that are kept of one input.
  public static let remarkLimit = 10_000

  /// An input that says nothing yet.
  public init(name: String, fingerprint: Fingerprint = Fingerprint()) {
    self.name = name
    self.fingerprint = fingerprint
  }

  /// Adds a remark; beyond the limit it is only counted.
  public mutating func remark(_ kind: Remark.Kind, _ origin: Origin, _ text: String) {
    if remarks.count < InputFacts.remarkLimit {
      remarks.append(Remark(kind, origin, text))
    } else {
      furtherRemarks += 1
    }
  }

  /// Notes that lines of `format` were recognised.
  public mutating func recognise(_ format: String) {
    if !formats.contains(format) { formats.append(format) }
  }

  /// True if nothing was recognised.
  public var isEmpty: Bool { formats.isEmpty }
}
