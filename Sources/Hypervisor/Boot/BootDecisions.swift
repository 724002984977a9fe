import Editions
import Platform

/// What the quirks decide about boot and about the list of reserved ranges.
public struct BootDecisions: Hashable, Sendable {
  /// What configuration space can say while the table is parsed.
  public enum Segments: Hashable, Sendable {
    /// No segment is known: every device counts as existing, and bridges of segment 0 only can be asked for their
    /// buses (D-2).
    case unknown
    /// All segments are known: a unit whose devices are all absent is ignored (HV-15).
    case known
  }

  /// Where a unit's device list ends.
  public enum ScopeEnd: Hashable, Sendable {
    /// In front of the first 00:00.0 (HV-13).
    case zeroBDF
    /// Behind its last device.
    case lastDevice
  }

  /// How many devices share a unit (HV-86).
  public enum Sharing: Hashable, Sendable {
    /// As many as its list is long.
    case listLength
    /// The different devices of all units that hang together by common pages.
    case commonPages
  }

  /// Which ranges of the table may be registered.
  public enum RangeLimit: Hashable, Sendable {
    /// All (HV-16). Counts wrap modulo 2^64; one that is too large hangs the host (HV-22, C-10).
    case none
    /// Those below 2^52, beyond which x86 has no address. Another one turns VT-d off.
    case physicalAddress
  }

  /// What becomes of a range of the table that lies in the host's RAM.
  public enum RAMRange: Hashable, Sendable {
    /// A warning (HV-17).
    case warned
    /// VT-d is turned off, as from 4.19 on (BUG-28).
    case fatal
  }

  /// When the host's E820 is asked about a range (HV-14).
  public enum Judgement: Hashable, Sendable {
    /// When its devices are known and one of them exists.
    case whenUsed
    /// First of all.
    case atOnce
  }

  /// What becomes of a range over a page that is RAM in part and nothing else.
  public enum PartialRAM: Hashable, Sendable {
    /// Xen never uses such a page: like a hole it does not matter.
    case accepted
    /// VT-d is turned off.
    case fatal
  }

  /// What becomes of a range over an E820 entry whose type says nothing to Xen (C-9).
  public enum UnknownType: Hashable, Sendable {
    /// Like a hole it does not matter.
    case accepted
    /// VT-d is turned off.
    case fatal
  }

  /// Which units of the table must not overlap one that is registered (HV-14, HV-19).
  public enum OverlapCheck: Hashable, Sendable {
    /// Those with a device that exists.
    case usedUnits
    /// All, so that the order of the table matters.
    case everyUnit
  }

  /// Which ranges are warned of (HV-17).
  public enum ReservationCheck: Hashable, Sendable {
    /// Those that are not all reserved, all ACPI NVS or all ACPI data.
    case oneType
    /// Those that are not all reserved.
    case reservedOnly
    /// Those whose first or last page is not reserved (BUG-29).
    case ends
    /// Those whose first page, or the one before the last, is not reserved (BUG-3).
    case exclusiveEnd
  }

  /// What devices on a segment count as that is not known yet (BUG-4).
  public enum FarSegments: Hashable, Sendable { case present, absent }

  /// What becomes of a range of the table that overlaps another (HV-19, BUG-5).
  public enum Overlap: Hashable, Sendable { case fatal, registered }

  /// What becomes of a remapping unit that lists an absent device (HV-23).
  public enum AbsentRemappedDevice: Hashable, Sendable { case warned, fatal }

  /// Whether there are `rmrr=` options, and when their units' sizes are looked at (BUG-23).
  public enum Options: Hashable, Sendable {
    /// While the option is read: a unit that is too large ends it.
    case limitedAtOnce
    /// When units are registered: one that is too large is skipped.
    case limitedLate
    /// There are none.
    case missing
  }

  /// Whether units without a page are reported (HV-50).
  public enum EmptyUnits: Hashable, Sendable { case passedOver, reported }

  /// Whether SATC structures are looked into.
  public enum SATC: Hashable, Sendable { case skipped, parsed }

  /// What becomes of two remapping units that state the same registers.
  public enum RepeatedRegisters: Hashable, Sendable {
    /// Both are registered, and the host hangs when it sets up the second.
    case hang
    /// VT-d is turned off.
    case fatal
  }

  /// How an `rmrr=` unit is compared with those registered (HV-31).
  public enum OptionOverlap: Hashable, Sendable {
    /// Up to the first byte of its last page.
    case lastPageStart
    /// Up to its last byte.
    case lastByte
  }

