import AddressSpace
import Hypercalls

/// From the processors to the BIOS map: steps 10 to 21 of LD-1.
extension LoaderState {
  /// Starts the processors and sets their MTRRs (LD-4, LD-58).
  mutating func setUpProcessors(_ input: FirmwareInput, _ hvm: HVMInfo) {
    let processors = min(max(1, hvm.vcpus), LoaderConstants.maximumVCPUs)
    if decisions.processors == .withAPICIDs {
      if input.platform.x2APIC { print(.x2APIC) }
      _ = allocateScratch(4 * UInt64(processors), align: 4)
    }
    print(.multiprocessor)
    var count: LogRecord.MTRRCount?
    if let available = input.platform.variableMTRRs {
      let start = report.lowWindow?.start ?? map.mmioStart
      let end = decisions.mtrrEnd == .fourGiB ? map.fourGiB : lowEnd
      let high = decisions.highWindow == .published ? report.highWindow : nil
      var memory: [AddressRange] = []
      swap(&memory, &mtrrRanges)
      let layout = MTRRLayout(over: AddressRange(min(start, end), end), high, available: available, in: memory)
      count = LogRecord.MTRRCount(
        physicalBits: input.physicalBits, used: layout.ranges.count, available: available)
      report.mtrrs = layout
    }
    print(.processors(count: processors, mtrrs: count, apicIDs: decisions.processors == .withAPICIDs))
  }

