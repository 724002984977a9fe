import AddressSpace
import Editions
import Hypercalls
import Platform

/// How a run of hvmloader ended.
public enum FirmwareStop: Hashable, Sendable {
  /// It jumped to the BIOS.
  case handedOver
  /// It shut the guest down with reason crash (LD-5): by which rule, and the line that says why.
  case crashed(rule: Rule, record: LogRecord)
  /// A real binary ended as no rule says: at an unknown place, by a wild access, or never.
  case failed(FirmwareFailure)
}

/// The command word of a function as firmware left it.
public struct CommandWord: Hashable, Sendable {
  /// device << 3 | function.
  public var devfn: UInt8
  /// Bit 0 I/O, bit 1 memory, bit 2 bus master.
  public var value: UInt16

  /// `value` at `devfn`.
  public init(devfn: UInt8, value: UInt16) {
    self.devfn = devfn
    self.value = value
  }
}

/// A run of RAM pages that changed place: page k of `from` became page k of `to`.
public struct RAMMove: Hashable, Sendable {
  /// Where they were.
  public var from: FrameRange
  /// Where they are.
  public var to: FrameRange

  /// A move of as many pages as both ranges have.
  public init(from: FrameRange, to: FrameRange) {
    self.from = from
    self.to = to
  }
}

/// The windows that the ACPI tables publish (LD-75 to LD-77, LD-59, LD-78).
public struct ACPIInfo: Hashable, Sendable {
  /// Start of the low window.
  public var lowStart: UInt32
  /// Bytes of the low window.
  public var lowSize: UInt32
  /// Start of the high window, 0 if there is none.
  public var highStart: UInt64
  /// Bytes of the high window, 0 if there is none.
  public var highSize: UInt64

  /// These windows.
  public init(lowStart: UInt32, lowSize: UInt32, highStart: UInt64, highSize: UInt64) {
    self.lowStart = lowStart
    self.lowSize = lowSize
    self.highStart = highStart
    self.highSize = highSize
  }
}

/// Uncacheable variable MTRRs over the windows (LD-58).
public struct MTRRLayout: Hashable, Sendable {
  /// Ranges written, in order.
  public var ranges: [AddressRange] = []
  /// Registers there are.
  public var available: UInt8
  /// Parts of the windows left cacheable because the registers ran out.
  public var uncovered: [AddressRange] = []
}

/// What hvmloader took for itself.
public struct LoaderMemory: Hashable, Sendable {
  /// Pages of the special area that got RAM, in ascending runs: information page, ACPI tables, arena, OVMF.
  public var populated: [FrameRange] = []
  /// Guest frames whose RAM was taken for such pages after population failed (LD-54).
  public var donated: [GFN] = []
  /// Last byte used of the arena that grows up (LD-53).
  public var arenaTop: UInt64
  /// Lowest byte handed out as a hole (LD-52).
  public var holeBottom: UInt64
  /// Last byte of the ACPI arena (LD-55).
  public var acpiTop: UInt64
  /// Last byte of scratch memory when the BIOS map is printed (LD-56).
  public var scratchTop: UInt64 = LoaderConstants.scratchStart
  /// The vm86 TSS, 0 if not reached.
  public var tss: UInt64 = 0
  /// Where the E820 table lies, 0 if not reached.
  public var e820Table: UInt64 = 0
  /// Entries it has room for; more entries than that overflow it (B-7).
  public var e820Room = 0

  /// Nothing taken yet.
  public init(map: GuestMap) {
    arenaTop = map.dynamicStart &- 1
    holeBottom = map.dynamicEnd
    acpiTop = map.acpiArenaStart &- 1
  }

  /// Makes it that of a run that has not begun; keeps memory.
  mutating func clear(map: GuestMap) {
    populated.empty()
    donated.empty()
    arenaTop = map.dynamicStart &- 1
    holeBottom = map.dynamicEnd
    acpiTop = map.acpiArenaStart &- 1
    scratchTop = LoaderConstants.scratchStart
    tss = 0
    e820Table = 0
    e820Room = 0
  }
}

