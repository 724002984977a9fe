import Editions

/// libxl's error codes.
public enum LibxlError: Int, Error, CaseIterable, Sendable {
  case nonspecific = -1
  case fail = -3
  case noMemory = -5
  case invalid = -6
  case notFound = -23

  /// libxl's name without the prefix `ERROR_`.
  public var name: String {
    switch self {
    case .nonspecific: "NONSPECIFIC"
    case .fail: "FAIL"
    case .noMemory: "NOMEM"
    case .invalid: "INVAL"
    case .notFound: "NOTFOUND"
    }
  }
}

/// Why a toolstack operation did not happen.
public struct Refusal: Error, Hashable, Sendable {
  /// What libxl returns.
  public var error: LibxlError
  /// What the hypervisor said, if it was asked.
  public var errno: Errno?
  /// The rule that refused: the toolstack's own or the hypervisor's.
  public var rule: Rule?

  /// A refusal by `rule`.
  public init(_ error: LibxlError, errno: Errno? = nil, rule: Rule?) {
    self.error = error
    self.errno = errno
    self.rule = rule
  }
}
