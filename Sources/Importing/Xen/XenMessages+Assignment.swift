import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack
import Tracing

extension XenMessages {
  mutating func note(_ place: SBDF, in domain: UInt16) {
    guard domain > 0 else { return }
    let index = index(of: domain)
    guard let index, !guests[index].facts.devices.contains(place),
      guests[index].facts.devices.count < HostFacts.limit
    else { return }
    guests[index].facts.devices.append(place)
  }

  mutating func index(of domain: UInt16) -> Int? {
    if let index = guests.firstIndex(where: { $0.domain == domain }) { return index }
    guard guests.count < HostFacts.limit else { return nil }
    var facts = GuestFacts()
    facts.domain = domain
    guests.append((domain, facts))
    return guests.count - 1
  }

  /// A step of the guest `domain`'s life.
  mutating func tell(_ event: Event, _ observation: Observation?, of domain: UInt16, at origin: Origin) {
    guard let index = index(of: domain), guests[index].facts.steps.count < HostFacts.limit else { return }
    let step = ToldStep(event, observation, at: origin)
    if !guests[index].facts.steps.contains(where: { $0.event == event && $0.observation == observation }) {
      guests[index].facts.steps.append(step)
    }
  }

  /// What became of an assignment.
  mutating func assignment(
    _ text: LineScanner, at origin: Origin, into facts: inout InputFacts
  ) -> LineVerdict {
    var scanner = text
    scanner.skipBlanks()
    // ` It's disallowed to assign 0000:00:1a.0 with shared RMRR at dbe9a000 for Dom19.`
    if scanner.skip(behind: "with shared RMRR at ") {
      guard let base = scanner.hexadecimal(), scanner.skip(behind: " for "), let domain = scanner.domain() else {
        return .incomplete
      }
      var device = text
      guard device.skip(behind: "assign "), let place = device.function() else { return .incomplete }
      sharedRange(place, base, domain, isRefused: !text.contains("risky"), at: origin, into: &facts)
      return .understood
    }
    // `XEN_DOMCTL_assign_device: assign 0000:00:1a.0 to dom19 failed (-1)`, `d19: assign (0000:00:1a.0) failed (-1)`
    if text.contains("assign"), text.contains("failed (") {
      return failedAssignment(text, at: origin, into: &facts)
    }
    if scanner.skip(behind: "DMAR:[DMA ") { return fault(scanner, at: origin, into: &facts) }
    for known in XenMessages.known where text.contains(known) { return .understood }
    for word in XenMessages.relevant where text.contains(word) { return .unclear }
    return .foreign
  }

  /// Lines that are known and tell nothing that a trace could say.
  static let known: [StaticString] = [
    "cap = ", "iommu->reg", "Adding RMRR for", "RAM map:", "supported page sizes", "Snoop Control", "DMA Passthrough",
    "Queued Invalidation", "Interrupt Remapping", "Posted Interrupt", "iommu_enable_translation",
    "cannot map reserved region", "mapping reserved region", "Cannot setup identity map", "non-identity map",
    "already assigned", "rhsau->", "Request device", "fault addr", " table has ", "Set context mapping",
    "DRHD with INCLUDE_ALL", "QI wait", "Failed to parse ACPI DMAR", "Invalid ACPI DMAR", "Unknown DMAR",
    "Ignore unknown DMAR", "Unknown scope type", "Invalid device scope", "Only one ", "Zero: Invalid",
    "does not support interrupt remapping", "print_vtd_entries", "devices under its scope", "not PCI discoverable",
    "Invalid pfn in RMRR", "Segments are not equal for RMRR", "Disabling VT-d", "DMAR hardware malfunction",
    "INTR-REMAP", "sharing page tables", "Truncating", "msi_msg", "remap", "unknown type", "iommu_inclusive_mapping",
    "reported in RMRR", "error -", "iommu.c#", "dmar.c#", "[VT-D]SWITCH", "iommu_alloc", "disabled by BIOS",
  ]

  /// Words of lines that should be understood.
  static let relevant: [StaticString] = [
    "RMRR", "[VT-D]", "e820", "reserved region", "identity map", "assign_device", "IVMD", "memory_map:",
  ]