/// What a run of hvmloader did and left behind.
public struct FirmwareReport: Hashable, Sendable {
  /// How it ended.
  public var stop = FirmwareStop.handedOver
  /// Every register that sizing found, ascending by devfn and index; address 0 = never placed.
  public var bars: [PlacedBAR] = []
  /// Places at which BARs answered while only half of them was written, in order (H-6).
  public var passing: [PlacedBAR] = []
  /// Command words of all present functions, ascending.
  public var commands: [CommandWord] = []
  /// The table handed to the BIOS, in the order printed; empty if not reached.
  public var e820: [E820Entry] = []
  /// The loader's copy of the memory map at the end.
  public var memoryMap: [E820Entry] = []
  /// RAM moved above 4G for the window, in order (LD-32).
  public var moves: [RAMMove] = []
  /// `[pci_mem_start, pci_mem_end)`, the end FC000000 but for LD-93; nil if not reached.
  public var lowWindow: AddressRange?
  /// `[pci_hi_mem_start, pci_hi_mem_end)`, nil if there is none (LD-45).
  public var highWindow: AddressRange?
  /// The Intel OpRegion's pages (LD-60).
  public var opRegion: AddressRange?
  /// MTRRs, nil if not reached or not there.
  public var mtrrs: MTRRLayout?
  /// `hvm_info` after the run; nil if it was never read or is broken. In memory its checksum is stale (LD-71).
  public var hvmInfo: HVMInfo?
  /// What ACPI publishes, nil without ACPI.
  public var acpiInfo: ACPIInfo?
  /// MiB that SMBIOS reports (LD-74).
  public var smbiosMiB: UInt64 = 0
  /// The loader's own memory.
  public var memory: LoaderMemory
  /// Frame of the shared-info page, nil if not mapped (LD-62).
  public var sharedInfo: GFN?
  /// Everything it printed.
  public var records: [LogRecord] = []
  /// Where basic blocks begin that a real binary executed, ascending; empty of the model, and where nobody looked.
  public var blocks: [UInt32] = []

  /// The report of a run that has not begun.
  public init(map: GuestMap) {
    memory = LoaderMemory(map: map)
  }

  /// Makes it the report of a run that has not begun; keeps memory.
  mutating func clear(map: GuestMap) {
    stop = .handedOver
    bars.empty()
    passing.empty()
    commands.empty()
    e820.empty()
    memoryMap.empty()
    moves.empty()
    lowWindow = nil
    highWindow = nil
    opRegion = nil
    mtrrs = nil
    hvmInfo = nil
    acpiInfo = nil
    smbiosMiB = 0
    memory.clear(map: map)
    sharedInfo = nil
    records.empty()
  }
}

extension Array {
  /// Removes all elements and keeps the memory.
  @inline(__always)
  mutating func empty() {
    if !isEmpty { removeAll(keepingCapacity: true) }
  }

  /// Adds `element` until there are `count` elements at least.
  @inline(__always)
  mutating func extend(to count: Int, with element: Element) {
    if self.count < count { append(contentsOf: repeatElement(element, count: count - self.count)) }
  }
}

/// CMOS memory size registers (LD-73).
public struct CMOSMemory: Hashable, Sendable {
  /// Registers 15/16: KiB below 640K.
  public var base: UInt16
  /// Registers 17/18 and 30/31: KiB above 1M, at most FFFF.
  public var extended: UInt16
  /// Registers 34/35: 64-KiB units above 16M.
  public var alternative: UInt16
}

extension FirmwareReport {
  /// True if the BIOS runs.
  public var isHandedOver: Bool {
    if case .handedOver = stop { true } else { false }
  }

  /// CMOS memory sizes as left behind, nil if the run stopped before.
  public var cmos: CMOSMemory? {
    guard isHandedOver, let hvmInfo else { return nil }
    let low = UInt64(hvmInfo.lowMemoryEnd &<< 12)
    let mega: UInt64 = 1 << 20
    return CMOSMemory(
      base: 640, extended: low > mega ? UInt16(min((low - mega) >> 10, 0xFFFF)) : 0,
      alternative: low > 16 * mega ? UInt16(truncatingIfNeeded: (low - 16 * mega) >> 16) : 0)
  }
}

/// Numbers of hvmloader that are no addresses of the guest map.
enum LoaderConstants {
  /// Capacity of the loader's memory map (LD-6).
  static let mapCapacity = 128
  /// Where scratch memory starts.
  static let scratchStart: UInt64 = 0x1_0000
  /// Most pages one relocation call moves (LD-32).
  static let relocationChunk: UInt32 = 0xFFFF
  /// devfn of the ISA bridge.
  static let isaBridge: UInt8 = 0x08
  /// IRQs of the four PCI links (LD-18).
  static let linkIRQs: [UInt8] = [5, 10, 11, 5]
  /// Bytes of the vm86 TSS.
  static let tssBytes: UInt64 = 384
  /// ROMBIOS' E820 table.
  static let rombiosTable: UInt64 = 0xE_A108
  /// HVM parameters used.
  static let storeFrame: UInt32 = 1
  static let storeEventChannel: UInt32 = 2
  static let acpiPortsLocation: UInt32 = 19
  static let generationIDAddress: UInt32 = 34
  static let vm86TSS: UInt32 = 15
  static let vm86TSSSized: UInt32 = 37
  /// Most virtual CPUs an HVM guest can have.
  static let maximumVCPUs: UInt32 = 128
}