  /// SMBIOS, BIOS, MP, ACPI and the vm86 TSS, with the memory each takes.
  mutating func writeTables<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, _ bios: BIOS, _ start: HVMInfo, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) {
    // SeaBIOS' info block lists its tables in scratch memory; each table below adds its own piece.
    let isSeaBIOS = bios == .seabios
    if isSeaBIOS { _ = allocateScratch(4 * 4) }

    print(.writingSMBIOS)
    let high = UInt64(start.highMemoryEnd) << 12
    // An end of high RAM below 4G makes it a huge number, with tables for which there is no room.
    let hasHigh = decisions.mapCheck == .consistent ? high > map.fourGiB : high != 0
    let bytes = wrap(UInt64(start.lowMemoryEnd) << 12) &+ (hasHigh ? high &- map.fourGiB : 0)
    report.smbiosMiB = (bytes &+ 0xF_FFFF) >> 20
    if isSeaBIOS {
      _ = allocateScratch(31)
      _ = try allocateMemory(smbiosBytes(input.platform, vcpus: UInt64(start.vcpus)), on: &port, &buffer)
    }

    print(.loading(bios))
    let image = try loadBIOS(input, bios, on: &port, &buffer)

    if (start.vcpus > 1 || start.apicMode != 0) && bios != .ovmf {
      print(.creatingMPTables)
      if isSeaBIOS {
        // Floating pointer, table header, processors, one bus, one IOAPIC, 16 interrupts.
        let size = 16 &+ 44 &+ 20 &* start.vcpus &+ 8 &+ 8 &+ 16 * 8
        _ = try allocateMemory(UInt64(size), on: &port, &buffer)
        // Interrupt routing: header and six slots.
        _ = allocateScratch(32 + 6 * 16)
      }
    }
    if bios == .rombios {
      print(.vgaBIOS(primaryVGA))
      print(.optionROMs)
    }
    if acpi {
      print(.loadingACPI)
      if isSeaBIOS { _ = allocateScratch(36) }
      try buildACPI(input, on: &port, &buffer)
    }

    switch decisions.tss {
    case .small:
      report.memory.tss = try allocateMemory(128, align: 128, on: &port, &buffer)
      setParameter(LoaderConstants.vm86TSS, report.memory.tss, on: &port, &buffer)
    case .sized:
      let size = LoaderConstants.tssBytes
      report.memory.tss = try allocateMemory(size, align: 128, on: &port, &buffer)
      setParameter(LoaderConstants.vm86TSSSized, size << 32 | report.memory.tss, on: &port, &buffer)
    }
    let tss = report.memory.tss
    print(.vm86TSS(tss))

    print(.biosMap)
    if report.memory.scratchTop != LoaderConstants.scratchStart {
      print(.scratchSpace(last: report.memory.scratchTop))
    }
    print(.mainBIOS(first: image.start, last: image.start &+ image.size &- 1))
  }

  /// Bytes of the SMBIOS structures: processors are named by number from 1, memory devices of 16 GiB from 0.
  private func smbiosBytes(_ platform: FirmwarePlatform, vcpus: UInt64) -> UInt64 {
    let devices = (report.smbiosMiB &+ 0x3FFF) >> 14
    let processorBytes = UInt64(platform.smbiosBytesPerVCPU) &* vcpus &+ digits(below: vcpus + 1) - 1
    let deviceBytes = UInt64(platform.smbiosBytesPerMemoryDevice) &* devices &+ digits(below: devices)
    return min(UInt64(platform.smbiosBytes) &+ processorBytes &+ deviceBytes, UInt64(UInt32.max))
  }

  /// Digits of all decimal numbers from 0 to `end` - 1.
  private func digits(below end: UInt64) -> UInt64 {
    var digits = end
    var shortest: UInt64 = 10
    while shortest < end {
      digits += end - shortest
      shortest *= 10
    }
    return digits
  }

  /// Where the BIOS goes (LD-57, LD-63).
  private mutating func loadBIOS<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, _ bios: BIOS, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) -> (start: UInt32, size: UInt32) {
    if bios == .rombios {
      let bytes = UInt64(input.platform.romBIOSExtensionBytes)
      let extensions = try allocateMemory(bytes, align: 1024, on: &port, &buffer)
      print(.romBIOSExtensions(bytes: bytes, at: extensions))
      let start = UInt32(truncatingIfNeeded: map.lowMemoryStart &- 0x1_0000)
      return (start, 0x1_0000)
    }
    guard let size = input.biosImageBytes else { throw LoaderCrash(.noBIOSImage, .noBIOSImage) }
    if bios == .seabios { return (UInt32(truncatingIfNeeded: map.lowMemoryStart) &- size, size) }
    let room = alignUp(UInt64(size), to: 1 << 20)
    // A larger image would lie over the loader's own arenas; no build has one.
    guard room <= map.fourGiB &- map.dynamicEnd else { throw LoaderCrash(.ovmfTooLarge) }
    let start = map.fourGiB &- room
    try populate(FrameRange(Page.frame(of: start), Page.frame(of: map.fourGiB)), on: &port, &buffer)
    return (UInt32(truncatingIfNeeded: start), size)
  }

  /// The information page, then the tables (LD-55, LD-75).
  private mutating func buildACPI<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(LoaderCrash) {
    let first = Page.frame(of: map.specialStart)
    try populate(FrameRange(single: first), on: &port, &buffer)
    if decisions.acpiTables == .unmarked {
      let bytes =
        input.platform.acpiTableBytes.map(UInt64.init) ?? Page.address(of: UInt64(input.platform.acpiTablePages))
      _ = try allocateMemory(bytes, on: &port, &buffer)
      publishWindows(on: &port, &buffer)
      return
    }
    let pages = UInt64(input.platform.acpiTablePages)
    let arena = Page.frame(of: map.acpiArenaStart)
    let room = Page.frame(of: map.dynamicStart &- map.acpiArenaStart)
    try populate(FrameRange(arena, arena + min(pages, room)), on: &port, &buffer)
    if pages > room { throw LoaderCrash(.acpiArenaExhausted) }
    report.memory.acpiTop = map.acpiArenaStart &+ Page.address(of: pages) &- 1
    publishWindows(on: &port, &buffer)
  }

  /// What the information page tells of the windows (LD-75 to LD-77).
  private mutating func publishWindows<Port: HypercallPort & ~Copyable>(
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) {
    if let low = report.lowWindow {
      let high = decisions.highWindow == .published ? report.highWindow : nil
      report.acpiInfo = ACPIInfo(
        lowStart: UInt32(truncatingIfNeeded: low.start),
        lowSize: UInt32(truncatingIfNeeded: map.specialStart &- low.start),
        highStart: high?.start ?? 0, highSize: high?.count ?? 0)
    }
    setParameter(LoaderConstants.generationIDAddress, 0, on: &port, &buffer)
    setParameter(LoaderConstants.acpiPortsLocation, 1, on: &port, &buffer)
  }

  /// The loader does not look at the result.
  private func setParameter<Port: HypercallPort & ~Copyable>(
    _ index: UInt32, _ value: UInt64, on port: inout Port, _ buffer: inout HypercallBuffer
  ) {
    _ = port.perform(.setParameter(.itself, index: index, value: value), by: domain, &buffer)
  }
}
