import Editions
import Hypercalls

/// The way back out of a half-done operation: the hypercalls that undo what was done, newest first.
struct Journal {
  private var calls: [Hypercall] = []

  /// Nothing to undo; what there will be is noted in memory of `buffer` until `close`.
  init(in buffer: inout HypercallBuffer) { swap(&calls, &buffer.undoing) }

  /// Gives the memory back; there is nothing left to undo.
  mutating func close(_ buffer: inout HypercallBuffer) {
    calls.removeAll(keepingCapacity: true)
    swap(&calls, &buffer.undoing)
  }

  /// Notes what undoes the step just taken.
  mutating func undo(_ call: Hypercall) {
    if calls.isEmpty { calls.reserveCapacity(8) }
    calls.append(call)
  }

  /// Undoes every step, the last first. A step that fails is tried once more: it only takes away what was given, so a failure is a
  /// passing one. What fails twice stays as it is: nobody is left to tell.
  func rollBack<Port: HypercallPort & ~Copyable>(on port: inout Port, _ buffer: inout HypercallBuffer) {
    for call in calls.reversed() where port.attempt(call, &buffer) < 0 { port.attempt(call, &buffer) }
  }
}
