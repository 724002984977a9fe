#if Unicorn
  import CUnicorn
  import Synchronization

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #else
    import Darwin
  #endif

  /// Stops engines that run for too long. One thread looks once a second at all that run; Unicorn's own timer would wake a
  /// thread of each run ten thousand times a second.
  enum RunWatch {
    private struct Run {
      let number: UInt64
      /// The engine's address.
      let engine: UInt
      let deadline: ContinuousClock.Instant
      var stopped = false
    }

    private struct Runs {
      var all: [Run] = []
      var count: UInt64 = 0
      var hasThread = false
    }

    /// A run takes some thousandths of a second.
    private static let patience = Duration.seconds(3)
    private static let runs = Mutex(Runs())

    /// Notes that `engine` begins; the run's number.
    static func begin(_ engine: OpaquePointer) -> UInt64 {
      let deadline = ContinuousClock.now + patience
      return runs.withLock { runs in
        if !runs.hasThread { runs.hasThread = startThread() }
        runs.count += 1
        runs.all.append(Run(number: runs.count, engine: UInt(bitPattern: engine), deadline: deadline))
        return runs.count
      }
    }

    /// Notes that run `number` has come to its end; true if it was stopped.
    static func end(_ number: UInt64) -> Bool {
      runs.withLock { runs in
        guard let index = runs.all.firstIndex(where: { $0.number == number }) else { return false }
        return runs.all.remove(at: index).stopped
      }
    }

    private static func look() {
      let now = ContinuousClock.now
      runs.withLock { runs in
        for index in runs.all.indices where !runs.all[index].stopped && runs.all[index].deadline < now {
          runs.all[index].stopped = true
          // Under the lock: nobody can have ended the run meanwhile and begun another.
          uc_emu_stop(OpaquePointer(bitPattern: runs.all[index].engine))
        }
      }
    }

    private static func startThread() -> Bool {
      #if canImport(Darwin)
        var thread: pthread_t?
        let result = pthread_create(&thread, nil, { _ in RunWatch.loop() }, nil)
        if let thread, result == 0 { pthread_detach(thread) }
      #else
        var thread = pthread_t()
        let result = pthread_create(&thread, nil, { _ in RunWatch.loop() }, nil)
        if result == 0 { pthread_detach(thread) }
      #endif
      return result == 0
    }

    private static func loop() -> UnsafeMutableRawPointer? {
      while true {
        sleep(1)
        look()
      }
    }
  }
#endif
