import AddressSpace
import Editions
import Firmware
import Hypercalls

/// One run of a binary: what it is told, and everything that is seen of it from outside.
struct LoaderSession {
  /// Why a run is over.
  enum End: Equatable {
    /// It said that it jumps to the BIOS.
    case handedOver
    /// It asked for the guest to be shut down.
    case shutDown
    /// It can or may not go on.
    case failed(FirmwareFailure)
  }

  let input: FirmwareInput
  /// The guest's own hypercalls, answered by whoever plays the hypervisor.
  let perform: (Hypercall) -> Int
  /// Where arrays of hypercalls travel.
  let buffer: UnsafeMutablePointer<HypercallBuffer>

  var configuration: ConfigurationSpace
  var store = StoreRing()
  /// Where the xenstore ring is, once the loader has asked for it.
  var storeRing: UInt32?
  var end: End?
  /// Where basic blocks begin that ran, where they are noted.
  var blocks: [UInt32] = []

  /// Everything printed.
  private(set) var log: [UInt8] = []
  private var lineStart = 0
  /// The memory map that the loader was given.
  var memoryMap: [E820Entry] = []
  var moves: [RAMMove] = []
  /// Frames that got RAM, one by one.
  var populated: [GFN] = []
  var donated: [GFN] = []
  var sharedInfo: GFN?
  /// Address and size of the vm86 TSS as the hypervisor was told.
  var tss: UInt64 = 0
  var tssBytes: UInt64 = 0
  /// Model-specific registers that the loader wrote.
  var writtenMSRs: [UInt32: UInt64] = [:]
  /// Accesses to ports so far, polls of event channels so far.
  var exits = 0
  var polls = 0
  /// What ports hold that can be read back.
  var ports: [UInt32: UInt32] = [:]

  /// More than a hundred times what any run needs.
  static let exitLimit = 2_000_000
  static let pollLimit = 1000
  static let logLimit = 1 << 20

  init(
    _ input: FirmwareInput, _ buffer: UnsafeMutablePointer<HypercallBuffer>, _ perform: @escaping (Hypercall) -> Int
  ) {
    self.input = input
    self.perform = perform
    self.buffer = buffer
    configuration = ConfigurationSpace(of: input)
    var values: [String: String] = [:]
    values["hvmloader/bios"] = input.keys.bios
    values["hvmloader/allow-memory-relocate"] = input.keys.allowMemoryRelocate
    values["platform/mmio_hole_size"] = input.keys.mmioHoleSize
    values["hvmloader/pci/xen-platform-pci-bar-uc"] = input.keys.platformBARUncacheable
    values["platform/acpi"] = input.keys.acpi
    store.values = values
  }

  /// Takes one byte of the log; a whole line may end the run.
  mutating func print(_ byte: UInt8) {
    guard log.count < LoaderSession.logLimit else {
      end = .failed(FirmwareFailure(.flood, "it prints more than a mebibyte"))
      return
    }
    log.append(byte)
    guard byte == UInt8(ascii: "\n") else { return }
    if log[lineStart...].starts(with: "Invoking ".utf8) { end = .handedOver }
    lineStart = log.count
  }

  /// The lines printed; the last one may be without its end.
  var lines: [String] {
    var lines = log.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { String(decoding: $0, as: UTF8.self) }
  }
}
