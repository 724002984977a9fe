import AddressSpace
import Editions
import Hypercalls
import Platform

/// hvmloader: from its entry to the jump to the BIOS.
///
/// It reaches the hypervisor through the port only, as the guest it runs in. `xen-4.17` agrees with the real binary line
/// by line; `repaired` is the same sequence of steps with the quirks' decisions the other way round.
public struct HVMLoader: Sendable {
  /// Which Xen it behaves like.
  public let edition: Edition
  /// Fixed addresses.
  public let map: GuestMap
  /// Whether the report holds what is printed. Nothing else depends on it.
  public var keepsLog = true
  let decisions: LoaderDecisions

  /// The loader of `edition`.
  public init(edition: Edition, map: GuestMap = .xen) {
    self.edition = edition
    self.map = map
    decisions = LoaderDecisions(edition.firmware)
  }

  /// Runs to the hand-over or to a crash, as guest `domain`.
  ///
  /// Never fails otherwise: whatever stands in `input` or comes back from `port`, the report says how it ended.
  public func run<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, as domain: DomainID, on port: inout Port, _ buffer: inout HypercallBuffer
  ) -> FirmwareReport {
    var state = LoaderState()
    run(input, as: domain, on: &port, &buffer, in: &state)
    return state.report
  }

  /// Just what decides where everything lies, without tables: the map, the BARs, RAM out of their way, the E820.
  ///
  /// For measurements: `report.stop` is not kept.
  public func layOut<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, as domain: DomainID, on port: inout Port, _ buffer: inout HypercallBuffer,
    in state: inout LoaderState
  ) {
    state.start(self, domain, input)
    do throws(LoaderCrash) {
      try state.setUpMemoryMap(input, on: &port, &buffer)
      try state.setUpPCI(input, on: &port, &buffer)
      if let bios = state.bios { try state.buildE820(input, bios) }
    } catch {}
  }

  /// The same in memory that runs before have left; the report is `state.report`.
  public func run<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, as domain: DomainID, on port: inout Port, _ buffer: inout HypercallBuffer,
    in state: inout LoaderState
  ) {
    state.start(self, domain, input)
    do throws(LoaderCrash) {
      try state.run(input, on: &port, &buffer)
    } catch {
      if let reason = error.reason { state.print(reason) }
      state.print(.bug(error.bug))
      state.print(.crashed)
      state.report.stop = .crashed(rule: error.bug.rule, record: error.reason ?? .bug(error.bug))
    }
    state.report.hvmInfo = state.hvm
    swap(&state.report.memoryMap, &state.entries)
  }
}

/// The state of one run, and afterwards what it did. The next run uses its memory again.
public struct LoaderState: Sendable {
  private(set) var decisions: LoaderDecisions
  private(set) var map: GuestMap
  private(set) var domain: DomainID
  private(set) var bios: BIOS?
  private(set) var acpi: Bool
  /// Which edition's version it prints unless told otherwise.
  private var name: Edition.Name
  /// Whether what is printed is kept.
  private(set) var keepsLog: Bool
  /// What the run did so far.
  public internal(set) var report: FirmwareReport
  /// The loader's private copy of the memory map.
  var entries: [E820Entry] = []
  /// `hvm_info` once it was used.
  var hvm: HVMInfo?
  /// A populate call failed: donors from now on (LD-54).
  var populationFailed = false
  /// Which adapter is the primary one, and where.
  var primaryVGA: PrimaryVGA?
  var primaryVGAFunction = 0
  /// The platform device's BAR goes to the window's end (LD-93).
  var platformBARAtTop = false
  /// Where such BARs are in `report.bars`, and of which function.
  var topBARs: [(slot: Int, function: Int)] = []
  /// The loader's list of registers: the first `elementCount`; what lies behind them is of no run.
  var elements: [BARElement] = []
  var elementCount = 0
  /// `pci_mem_end`: the end of the low window.
  var lowEnd: UInt64
  /// Memory for the list before it is sorted, and for the registers that are found.
  var found: [BARElement] = []
  var foundBARs: [PlacedBAR] = []
  /// Indices of the functions that are scanned, by ascending devfn.
  var order: [Int] = []
  /// Ranges that BARs should keep clear of, as the map has them: the first `obstacleCount`.
  var obstacles: [Obstacle] = []
  var obstacleCount = 0
  /// Where the high window ends, and for how many MTRRs windows are aligned; nil if they are not.
  var highLimit: UInt64 = 0
  var variableMTRRs: UInt8?
  /// Memory of the plan that was carried out: as many homes as elements, or more.
  var homes: [BARPlan.Home] = []
  /// Memory of the MTRRs that were set.
  var mtrrRanges: [AddressRange] = []

  private static let anyLoader = HVMLoader(edition: .repaired)

  /// Hands the report out; the state is left without one, ready for the next run.
  public mutating func takeReport() -> FirmwareReport {
    var taken = FirmwareReport(map: map)
    swap(&taken, &report)
    return taken
  }

  /// Memory for runs of any loader.
  public init() {
    let loader = LoaderState.anyLoader
    decisions = loader.decisions
    map = loader.map
    domain = DomainID(0)
    acpi = true
    name = .repaired
    keepsLog = true
    report = FirmwareReport(map: map)
    lowEnd = map.specialStart
  }

