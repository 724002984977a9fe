/// A worker as the campaign sees it: lines in, lines out (`WorkerMessage`).
public protocol WorkerLink: AnyObject {
  /// Sends a line, without its end.
  func send(_ line: String) throws(WorkerFailure)
  /// The next line, without its end; waits at most `limit`.
  func receive(within limit: Duration) throws(WorkerFailure) -> String
  /// The descriptor that becomes readable when it says something; nil if `receive` need not wait for one.
  var pendingInput: Int32? { get }
  /// Ends the worker at once and waits until it is gone.
  func end() -> WorkerFailure.End
}

extension WorkerLink {
  /// Nil: it answers while it is sent to.
  public var pendingInput: Int32? { nil }
}

/// Starts workers.
public protocol WorkerLauncher {
  /// Starts one more worker.
  func launch() throws(WorkerFailure) -> any WorkerLink
}

/// Why a worker is of no use any more.
public enum WorkerFailure: Error, Hashable, Sendable {
  /// How a process ended.
  public enum End: Hashable, Sendable {
    /// By itself, with this code.
    case exited(Int32)
    /// By this signal: the model trapped, or it was killed.
    case signalled(Int32)
  }

  /// It ended in the middle of its work.
  case ended(End)
  /// It said nothing for too long.
  case silent
  /// It said something that is no message.
  case garbled(String)
  /// It refused its task, for this reason.
  case refused(String)
  /// The system refused: no process, no pipe.
  case system(String)
}

extension WorkerFailure: CustomStringConvertible {
  /// One line.
  public var description: String {
    switch self {
    case .ended(.exited(let code)): "the worker exited with code \(code)"
    case .ended(.signalled(let signal)): "the worker was ended by signal \(signal)"
    case .silent: "the worker hangs"
    case .garbled(let line): "the worker said \"\(line)\""
    case .refused(let reason): "the worker refused: \(reason)"
    case .system(let reason): "no worker: \(reason)"
    }
  }
}
