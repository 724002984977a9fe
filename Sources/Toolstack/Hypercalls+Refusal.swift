import Editions
import Hypercalls

extension HypercallPort where Self: ~Copyable {
  /// Performs `call` for dom0; a negative result is a refusal, by the hypervisor's own rule if it names one.
  @discardableResult
  mutating func require(
    _ call: Hypercall, by rule: Rule, _ buffer: inout HypercallBuffer, error: LibxlError = .fail
  ) throws(Refusal) -> Int {
    buffer.rule = nil
    let result = perform(call, by: .dom0, &buffer)
    if result < 0 { throw Refusal(error, errno: Errno(result: result), rule: buffer.rule ?? rule) }
    return result
  }

  /// Performs `call` for dom0 in a clean-up, where nobody is left to tell about a failure; result: the hypercall's.
  @discardableResult
  mutating func attempt(_ call: Hypercall, _ buffer: inout HypercallBuffer) -> Int {
    buffer.rule = nil
    return perform(call, by: .dom0, &buffer)
  }
}
