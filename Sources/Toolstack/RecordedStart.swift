import Platform

/// What a log tells of a guest's start that its configuration does not: another machine type's functions, another
/// builder's layout, another BIOS. It takes the place of what libxl and QEMU would make of the configuration.
///
/// Logs of hvmloader show all of this; without it they could not be replayed.
public struct RecordedStart: Hashable, Sendable {
  /// One past the last byte of RAM below 4G; nil = as libxl lays it out.
  public var lowMemoryEnd: UInt64?
  /// One past the last byte of RAM above 4G, 0 = none; nil = as libxl lays it out.
  public var highMemoryEnd: UInt64?
  /// The emulated functions on bus 0, ascending by devfn, all of them; nil = those of QEMU's i440fx with `vga`.
  public var functions: [GuestFunction]?
  /// `hvmloader/bios`; nil = SeaBIOS.
  public var bios: BIOS?
  /// Bytes of the BIOS image; nil = 128 KiB.
  public var biosBytes: UInt32?
  /// Pages of ACPI tables (LD-55); nil = 10.
  public var acpiPages: UInt32?
  /// `hvmloader/allow-memory-relocate` (LD-15); nil = what the device model calls for.
  public var mayRelocate: Bool?
  /// `platform/mmio_hole_size` in bytes (LD-16), 0 = not there; nil = what `mmio_hole` calls for.
  public var holeSize: UInt64?

  /// What hvmloader can hand over to.
  public enum BIOS: String, CaseIterable, Sendable { case seabios, ovmf, rombios }

  /// Nothing that differs.
  public init() {}

  /// True if nothing is told.
  public var isEmpty: Bool { self == RecordedStart() }
}