  /// The state at the entry of `loader`.
  init(of loader: HVMLoader, as domain: DomainID, _ input: FirmwareInput) {
    self.init()
    start(loader, domain, input)
  }

  /// The state at the entry of `loader`, whatever ran before.
  @inline(__always)
  fileprivate mutating func start(_ loader: HVMLoader, _ domain: DomainID, _ input: FirmwareInput) {
    decisions = loader.decisions
    map = loader.map
    name = loader.edition.name
    keepsLog = loader.keepsLog
    self.domain = domain
    bios = input.keys.biosNamed
    acpi = input.keys.wantsACPI
    if let layout = report.mtrrs {
      mtrrRanges = layout.ranges
      report.mtrrs = nil
    }
    report.clear(map: map)
    entries.empty()
    hvm = nil
    populationFailed = false
    primaryVGA = nil
    primaryVGAFunction = 0
    platformBARAtTop = false
    topBARs.empty()
    lowEnd = map.specialStart
    report.memory.arenaTop = dynamicStart &- 1
    if decisions.holeTop == .specialPages, let info = try? HVMInfo(bytes: input.hvmInfo) {
      report.memory.holeBottom = Page.address(of: UInt64(info.reservedStart))
    }
    if keepsLog { report.records.reserveCapacity(64) }
  }

  /// Where the arena that grows up starts; ACPI tables had no place of their own once (H-14).
  var dynamicStart: UInt64 { decisions.acpiTables == .unmarked ? map.acpiArenaStart : map.dynamicStart }

  @inline(__always)
  mutating func print(_ record: LogRecord) {
    if keepsLog { report.records.append(record) }
  }

  /// The steps in order (LD-1).
  mutating func run<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) {
    print(.banner)
    print(.detectedXen(version: input.platform.xenVersion ?? name.version))
    try setUpMemoryMap(input, on: &port, &buffer)
    try connectStore(on: &port, &buffer)
    guard let bios else { throw LoaderCrash(.unknownBIOS, .unknownBIOS(input.keys.bios ?? "")) }
    print(.systemRequested(bios))
    try mapSharedInfo(on: &port, &buffer)
    print(.cpuSpeed(mhz: input.platform.cpuMHz))
    if decisions.mtrrTime == .beforePCI { setUpProcessors(input, try hvmInfo(input)) }
    try setUpPCI(input, on: &port, &buffer)
    let hvm = try hvmInfo(input)
    if decisions.mtrrTime == .afterPCI { setUpProcessors(input, hvm) }
    try writeTables(input, bios, hvm, on: &port, &buffer)
    try buildE820(input, bios)
    print(.invoking(bios))
  }

  private mutating func connectStore<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) {
    func parameter(_ index: UInt32, _ bug: LoaderBug) throws(LoaderCrash) -> UInt64 {
      guard port.perform(.getParameter(.itself, index: index), by: domain, &buffer) == 0 else {
        throw LoaderCrash(bug)
      }
      return buffer.value
    }
    let frame = try parameter(LoaderConstants.storeFrame, .storeFrame)
    let channel = try parameter(LoaderConstants.storeEventChannel, .storeEventChannel)
    print(
      .xenbus(rings: UInt32(truncatingIfNeeded: frame << 12), eventChannel: UInt32(truncatingIfNeeded: channel)))
  }

  /// Maps the shared-info page at the first hole page (LD-62).
  private mutating func mapSharedInfo<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) {
    let frame = try allocateHole(pages: 1)
    let call = Hypercall.addToPhysmap(.itself, space: .sharedInfo, index: 0, gfn: frame, count: 1)
    guard port.perform(call, by: domain, &buffer) == 0 else { throw LoaderCrash(.sharedInfo) }
    report.sharedInfo = frame
  }

  /// `hvm_info`, checked at its first use (LD-71, LD-72).
  @inline(__always)
  mutating func hvmInfo(_ input: FirmwareInput) throws(LoaderCrash) -> HVMInfo {
    if let hvm { return hvm }
    return try readHVMInfo(input)
  }

  @inline(never)
  private mutating func readHVMInfo(_ input: FirmwareInput) throws(LoaderCrash) -> HVMInfo {
    let read: HVMInfo
    do throws(HVMInfo.Defect) {
      read = try HVMInfo(bytes: input.hvmInfo)
    } catch {
      let bug: LoaderBug =
        switch error {
        case .signature: .hvmInfoSignature
        case .length: .hvmInfoLength
        case .checksum: .hvmInfoChecksum
        }
      throw LoaderCrash(bug, .hvmInfoDefect(error))
    }
    hvm = read
    takeMap(from: read)
    try checkAgreement(of: read)
    return read
  }

  /// `address` as the loader's 32-bit registers hold it.
  func wrap(_ address: UInt64) -> UInt64 { address & (map.fourGiB &- 1) }
}

extension Edition.Name {
  /// The version that such a hypervisor tells its guests.
  var version: String {
    switch self {
    case .repaired, .xen4_17: "4.17.7"
    case .xen4_5: "4.5.5"
    case .rfc2014, .rfc2015: "4.6-unstable"
    case .xen4_6: "4.6.6"
    case .xen4_9: "4.9.4"
    case .xen4_13: "4.13.5"
    case .xen4_14: "4.14.6"
    case .xen4_16: "4.16.6"
    case .xen4_20: "4.20.3"
    case .xenMaster: "4.23-unstable"
    }
  }
}
