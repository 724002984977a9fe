import Editions
import Platform

/// A PCI function the hypervisor knows of (4.1).
public struct Device: Equatable, Sendable {
  /// Where it is.
  public let sbdf: SBDF
  /// What it is; `unknown` where nothing answers.
  public let kind: PCIFunction.Kind
  /// Buses behind it.
  public let buses: PCIFunction.Buses?
  /// Stride of its phantom functions, 0 if it has none (HV-83).
  public let phantomStride: UInt8
  /// True for USB controllers (HV-98).
  let isUSB: Bool
  /// The physical function it is a virtual one of.
  let physicalFunction: SBDF?
  /// True if a remapping unit is responsible for it (HV-25).
  public let isRemapped: Bool

  /// Its owner: a domain, `dom_io`, or nobody (HV-64, D-4).
  public internal(set) var owner: DomainID?
  /// True if its owner got it with the strict policy.
  public internal(set) var isStrict = false
  /// It was assigned to `dom_io` by name and goes back there (HV-74).
  public internal(set) var isQuarantined = false
  /// It has a quarantine table, with its own reserved ranges in it (HV-95).
  public internal(set) var hasQuarantineTable = false
  /// Its context entry is present: DMA goes somewhere (HV-70).
  public internal(set) var hasContext = false
  /// It could neither be assigned nor taken back (HV-83).
  public internal(set) var isBroken = false

  init(_ function: PCIFunction, isRemapped: Bool) {
    sbdf = function.sbdf
    kind = function.kind
    buses = function.buses
    isUSB = function.classCode == 0x0C03
    physicalFunction = function.physicalFunction
    self.isRemapped = isRemapped
    // Phantoms are an affair of endpoints on PCI Express (D-8), numbered above the real function.
    phantomStride = kind == .pcie && sbdf.function < function.phantomStride ? function.phantomStride : 0
  }

  /// True if nothing tells the two apart: a quarantine table that is kept ready shows only in quarantine (HV-97).
  public func behaves(like other: Device) -> Bool {
    var (left, right) = (self, other)
    if left.owner != .io { left.hasQuarantineTable = false }
    if right.owner != .io { right.hasQuarantineTable = false }
    return left == right
  }

  /// The phantom function after `function`, its own or a phantom one; nil if there is none.
  func phantom(after function: SBDF) -> SBDF? {
    guard phantomStride != 0 else { return nil }
    let devfn = function.devfn &+ phantomStride
    return devfn >> 3 == sbdf.device ? SBDF(segment: sbdf.segment, bdf: UInt16(sbdf.bus) << 8 | UInt16(devfn)) : nil
  }

  /// True if requests with the id of `function` are its own: it is the function or a phantom of it.
  public func answers(for function: SBDF) -> Bool {
    var own = sbdf
    while own != function {
      guard let next = phantom(after: own) else { return false }
      own = next
    }
    return true
  }
}