  /// Which segments the devices of an `rmrr=` unit may have (HV-31).
  public enum OptionSegments: Hashable, Sendable {
    /// Any whose bits are among those of the first (HV-32).
    case bitsOfFirst
    /// The first one's.
    case equal
  }

  /// What configuration space can say.
  public var segments = Segments.known
  /// Where a unit's device list ends.
  public var scopeEnd = ScopeEnd.lastDevice
  /// How many devices share a unit.
  public var sharing = Sharing.commonPages
  /// Which ranges may be registered.
  public var rangeLimit = RangeLimit.physicalAddress
  /// What becomes of ranges in RAM.
  public var ramRange = RAMRange.fatal
  /// Which units must not overlap.
  public var overlapCheck = OverlapCheck.usedUnits
  /// When ranges are judged.
  public var judgement = Judgement.whenUsed
  /// What becomes of pages that are RAM in part.
  public var partialRAM = PartialRAM.accepted
  /// What becomes of ranges over unknown types.
  public var unknownType = UnknownType.accepted
  /// Which ranges are warned of.
  public var reservationCheck = ReservationCheck.oneType
  /// Whether SATC structures are looked into.
  public var satc = SATC.skipped
  /// What devices on unknown segments count as.
  public var farSegments = FarSegments.present
  /// What becomes of overlapping ranges.
  public var overlap = Overlap.fatal
  /// What becomes of remapping units that list absent devices.
  public var absentRemappedDevice = AbsentRemappedDevice.warned
  /// What is made of `rmrr=` options.
  public var options = Options.limitedAtOnce
  /// Whether units without a page are reported.
  public var emptyUnits = EmptyUnits.passedOver
  /// Last byte beyond which a range hangs the host; nil if there is no such limit.
  public var hangLimit: UInt64?
  /// What becomes of two remapping units at the same registers.
  public var repeatedRegisters = RepeatedRegisters.fatal
  /// Bytes of an option's value that are read: 127 less `rmrr=` (D-3), or all.
  public var optionLength = Int.max
  /// How `rmrr=` units are compared.
  public var optionOverlap = OptionOverlap.lastByte
  /// Which segments they may mix.
  public var optionSegments = OptionSegments.equal

  /// The decisions under `quirks`; without any, the repaired design.
  public init(_ quirks: QuirkSet<HypervisorQuirk>) {
    if quirks.contains(.existenceCheckDead) { segments = .unknown }
    if quirks.contains(.zeroBDFEndsScope) { scopeEnd = .zeroBDF }
    if quirks.contains(.sharedByListLength) { sharing = .listLength }
    if quirks.contains(.rangesUnbounded) { rangeLimit = .none }
    if quirks.contains(.rangesInRAMAccepted) { ramRange = .warned }
    if quirks.contains(.overlapsJudgedBeforeUse) { overlapCheck = .everyUnit }
    if quirks.contains(.rangesJudgedBeforeUse) { judgement = .atOnce }
    if quirks.contains(.partialRAMRefused) { partialRAM = .fatal }
    if quirks.contains(.unknownTypesRefused) { unknownType = .fatal }
    if quirks.contains(.onlyReservedCounts) { reservationCheck = .reservedOnly }
    if quirks.contains(.onlyEndsJudged) { reservationCheck = .ends }
    if quirks.contains(.lastPageExclusive) { reservationCheck = .exclusiveEnd }
    if quirks.contains(.farSegmentsAbsent) { farSegments = .absent }
    if quirks.contains(.overlapsRegistered) { overlap = .registered }
    if quirks.contains(.absentRemappedDevicesFatal) { absentRemappedDevice = .fatal }
    if quirks.contains(.optionLimitLate) { options = .limitedLate }
    if quirks.contains(.optionMissing) { options = .missing }
    if quirks.contains(.zeroPageUnitsReported) { emptyUnits = .reported }
    if quirks.contains(.satcParsed) { satc = .parsed }
    if quirks.contains(.upperHalfHangs) { hangLimit = .max >> 1 }
    if quirks.contains(.registersTakenTwice) { repeatedRegisters = .hang }
    if quirks.contains(.optionCut) { optionLength = RMRROption.lengthKept - "rmrr=".utf8.count }
    if quirks.contains(.optionOverlapByLastPage) { optionOverlap = .lastPageStart }
    if quirks.contains(.optionSegmentsMixed) { optionSegments = .bitsOfFirst }
  }
}
