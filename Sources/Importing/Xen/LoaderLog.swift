import AddressSpace
import Platform

/// What one run of hvmloader printed: the facts of its log, and nothing else.
///
/// Lines may be missing at both ends; what a missing line would tell is nil or empty.
public struct LoaderLog: Hashable, Sendable {
  /// A base address register as it was placed, or not.
  public struct Register: Hashable, Sendable {
    /// device << 3 | function on the guest's bus 0.
    public var devfn: UInt8
    /// Offset in configuration space: 0x10 to 0x24, or 0x30 for the ROM.
    public var offset: UInt8
    /// Bytes or ports.
    public var size: UInt64
    /// What was written, type bits included; nil if there was no space.
    public var value: UInt64?

    /// 0 to 5, or 6 for the ROM.
    public var index: UInt8 { offset == 0x30 ? 6 : (offset &- 0x10) / 4 }
  }

  /// RAM that was moved above 4G.
  public struct Move: Hashable, Sendable {
    /// Pages.
    public var pages: UInt64
    /// First byte where they were.
    public var from: UInt64
    /// First byte where they went.
    public var to: UInt64
  }

  /// A configured MMIO hole.
  public enum Hole: Hashable, Sendable {
    /// It is used, and starts here.
    case applied(start: UInt64)
    /// It is of a size that was ignored.
    case ignored(size: UInt64)
  }

  /// How far the log goes.
  public enum Stage: Int, Comparable, Hashable, Sendable {
    /// Before functions are looked at.
    case start
    /// Functions were found and have their interrupts.
    case scan
    /// RAM is out of the window's way, registers are being placed.
    case placement
    /// All registers are placed.
    case tables
    /// The E820 is being printed.
    case e820
    /// The BIOS took over.
    case handedOver

    /// Earlier or later.
    public static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
  }

  /// Xen's version.
  public var version: String?
  /// The BIOS that was asked for, in small letters.
  public var bios: String?
  /// Whether RAM may be moved.
  public var relocation: Bool?
  /// The configured hole.
  public var hole: Hole?
  /// True if the window was too small.
  public var relocatesBARs = false
  /// RAM that was moved, in order.
  public var moves: [Move] = []
  /// Where the high window may start.
  public var highBase: UInt64?
  /// Whether there is RAM above 4G.
  public var hasHighRAM: Bool?
  /// Interrupt pins by devfn, in order: 1 = INTA to 4 = INTD.
  public var pins: [Pin] = []
  /// Class codes, which only some builds print.
  public var classes: [UInt8: UInt16] = [:]
  /// Registers in the order in which they were placed.
  public var registers: [Register] = []
  /// Processors that were started.
  public var processors = 0
  /// Physical address bits.
  public var addressBits: UInt8?
  /// Variable MTRRs in use, and how many there are.
  public var mtrrs: MTRRs?
  /// True if ACPI tables were made.
  public var hasACPI = false
  /// Bytes of ROMBIOS' extensions.
  public var extensionBytes: UInt64?
  /// The vm86 TSS.
  public var tss: UInt64?
  /// Last byte of scratch memory.
  public var scratchEnd: UInt64?
  /// First and last byte of the BIOS.
  public var biosRange: BIOSRange?
  /// The E820 in the order printed.
  public var e820: [E820Entry] = []
  /// The line that says why it gave up, nil if it did not.
  public var bug: String?
  /// True if the first lines are there.
  public var hasStart = false
  /// How far it goes.
  public var stage = Stage.start
  /// Its first line.
  public var first: Origin
  /// Its last line.
  public var last: Origin
  /// Where RAM below 4G ends, as the BIOS told later.
  public var laterLowEnd: UInt64?
  /// What Xen said while it ran: BARs that were mapped into the guest.
  public var mappings: [Mapping] = []

  /// A function's interrupt.
  public struct Pin: Hashable, Sendable {
    /// device << 3 | function.
    public var devfn: UInt8
    /// 1 = INTA to 4 = INTD.
    public var pin: UInt8
  }

  /// Variable MTRRs.
  public struct MTRRs: Hashable, Sendable {
    /// In use.
    public var used: Int
    /// There.
    public var available: UInt8
  }

  /// Where the BIOS lies.
  public struct BIOSRange: Hashable, Sendable {
    /// First byte.
    public var first: UInt64
    /// Last byte.
    public var last: UInt64
  }

  /// Machine frames that Xen mapped into the guest: pages of a passed-through BAR.
  public struct Mapping: Hashable, Sendable {
    /// First guest frame.
    public var gfn: UInt64
    /// First machine frame.
    public var mfn: UInt64
    /// Frames.
    public var count: UInt64
  }

  /// Most lines of one kind that are kept: a bus has 256 functions with seven registers each.
  static let limit = 1_792

  init(at origin: Origin) {
    first = origin
    last = origin
  }

  /// True if the E820 is there from its heading to the line behind it.
  public var hasWholeE820: Bool { stage == .handedOver && !e820.isEmpty }

  /// True if all registers are there: the line before them and a line behind them.
  public var hasAllRegisters: Bool { highBase != nil && stage > .placement }
}
