import AddressSpace
import Hypercalls
import Platform
import Toolstack
import Tracing

/// What a number of a specimen is, which decides what counts as simpler.
enum NumberKind {
  /// An address, a frame or any other quantity: fewer significant bits are simpler.
  case position
  /// Memory: fewer significant bits are simpler, and of powers of two the smaller.
  case memory
  /// A size or count: smaller is simpler.
  case extent
}

extension Specimen {
  /// Shows every number to `body` in a fixed order; `body` may change it.
  ///
  /// Ranges are shown as first byte and size. What `body` writes may break rules; the minimiser checks afterwards.
  mutating func visitNumbers(_ body: (inout UInt64, NumberKind) -> Void) {
    header.machine.visitNumbers(body)
    for index in events.indices { events[index].visitNumbers(body) }
  }

  /// All numbers, in the order of `visitNumbers`.
  var numbers: [(value: UInt64, kind: NumberKind)] {
    var copy = self
    var found: [(UInt64, NumberKind)] = []
    copy.visitNumbers { found.append(($0, $1)) }
    return found
  }

  /// A copy with number `position` set to `value`.
  func settingNumber(_ position: Int, to value: UInt64) -> Specimen {
    var copy = self
    var index = 0
    copy.visitNumbers { number, _ in
      if index == position { number = value }
      index += 1
    }
    return copy
  }
}

extension Machine {
  fileprivate mutating func visitNumbers(_ body: (inout UInt64, NumberKind) -> Void) {
    body(&memory, .extent)
    for index in e820.indices {
      body(&e820[index].start, .position)
      body(&e820[index].size, .extent)
    }
    for handle in reservedHandles {
      var (base, end) = self[bounds: handle]
      // A range that ends before it starts, or covers all 2^64 bytes, has no size: leave it as it is.
      guard base <= end, end &- base != .max else { continue }
      var size = end - base + 1
      body(&base, .position)
      body(&size, .extent)
      if size > 0 { self[bounds: handle] = (base, base &+ (size - 1)) }
    }
    for function in functions.indices { functions[function].visitNumbers(body) }
  }
}

extension PCIFunction {
  fileprivate mutating func visitNumbers(_ body: (inout UInt64, NumberKind) -> Void) {
    for index in bars.indices {
      body(&bars[index].size, .extent)
      body(&bars[index].hostAddress, .position)
    }
  }
}

extension Event {
  fileprivate mutating func visitNumbers(_ body: (inout UInt64, NumberKind) -> Void) {
    switch self {
    case .create(let name, var configuration):
      configuration.visitNumbers(body)
      self = .create(name, configuration)
    case .balloon(let name, var target):
      body(&target, .position)
      self = .balloon(name, targetKiB: target)
    case .plug(var function):
      function.visitNumbers(body)
      self = .plug(function)
    case .hypercall(var event):
      event.visitNumbers(body)
      self = .hypercall(event)
    case .access(let name, let access, var address):
      body(&address, .position)
      self = .access(name, access, address: address)
    case .dma(let sbdf, let access, var address):
      body(&address, .position)
      self = .dma(sbdf, access, address: address)
    case .fault(.hypercall(var ordinal, let errno)):
      body(&ordinal, .extent)
      self = .fault(.hypercall(ordinal: ordinal, errno: errno))
    case .fault(.allocation(var ordinal)):
      body(&ordinal, .extent)
      self = .fault(.allocation(ordinal: ordinal))
    case .fault(.growingQuery(var ordinal)):
      body(&ordinal, .extent)
      self = .fault(.growingQuery(ordinal: ordinal))
    case .query(.p2m(let name, let frames)): self = .query(.p2m(name, visited(frames, body)))
    case .query(.iommuTable(let name, let frames)): self = .query(.iommuTable(name, visited(frames, body)))
    case .config, .boot, .attach, .detach, .assignableAdd, .assignableRemove, .reboot, .destroy, .unplug, .query: break
    }
  }
}

