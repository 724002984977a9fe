import AddressSpace
import Platform
import Tracing

extension XenMessages {
  mutating func remapping(
    _ text: LineScanner, at origin: Origin, into facts: inout InputFacts
  ) -> LineVerdict {
    var scanner = text
    scanner.skipSourcePlace()
    scanner.skipBlanks()
    let message = scanner
    if scanner.take("found ACPI_DMAR_") {
      close(into: &facts)
      let kind: OpenStructure.Kind =
        scanner.take("DRHD") ? .drhd : scanner.take("RMRR") ? .rmrr : scanner.take("ATSR") ? .atsr : .other
      open = OpenStructure(kind: kind, origin: origin)
      return .understood
    }
    if scanner.take("Host address width ") {
      guard let bits = scanner.decimal(), 12...64 ~= bits else { return .incomplete }
      facts.host.addressBits = UInt8(bits)
      facts.host.iommu = facts.host.iommu ?? .vtd
      return .understood
    }
    if scanner.take("dmaru->address = ") {
      guard let base = scanner.hexadecimal() else { return .incomplete }
      open?.base = base
      return .understood
    }
    if scanner.take("flags: INCLUDE_ALL") {
      open?.includesAll = true
      return .understood
    }
    if scanner.take("atsru->all_ports: ") {
      open?.includesAll = scanner.take("1")
      return .understood
    }
    if let verdict = scope(message, into: &facts) { return verdict }
    if let verdict = range(message, at: origin, into: &facts) { return verdict }
    if let verdict = deviceMapping(message, into: &facts) { return verdict }
    let verdict = assignment(message, at: origin, into: &facts)
    // Everything that VT-d's code says is relevant.
    if case .foreign = verdict { return message.isBlank ? .understood : .unclear }
    return verdict
  }

