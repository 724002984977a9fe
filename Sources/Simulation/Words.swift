import AddressSpace
import Hypervisor

extension P2MEntry {
  /// One word for observations: `ram`, `promised`, `xen`, `identity:rw`, `mmio@0xf0000:rwx` with the machine frame behind `frame`.
  public func text(at frame: GFN) -> String {
    switch self {
    case .ram: "ram"
    case .populateOnDemand: "promised"
    case .xenPage: "xen"
    case .direct(let mapping):
      mapping.isIdentity
        ? "identity:\(mapping.access.text)" : "mmio@\(hex(frame &+ mapping.offset)):\(mapping.access.text)"
    }
  }
}

extension DMAEntry {
  /// One word for observations, as for the p2m.
  public func text(at frame: DFN) -> String {
    switch self {
    case .ram: "ram"
    case .direct(let offset, let access):
      offset == 0 ? "identity:\(access.text)" : "mmio@\(hex(frame &+ offset)):\(access.text)"
    }
  }
}

extension PageAccess {
  /// `rwx`, `rw`, `r`, …, `-` for none.
  var text: String {
    let letters = (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.execute) ? "x" : "")
    return letters.isEmpty ? "-" : letters
  }
}

extension AccessOutcome {
  /// The words of an observation.
  var words: [String] {
    switch self {
    case .ram: ["ram"]
    case .populated: ["populated"]
    case .machine(let mfn): ["machine", hex(mfn)]
    case .promoted(let mfn): ["promoted", hex(mfn)]
    case .emulated: ["emulated"]
    case .crashed(let rule): ["crashed", "\(rule)"]
    case .untranslated: ["gone"]
    }
  }
}

extension DMAOutcome {
  /// The words of an observation.
  var words: [String] {
    switch self {
    case .machine(let mfn): ["machine", hex(mfn)]
    case .ram: ["ram"]
    case .scratch: ["scratch"]
    case .fault(let rule): ["fault", "\(rule)"]
    }
  }
}