private func visited(_ frames: FrameRange, _ body: (inout UInt64, NumberKind) -> Void) -> FrameRange {
  var start = frames.start
  var count = frames.count
  body(&start, .position)
  body(&count, .extent)
  return FrameRange(start: start, count: count) ?? frames
}

extension GuestConfiguration {
  fileprivate mutating func visitNumbers(_ body: (inout UInt64, NumberKind) -> Void) {
    let whole = targetMemoryKiB == maxMemoryKiB
    body(&maxMemoryKiB, .memory)
    // The target stays with the maximum unless it has a value of its own.
    if whole { targetMemoryKiB = maxMemoryKiB } else { body(&targetMemoryKiB, .position) }
    body(&boundaryKiB, .position)
    body(&mmioHoleKiB, .position)
    body(&acpiFirmwareBytes, .extent)
    body(&smbiosFirmwareBytes, .extent)
  }
}

extension HypercallEvent {
  fileprivate mutating func visitNumbers(_ body: (inout UInt64, NumberKind) -> Void) {
    for index in frames.indices { body(&frames[index], .position) }
    for index in entries.indices {
      body(&entries[index].start, .position)
      body(&entries[index].size, .extent)
    }
    func visit(_ extents: Extents) -> Extents {
      var extents = extents
      if extents.scattered { return extents }
      body(&extents.first, .position)
      body(&extents.count, .extent)
      extents.perCall = max(1, min(extents.perCall, extents.count))
      return extents
    }
    switch call {
    case .maxMem(let domain, var kib):
      body(&kib, .position)
      call = .maxMem(domain, kib: kib)
    case .memoryMapping(let domain, var gfn, var mfn, var count, let add):
      body(&gfn, .position)
      body(&mfn, .position)
      body(&count, .extent)
      call = .memoryMapping(domain, gfn: gfn, mfn: mfn, count: count, add: add)
    case .iomemPermission(let domain, var mfn, var count, let allow):
      body(&mfn, .position)
      body(&count, .extent)
      call = .iomemPermission(domain, mfn: mfn, count: count, allow: allow)
    case .populatePhysmap(let domain, let extents, let flags):
      call = .populatePhysmap(domain, visit(extents), flags: flags)
    case .decreaseReservation(let domain, let extents): call = .decreaseReservation(domain, visit(extents))
    case .addToPhysmap(let domain, let space, var index, var gfn, var count):
      body(&index, .position)
      body(&gfn, .position)
      body(&count, .extent)
      call = .addToPhysmap(domain, space: space, index: index, gfn: gfn, count: count)
    case .addForeignToPhysmap(let domain, let foreign, var foreignGFN, var gfn):
      body(&foreignGFN, .position)
      body(&gfn, .position)
      call = .addForeignToPhysmap(domain, foreign: foreign, foreignGFN: foreignGFN, gfn: gfn)
    case .removeFromPhysmap(let domain, var gfn):
      body(&gfn, .position)
      call = .removeFromPhysmap(domain, gfn: gfn)
    case .getMemoryType(let domain, var gfn):
      body(&gfn, .position)
      call = .getMemoryType(domain, gfn: gfn)
    case .setPoDTarget(let domain, var pages):
      body(&pages, .position)
      call = .setPoDTarget(domain, pages: pages)
    case .claimPages(let domain, var pages):
      body(&pages, .position)
      call = .claimPages(domain, pages: pages)
    case .createDomain, .destroyDomain, .maxVCPUs, .setPagingAllocation, .getDomainInfo, .ioportPermission,
      .assignDevice, .deassignDevice, .testAssignDevice, .getDeviceGroup, .setLogDirty, .reservedDeviceMemoryMap,
      .setMemoryMap, .memoryMap, .setParameter, .getParameter, .pciDeviceAdd, .pciDeviceRemove:
      break
    }
  }
}
