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
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Interruption.flag.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
      sigaddset(&signals, number)
    }
    // Whoever started this process may have had them blocked, which is inherited.
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  /// True once a signal came.
  public static var isRequested: Bool { flag.load(ordering: .relaxed) }
}
