import Dispatch
import Synchronization

/// Threads that take numbered tasks in order. Results come back by number, whatever thread did what and when.
public enum Threads {
  private final class Board<Result: Sendable>: Sendable {
    let next = Atomic<Int>(0)
    let done = Atomic<Int>(0)
    let results: Mutex<[Result?]>

    init(_ count: Int) { results = Mutex(Array(repeating: nil, count: count)) }
  }

  /// Performs tasks 0 to `count` - 1 on `workers` threads; tells `progress` how many are done now and then, from the
  /// calling thread. Tasks that are not begun when `stop` says so have no result.
  public static func perform<Result: Sendable>(
    _ count: Int, workers: Int, stop: @escaping @Sendable () -> Bool, progress: (Int) -> Void,
    _ task: @escaping @Sendable (Int) -> Result
  ) -> [Result?] {
    let board = Board<Result>(count)
    let group = DispatchGroup()
    for worker in 0..<max(1, min(workers, count)) {
      DispatchQueue(label: "exhaustion.\(worker)").async(group: group) {
        while !stop() {
          let index = board.next.wrappingAdd(1, ordering: .relaxed).oldValue
          if index >= count { break }
          let result = task(index)
          board.results.withLock { $0[index] = result }
          board.done.wrappingAdd(1, ordering: .relaxed)
        }
      }
    }
    while group.wait(timeout: .now() + .milliseconds(200)) == .timedOut {
      progress(board.done.load(ordering: .relaxed))
    }
    return board.results.withLock { $0 }
  }
}
