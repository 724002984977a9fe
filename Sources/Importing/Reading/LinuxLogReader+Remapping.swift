import Platform

/// What Linux says of the DMAR table, and of ranges that it maps 1:1.
extension LinuxLogReader {
  /// A message behind `DMAR:` or `IOMMU:`, also `ACPI DMAR:` of old kernels.
  static func remapping(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    scanner.skipBlanks()
    if scanner.take("Host address width ") {
      guard let bits = scanner.decimal() else { return .incomplete }
      guard let width = UInt8(exactly: bits), 1...64 ~= width else { return .unclear }
      facts.host.tableAddressBits = facts.host.tableAddressBits ?? width
      return .understood
    }
    if scanner.take("RMRR base: ") { return range(scanner, into: &facts) }
    if scanner.take("DRHD base: ") {
      guard let base = scanner.hexadecimal(), scanner.take(" flags: "), let flags = scanner.hexadecimal() else {
        return .incomplete
      }
      return unit(base, flags, into: &facts)
    }
    if scanner.take("DRHD (flags: ") {
      guard let flags = scanner.hexadecimal(), scanner.take(")") else { return .incomplete }
      scanner.skipBlanks()
      guard scanner.take("base: "), let base = scanner.hexadecimal() else { return .incomplete }
      return unit(base, flags, into: &facts)
    }
    if scanner.take("Setting identity map ") { return identityMap(scanner, nil, into: &facts) }
    for known in silent where scanner.rest.begins(with: known) { return .understood }
    // `dmar0: reg_base_addr fed90000 ver 1:0 …`, `dmar1: Using Queued invalidation`.
    if scanner.take("dmar"), scanner.decimal() != nil { return .understood }
    return .unclear
  }

  /// What says nothing of ranges, units or devices.
  private static let silent: [StaticString] = [
    "ATSR flags:", "ATSR (flags:", "RHSA base:", "RHSA (base:", "SATC flags:", "SIDP", "ANDD device:", "ACPI device ",
    "No ", "IOMMU enabled", "IOMMU disabled", "IOMMU feature ", "IOMMU batching", "Intel(R) Virtualization",
    "Intel-IOMMU", "intel_iommu", "DRHD: handling fault", "[DMA ", "[INTR-REMAP]", "[NO_PASID]", "[fault reason",
    "[Firmware Bug]:", "fault reason", "Setting RMRR", "Prepare 0-16MiB", "Disabling IOMMU for graphics",
    "Skip IOMMU disabling", "Forcing write-buffer", "Use Intel IOMMU bounce", "Device uses a private", "Failed to ",
    "Translation already enabled", "Translation was enabled", "Copied ", "32bit ", "64bit ", "Hardware identity",
    "hardware identity", "Identity", "identity", "Enable ", "Enabled ", "Disable ", "Using ", "using ", "Unknown",
    "Your BIOS is broken", "Parse ", "Allow booting", "iommu:", "Intel IOMMU", "Scalable mode", "VT-d", "Ignoring ",
    "Device scope", "Detected ", "Dump ", "dump ", "Queued invalidation", "Ending DMAR", "DMAR:", "Passthrough",
  ]

  /// `0x0000009aaf8000 end: 0x0000009ad41fff`, the end inclusive.
  private static func range(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    guard scanner.rest.begins(with: "0x"), let base = scanner.hexadecimal() else { return .incomplete }
    scanner.skipBlanks()
    // The next line may begin with what could be a number.
    guard scanner.take("end: "), scanner.rest.begins(with: "0x"), let end = scanner.hexadecimal() else {
      return .incomplete
    }
    facts.host.add(StructureFacts(.rmrr(RMRRRecord(base: base, end: end, scopes: [])), tellsScopes: false))
    return .understood
  }

  private static func unit(_ base: UInt64, _ flags: UInt64, into facts: inout InputFacts) -> LineVerdict {
    let record = DRHDRecord(registerBase: base, includeAll: flags & 1 != 0)
    facts.host.add(StructureFacts(.drhd(record), tellsScopes: false))
    return .understood
  }

  /// `[0xbdf6e000 - 0xbdf6efff]` for `device`, or `for device 0000:00:02.0 [0xdb800000 - 0xdf9fffff]`.
  static func identityMap(_ text: LineScanner, _ device: PCIPlace?, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    var place = device
    if scanner.take("for device ") {
      place = scanner.place()
      scanner.skipBlanks()
    }
    guard scanner.take("["), let base = scanner.hexadecimal() else { return .incomplete }
    scanner.skipBlanks()
    guard scanner.take("-") else { return .incomplete }
    scanner.skipBlanks()
    guard let end = scanner.hexadecimal(), scanner.take("]") else { return .incomplete }
    guard let sbdf = place?.sbdf else { return .unclear }
    // Linux maps the lowest 16 MiB for the ISA bridge, whatever firmware says.
    if base == 0, end == 0xFF_FFFF { return .understood }
    facts.host.add(IdentityMap(sbdf, base: base, end: end))
    return .understood
  }

  /// A line that breaks off behind an RMRR's first byte.
  mutating func readCut(_ line: LogLine, into facts: inout InputFacts) {
    guard !line.isFromXen, var scanner = line.scanner(behind: "DMAR:") else { return }
    scanner.skipBlanks()
    guard scanner.take("RMRR base: "), let base = scanner.hexadecimal() else { return }
    scanner.skipBlanks()
    guard scanner.take("end:"), !facts.host.openRanges.contains(base), facts.host.openRanges.count < HostFacts.limit
    else { return }
    facts.host.openRanges.append(base)
    facts.recognise("Linux log")
  }
}