  /// `endpoint: 0000:00:14.0`, `bridge: 0000:00:1c.0 start=0 sec=1 sub=1`, `IOAPIC: …`, `MSI HPET: …`.
  mutating func scope(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict? {
    var scanner = text
    let kind: DeviceScope.Kind
    if scanner.take("endpoint: ") {
      kind = .endpoint
    } else if scanner.take("bridge: ") {
      kind = .bridge
    } else if scanner.take("IOAPIC: ") {
      kind = .ioapic
    } else if scanner.take("MSI HPET: ") {
      kind = .hpet
    } else {
      return nil
    }
    guard let place = scanner.function() else { return .incomplete }
    if kind == .bridge, scanner.skip(behind: "sec="), let secondary = scanner.hexadecimal(), scanner.take(" sub="),
      let subordinate = scanner.hexadecimal(), secondary <= subordinate, subordinate <= 0xFF, secondary > 0
    {
      facts.host[place].buses = .init(secondary: UInt8(secondary), subordinate: UInt8(subordinate))
      facts.host[place].isBridge = true
    }
    guard open != nil else { return .understood }
    if open?.scopes.count ?? 0 < HostFacts.limit {
      if open?.places.isEmpty == true { open?.segment = place.segment }
      open?.places.append(place)
      open?.scopes.append(
        DeviceScope(kind, startBus: place.bus, path: [DeviceScope.Hop(place.device, place.function)]))
    }
    return .understood
  }

  /// The lines that tell where a range lies.
  mutating func range(
    _ text: LineScanner, at origin: Origin, into facts: inout InputFacts
  ) -> LineVerdict? {
    var scanner = text
    if scanner.take("RMRR region: base_addr ") {
      guard let base = scanner.hexadecimal() else { return .incomplete }
      // Before 4.2 it is `end_address`.
      guard scanner.take(" end_addr ") || scanner.take(" end_address "), let end = scanner.hexadecimal() else {
        return .incomplete
      }
      setRange(base, end)
      return .understood
    }
    scanner = text
    if scanner.take("RMRR: [") {
      guard let (base, end) = scanner.pair(","), scanner.take("]") else { return .incomplete }
      setRange(base, end)
      return .understood
    }
    if scanner.take("RMRR ") || scanner.take("Overlapping RMRRs") || scanner.take("RMRR address range") {
      return rangeWarning(text, into: &facts)
    }
    // A device of the range is not there, or none of them is.
    for words in ["reported in RMRR (", "Ignore the RMRR (", "The RMRR ("] as [StaticString] where text.contains(words)
    {
      scanner = text
      _ = scanner.skip(behind: words)
      guard let (base, end) = scanner.pair(","), scanner.take(")") else { return .incomplete }
      if open?.kind == .rmrr, open?.base == nil { setRange(base, end) }
      var device = text
      if device.skip(behind: "Non-existent device ("), let place = device.function(),
        !facts.host.absentDevices.contains(place), facts.host.absentDevices.count < HostFacts.limit
      {
        facts.host.absentDevices.append(place)
      }
      if words.utf8CodeUnitCount == 17, text.contains("Ignore"), !text.contains("discoverable"),
        !text.contains("due to d")
      {
        return .incomplete
      }
      return .understood
    }
    if text.contains("Non-existent device (") { return .incomplete }
    return nil
  }

  mutating func setRange(_ base: UInt64, _ end: UInt64) {
    guard open?.kind == .rmrr else { return }
    open?.base = base
    open?.end = end
  }

  /// `RMRR [3e000000,3e010fff] not in reserved memory; …`, `RMRR: [0x3e000, 0x3e010] is not (entirely) in reserved memory`,
  /// `Overlapping RMRRs [a,b] and [c,d]`: what is in them is in the structures, too.
  mutating func rangeWarning(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    guard
      text.contains("reserved memory") || text.contains("Overlapping") || text.contains("converted")
        || text.contains("not in ") || text.contains("couldn't be")
    else { return .unclear }
    if scanner.skip(behind: "RMRR ["), let (base, end) = scanner.pair(","), open?.kind == .rmrr, open?.base == nil {
      setRange(base, end)
    }
    return .understood
  }

  /// `d1:PCIe: map 0000:39:00.0`, `d0:Hostbridge: skip 0000:00:00.0 map`.
  mutating func deviceMapping(_ text: LineScanner, into facts: inout InputFacts) -> LineVerdict? {
    var scanner = text
    _ = scanner.take("  ")
    guard let domain = scanner.domain(), scanner.take(":") else { return nil }
    let kind: PCIFunction.Kind
    if scanner.take("PCIe: ") {
      kind = .pcie
    } else if scanner.take("PCI: ") {
      kind = .pci
    } else if scanner.take("Hostbridge: ") {
      kind = .hostBridge
    } else {
      return nil
    }
    let isMap = scanner.take("map ") || scanner.take("skip ")
    guard isMap || scanner.take("unmap "), let place = scanner.function() else { return .incomplete }
    facts.host[place].kind = facts.host[place].kind ?? kind
    if case .guest(let number) = domain, isMap { note(place, in: number) }
    return .understood
  }

  /// The structure that was open is told in full.
  mutating func close(into facts: inout InputFacts) {
    guard let structure = open else { return }
    open = nil
    let segment = structure.segment
    switch structure.kind {
    case .drhd:
      guard let base = structure.base else { return }
      facts.host.add(
        StructureFacts(
          .drhd(
            .init(segment: segment, registerBase: base, includeAll: structure.includesAll, scopes: structure.scopes)),
          tellsScopes: true))
    case .rmrr:
      if let base = structure.base, let end = structure.end {
        facts.host.add(
          StructureFacts(
            .rmrr(.init(segment: segment, base: base, end: end, scopes: structure.scopes)), tellsScopes: true))
      } else if let base = structure.base {
        if !facts.host.openRanges.contains(base) { facts.host.openRanges.append(base) }
        facts.remark(.unused, structure.origin, "an RMRR at \(hex(base)) whose end is not told")
      } else {
        let devices = structure.places.map { "\($0)" }.joined(separator: " ")
        facts.remark(
          .unused, structure.origin,
          "an RMRR of \(devices.isEmpty ? "no device" : devices): release builds of Xen do not print where it lies; "
            + "give the DMAR table too")
      }
    case .atsr:
      facts.host.add(
        StructureFacts(
          .atsr(.init(segment: segment, allPorts: structure.includesAll, scopes: structure.scopes)), tellsScopes: true))
    case .other: break
    }
  }
}
