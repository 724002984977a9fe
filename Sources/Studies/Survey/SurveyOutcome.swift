import AddressSpace
import Editions
import Toolstack

/// What came of giving a guest a device.
public struct SurveyOutcome: Hashable, Sendable {
  /// In short.
  public enum Verdict: String, CaseIterable, Sendable {
    /// The guest runs, its device keeps all ranges, every BAR has its place.
    case works
    /// The guest runs, with something amiss.
    case warned
    /// The guest was not created.
    case refused
    /// The guest's firmware, or the hypervisor, stopped it.
    case crashed
  }

  /// What is amiss in a guest that runs.
  public enum Warning: String, CaseIterable, Sendable {
    /// A range was in the way of guest RAM and was given up (BL-65).
    case rangeDropped = "range-dropped"
    /// A range is not mapped 1:1 for the device all through.
    case rangeUnmapped = "range-unmapped"
    /// A range is not reserved in the guest's E820 all through.
    case rangeUnreserved = "range-unreserved"
    /// A range belongs to other devices, too, that are elsewhere (HV-86).
    case rangeShared = "range-shared"
    /// A BAR has no place.
    case barUnplaced = "bar-unplaced"
    /// The device model could not map a BAR.
    case barUnmapped = "bar-unmapped"
  }

  /// In short.
  public var verdict: Verdict
  /// What is amiss, in order of declaration; empty unless `warned`.
  public var warnings: [Warning] = []
  /// What libxl or Xen returned, such as `EPERM`; nil unless refused.
  public var error: String?
  /// The rule that refused or crashed it.
  public var rule: Rule?
  /// Bytes of RAM that lie above 4 GiB, or that firmware put there, because of the device.
  public var movedBytes: UInt64 = 0
  /// BARs of all the guest's functions without a place.
  public var unplacedBARs = 0
  /// Invariants that broke, in order.
  public var broken: [String] = []

  /// `verdict` and nothing else.
  init(_ verdict: Verdict) { self.verdict = verdict }

  /// True if the guest runs, well or not.
  public var runs: Bool { verdict == .works || verdict == .warned }
  /// True if it runs and its device has all ranges.
  public var keepsRanges: Bool {
    runs && !warnings.contains { [.rangeDropped, .rangeUnmapped, .rangeUnreserved].contains($0) }
  }
}

/// A setting that might help a guest that fails by default, and what came of it.
public struct SurveyRemedy: Hashable, Sendable {
  /// What is set.
  public enum Setting: Hashable, Sendable {
    /// `rdm_policy=relaxed`.
    case relaxed
    /// `rdm_mem_boundary`, in MiB, below the device's first range.
    case boundary(UInt64)
    /// The same with `rdm_policy=relaxed`.
    case relaxedBoundary(UInt64)
    /// `mmio_hole`, in MiB, from the device's first range up.
    case hole(UInt64)
    /// `memory`, in MiB, that ends below the device's first range.
    case memory(UInt64)
    /// So many other devices of the same ranges are passed as well.
    case group(Int)
  }

  /// What is set; everything else is at its default.
  public var setting: Setting
  /// What came of it.
  public var outcome: SurveyOutcome
}
