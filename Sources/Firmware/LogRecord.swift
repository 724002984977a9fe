import AddressSpace
import Hypercalls

/// One thing hvmloader prints. A record is a whole line unless its comment says otherwise.
///
/// Records carry values; `LogRecord+Text.swift` alone knows the words.
public enum LogRecord: Hashable, Sendable {
  // MARK: Start

  /// The first line.
  case banner
  /// The hypervisor's version.
  case detectedXen(version: String)
  /// Where the xenstore ring is.
  case xenbus(rings: UInt32, eventChannel: UInt32)
  /// Which BIOS xenstore asks for.
  case systemRequested(BIOS)
  /// xenstore asks for a BIOS there is none of.
  case unknownBIOS(String)
  /// The CPU's speed.
  case cpuSpeed(mhz: UInt32)

  // MARK: Memory map

  /// The memory map could not be had (LD-7).
  case memoryMapFailed(count: Int, result: Int)
  /// A reserved range meets the dynamic area (LD-8).
  case dynamicAreaConflict
  /// A map entry cannot be honoured; not in any release.
  case mapRefused(E820Entry, MapDefect)
  /// `hvm_info` is broken (LD-71).
  case hvmInfoDefect(HVMInfo.Defect)

  // MARK: PCI

  /// Whether RAM may be moved (LD-15).
  case relocationAllowed(Bool)
  /// How the platform device's BAR is cached (LD-93).
  case platformBAR(uncacheable: Bool)
  /// The platform device's BAR does not fit at the window's end, or is 64 bits wide (LD-93).
  case platformBARListed(devfn: UInt8, index: UInt8, isWide: Bool)
  /// A PCI link got its IRQ (LD-18).
  case linkRouted(link: UInt8, irq: UInt8)
  /// A function's interrupt (LD-27); pin 1 = INTA.
  case interrupt(devfn: UInt8, pin: UInt8, irq: UInt8)
  /// A configured hole is too small or too large (LD-28).
  case holeIgnored(size: UInt64)
  /// A configured hole is used (LD-28).
  case holeApplied(start: UInt32, before: UInt32, size: UInt64, decimal: Bool)
  /// BARs go above 4G (LD-31).
  case lowHoleTooSmall
  /// Pages are moved; byte addresses (LD-32).
  case relocating(pages: UInt32, from: UInt64, to: UInt64)
  /// High RAM ends below 4G; the line goes on with the next record (LD-35).
  case highEndBelow4G(UInt32)
  /// Where the high window may start (LD-35).
  case highBase(UInt64, hasHighRAM: Bool)
  /// A BAR was written; `value` includes the type bits (LD-42, LD-43).
  case barPlaced(devfn: UInt8, register: UInt8, size: UInt64, value: UInt64)
  /// A BAR fits nowhere (LD-41).
  case barUnplaced(devfn: UInt8, register: UInt8, size: UInt64)

  // MARK: Tables

  /// Processors are started.
  case multiprocessor
  /// One line for each processor; nil without MTRRs (LD-58).
  case processors(count: UInt32, mtrrs: MTRRCount?, apicIDs: Bool)
  /// Guests have an x2APIC (LD-94).
  case x2APIC
  /// SMBIOS.
  case writingSMBIOS
  /// The BIOS is copied.
  case loading(BIOS)
  /// ROMBIOS' extensions go to the general arena.
  case romBIOSExtensions(bytes: UInt64, at: UInt64)
  /// There is none to copy (LD-80).
  case noBIOSImage
  /// MP tables.
  case creatingMPTables
  /// The VGA BIOS that ROMBIOS gets.
  case vgaBIOS(PrimaryVGA?)
  /// Heading of ROMBIOS' option ROMs.
  case optionROMs
  /// ACPI tables.
  case loadingACPI
  /// The vm86 TSS.
  case vm86TSS(UInt64)
  /// Heading of the BIOS map.
  case biosMap
  /// Scratch memory, its last byte.
  case scratchSpace(last: UInt64)
  /// The BIOS, first and last byte.
  case mainBIOS(first: UInt32, last: UInt32)

  // MARK: E820

  /// Heading of the table.
  case e820Heading
  /// The next entry starts before the end of the one printed before (LD-69).
  case e820Overlap
  /// A hole before the next entry.
  case e820Hole(start: UInt64, end: UInt64)
  /// An entry.
  case e820Entry(index: Int, E820Entry)

  // MARK: End

  /// The jump to the BIOS.
  case invoking(BIOS)
  /// A BUG or a failed assertion (LD-5).
  case bug(LoaderBug)
  /// The end after a BUG.
  case crashed

  // MARK: Real binaries

  /// A line as a real binary printed it.
  case printed(String)

  /// What the MTRR line says.
  public struct MTRRCount: Hashable, Sendable {
    /// Physical address bits.
    public var physicalBits: UInt8
    /// Variable ranges in use.
    public var used: Int
    /// Variable ranges there are.
    public var available: UInt8
  }
}

/// Why the repaired loader stops at a memory map.
public enum MapDefect: String, CaseIterable, Sendable {
  /// The map may have been cut off at the array's capacity.
  case full = "the map may be truncated"
  /// Not on page boundaries, or past 2^64.
  case malformed = "not a range of pages"
  /// Two entries overlap.
  case overlap = "overlaps another entry"
  /// It lies where the firmware's own pieces are.
  case firmwareArea = "meets memory the firmware needs"
  /// RAM that `hvm_info` does not know of.
  case disagreement = "disagrees with hvm_info"
}

/// Which adapter is the primary one (LD-21).
public enum PrimaryVGA: String, CaseIterable, Sendable {
  /// Bochs VBE.
  case standard
  /// Cirrus 5446.
  case cirrus
  /// A passed-through one.
  case passthrough
}
