/// The errno values Xen's hypercalls return (negated), with Xen's numbers.
public enum Errno: Int, CaseIterable, Sendable {
  case EPERM = 1
  case ENOENT = 2
  case ESRCH = 3
  case EIO = 5
  case ENXIO = 6
  case E2BIG = 7
  case EBADF = 9
  case ENOMEM = 12
  case EACCES = 13
  case EFAULT = 14
  case EBUSY = 16
  case EEXIST = 17
  case EXDEV = 18
  case ENODEV = 19
  case EINVAL = 22
  case ENOSPC = 28
  case ERANGE = 34
  case ENOSYS = 38
  case ENOTEMPTY = 39
  case EILSEQ = 84
  case ERESTART = 85
  case EOPNOTSUPP = 95
  case EADDRINUSE = 98
  case ENOBUFS = 105

  /// What a hypercall returns for this error.
  @inlinable
  public var negated: Int { -rawValue }

  /// The error that a hypercall result stands for, nil for success or an unknown number.
  @inlinable
  public init?(result: Int) {
    guard result < 0, result != .min else { return nil }
    self.init(rawValue: -result)
  }

  /// The error named `name`, such as `EBUSY`.
  public init?(name: some StringProtocol) {
    guard let found = Errno.named[String(name)] else { return nil }
    self = found
  }

  private static let named = Dictionary(uniqueKeysWithValues: allCases.map { ("\($0)", $0) })
}