  /// Xen refused a device, or took it with a warning, because its range is another's, too.
  mutating func sharedRange(
    _ place: SBDF, _ base: UInt64, _ domain: LineScanner.Domain, isRefused: Bool, at origin: Origin,
    into facts: inout InputFacts
  ) {
    if !facts.host.openRanges.contains(base), facts.host.openRanges.count < HostFacts.limit {
      facts.host.openRanges.append(base)
    }
    _ = facts.host[place]
    let device = AssignedDevice(place, policy: isRefused ? .strict : .relaxed)
    let observation = isRefused ? Observation(["refused", "EPERM"]) : nil
    switch domain {
    case .guest(let number):
      note(place, in: number)
      tell(.attach(GuestFacts.placeholder, device), observation, of: number, at: origin)
    case .io:
      // xl itself asks for relaxed here, which is not refused: some other hand asked for strict (HV-87).
      let step =
        isRefused
        ? ToldStep(
          .hypercall(HypercallEvent(.assignDevice(.io, place, flags: 0, deviceType: 0))), Observation(["-EPERM"]),
          at: origin)
        : ToldStep(.assignableAdd(place), nil, at: origin)
      facts.host.tell(step)
      if !facts.host.namedDevices.contains(place), facts.host.namedDevices.count < HostFacts.limit {
        facts.host.namedDevices.append(place)
      }
    }
  }

  mutating func failedAssignment(
    _ text: LineScanner, at origin: Origin, into facts: inout InputFacts
  ) -> LineVerdict {
    var scanner = text
    guard scanner.skip(behind: "assign ") else { return .unclear }
    _ = scanner.take("(")
    guard let place = scanner.function() else { return .incomplete }
    var domain: LineScanner.Domain?
    if scanner.skip(behind: " to ") {
      domain = scanner.domain()
    } else {
      scanner = text
      domain = scanner.domain()
    }
    scanner = text
    guard let domain, scanner.skip(behind: "failed (-"), let number = scanner.decimal(), number < 4096 else {
      return .incomplete
    }
    guard case .guest(let guest) = domain, guest > 0 else { return .understood }
    note(place, in: guest)
    let known = guests.first { $0.domain == guest }?.facts.steps.contains { step in
      if case .attach(_, let device) = step.event { device.sbdf == place } else { false }
    }
    // The line before told why, as a rule.
    if known != true, let errno = Errno(result: -Int(number)) {
      tell(
        .attach(GuestFacts.placeholder, AssignedDevice(place)), Observation(["refused", "\(errno)"]), of: guest,
        at: origin)
    }
    return .understood
  }

  /// `Write] Request device [0000:04:00.4] fault addr bdf80000`.
  func fault(_ text: LineScanner, at origin: Origin, into facts: inout InputFacts) -> LineVerdict {
    var scanner = text
    let isWrite = scanner.take("Write]")
    guard scanner.skip(behind: "device ["), let place = scanner.function(), scanner.skip(behind: "fault addr "),
      let address = scanner.hexadecimal()
    else { return .incomplete }
    facts.host.tell(
      ToldStep(
        .dma(place, isWrite ? .write : .read, address: address), comment: "The log has a fault here.", at: origin))
    return .understood
  }

  /// `add: dom1 gfn=f3074 mfn=a2610 nr=2`.
  mutating func mapped(
    _ text: LineScanner, at origin: Origin, into facts: inout InputFacts
  ) -> LineVerdict {
    var scanner = text
    let isAdd = scanner.take("add: ")
    guard isAdd || scanner.take("remove: ") || scanner.take("fail: ") else {
      return text.contains("error") ? .understood : .unclear
    }
    guard let domain = scanner.domain(), scanner.take(" gfn="), let gfn = scanner.hexadecimal(), scanner.take(" mfn="),
      let mfn = scanner.hexadecimal(), scanner.take(" nr="), let count = scanner.hexadecimal()
    else { return .incomplete }
    if isAdd, case .guest(let number) = domain {
      mapping = (number, LoaderLog.Mapping(gfn: gfn, mfn: mfn, count: count))
    }
    return .understood
  }
}

extension LineScanner {
  /// Who a device was meant for.
  enum Domain: Hashable {
    /// A guest, or dom0.
    case guest(UInt16)
    /// Xen's own domain for devices in quarantine.
    case io
  }

  /// Reads `d19`, `Dom19`, `dom19`, `d[IO]`, or the number that stands for it.
  mutating func domain() -> Domain? {
    var scanner = self
    if scanner.take("d[IO]") {
      self = scanner
      return .io
    }
    guard scanner.take("Dom") || scanner.take("dom") || scanner.take("d"), let number = scanner.decimal(),
      let domain = UInt16(exactly: number)
    else { return nil }
    self = scanner
    // DOMID_IO.
    return domain == 0x7FF1 ? .io : .guest(domain)
  }

  /// Moves over `dmar.c:615: ` and `drivers/passthrough/vtd/dmar.c:610:`.
  mutating func skipSourcePlace() {
    var scanner = self
    scanner.skipBlanks()
    let path = scanner.rest.prefix { isWordByte($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "-") }
    guard !path.isEmpty, path.count < 80 else { return }
    scanner = LineScanner(scanner.rest.dropFirst(path.count))
    guard scanner.take(".c:"), scanner.decimal() != nil, scanner.take(":") else { return }
    self = scanner
  }
}
