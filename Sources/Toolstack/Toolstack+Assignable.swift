import Editions
import Hypercalls
import Platform

extension Toolstack {
  /// `xl pci-assignable-add`: binds the function to pciback and hands it to dom_io (BL-125).
  public mutating func assignableAdd<Port: HypercallPort & ~Copyable>(
    _ sbdf: SBDF, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    guard let index = index(of: sbdf) else { throw Refusal(.fail, rule: .bl(125)) }
    let before = bindings[index]
    var journal = Journal(in: &buffer)
    defer { journal.close(&buffer) }
    do throws(Refusal) {
      try bind(index, &journal, on: &port, &buffer)
    } catch {
      if decisions.failure == .undoes { bindings[index] = before }
      throw error
    }
  }

  /// Binds the function at `index`; one that is bound already is quarantined all the same.
  mutating func bind<Port: HypercallPort & ~Copyable>(
    _ index: Int, _ journal: inout Journal, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    let sbdf = bindings[index].sbdf
    bindings[index].isBound = true
    // Relaxed, so that ranges shared with other devices do not matter.
    try port.require(
      .assignDevice(.io, sbdf, flags: RDMPolicy.relaxed.assignFlags, deviceType: 0), by: .bl(125), &buffer)
    if !bindings[index].isQuarantined {
      journal.undo(.deassignDevice(.io, sbdf, flags: 0, deviceType: 0))
    }
    bindings[index].isQuarantined = true
    bindings[index].staysQuarantined = true
  }

  /// `xl pci-assignable-remove`: takes the function from dom_io back to the hardware domain and unbinds it (BL-125).
  public mutating func assignableRemove<Port: HypercallPort & ~Copyable>(
    _ sbdf: SBDF, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    try port.require(.deassignDevice(.io, sbdf, flags: 0, deviceType: 0), by: .bl(125), &buffer)
    guard let index = index(of: sbdf) else { return }
    bindings[index].isBound = false
    bindings[index].isQuarantined = false
    bindings[index].staysQuarantined = false
  }
}
