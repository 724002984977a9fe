import Firmware
import Hypercalls
import Sharing

/// Memory that events need while they happen and that says nothing afterwards: lists of hypercalls, what hvmloader works
/// on. Whoever plays event after event keeps it, so that nothing is allocated anew each time.
public struct WorkingMemory: Sendable {
  var buffer = HypercallBuffer()
  var loader: Shared<LoaderState>?

  /// None yet.
  public init() {}
}
