import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Ctrl-C as a flag: the campaign looks at it between rounds, saves what it has and ends.
public enum Interruption {
  private static let flag = Atomic<Bool>(false)

  /// From now on the first SIGINT or SIGTERM raises the flag; a second one ends the process.
  public static func install() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Interruption.flag.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }

  /// True once a signal came.
  public static var isRequested: Bool { flag.load(ordering: .relaxed) }
}
