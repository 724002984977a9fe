import AddressSpace
import Editions
import Firmware
import Hypercalls

/// The hypercalls that hvmloader makes, with the layouts of a 32-bit guest (LD-83). Those that concern memory and the
/// guest's parameters go to the hypervisor behind the seam; the others tell of Xen and serve xenstore.
extension LoaderSession {
  private enum Operation {
    static let memory: UInt32 = 12
    static let version: UInt32 = 17
    static let scheduling: UInt32 = 29
    static let eventChannel: UInt32 = 32
    static let hvm: UInt32 = 34
  }

  /// Performs hypercall `number` with its first two arguments; the result.
  mutating func hypercall(_ number: UInt32, _ first: UInt32, _ second: UInt32, _ memory: GuestMemory) -> Int {
    switch number {
    case Operation.memory: return memoryOperation(first, second, memory)
    case Operation.version: return tellVersion(first, second, memory)
    case Operation.scheduling: return schedule(first)
    case Operation.eventChannel:
      if first == 4, let storeRing, let page = memory.bytes(at: storeRing, count: 4096) { store.serve(page) }
      return 0
    case Operation.hvm: return parameter(first, second, memory)
    default: return Errno.ENOSYS.negated
    }
  }

  private mutating func memoryOperation(_ operation: UInt32, _ argument: UInt32, _ memory: GuestMemory) -> Int {
    guard memory.bytes(at: argument, count: 20) != nil else { return Errno.EFAULT.negated }
    switch operation {
    case 6: return populate(argument, memory)
    case 7:
      let first = memory.word(argument)
      let space = PhysmapSpace(rawValue: memory.word(argument + 4))
      let index = UInt64(memory.word(argument + 8))
      let gfn = UInt64(memory.word(argument + 12))
      guard let space else { return Errno.ENOSYS.negated }
      let count = space == .gmfnRange ? UInt64(first >> 16) : 1
      let result = perform(
        .addToPhysmap(DomainID(UInt16(truncatingIfNeeded: first)), space: space, index: index, gfn: gfn, count: count))
      if result == 0 {
        switch space {
        case .sharedInfo: mapSharedInfo(at: gfn, memory)
        case .gmfn:
          donated.append(index)
          populated.append(gfn)
        case .gmfnRange:
          moves.append(RAMMove(from: FrameRange(index, index + count), to: FrameRange(gfn, gfn + count)))
        case .grantTable: break
        }
      }
      return result
    case 9:
      let capacity = memory.word(argument)
      let table = memory.word(argument + 4)
      let result = perform(.memoryMap(capacity: capacity))
      guard result == 0 else { return result }
      memoryMap = Array(buffer.pointee.entries.prefix(Int(capacity)))
      memory.store(UInt32(memoryMap.count), at: argument)
      guard memory.bytes(at: table, count: memoryMap.count * 20) != nil else { return Errno.EFAULT.negated }
      for (index, entry) in memoryMap.enumerated() {
        let place = table + UInt32(index * 20)
        memory.store(entry.start, at: place)
        memory.store(entry.size, at: place + 8)
        memory.store(entry.type.rawValue, at: place + 16)
      }
      return 0
    // No virtual NUMA.
    case 26: return Errno.EOPNOTSUPP.negated
    default: return Errno.ENOSYS.negated
    }
  }

  /// populate_physmap: any number of extents at first frames from a list.
  private mutating func populate(_ argument: UInt32, _ memory: GuestMemory) -> Int {
    let list = memory.word(argument)
    let count = Int(memory.word(argument + 4))
    let order = memory.word(argument + 8)
    let domain = DomainID(UInt16(truncatingIfNeeded: memory.word(argument + 16)))
    guard order <= 9, count <= 4096, memory.bytes(at: list, count: 4 * count) != nil else {
      return Errno.EFAULT.negated
    }
    let frames = (0..<count).map { UInt64(memory.word(list + UInt32(4 * $0))) }
    let extents: Extents
    if frames.count == 1 {
      extents = Extents(first: frames[0], count: 1, order: UInt8(order), perCall: 1)
    } else {
      buffer.pointee.frames = frames
      extents = Extents(scattered: count, order: UInt8(order))
    }
    let result = perform(.populatePhysmap(domain, extents, flags: memory.word(argument + 12)))
    for first in frames.prefix(max(0, result)) {
      for frame in first..<first + (1 << UInt64(order)) { populated.append(frame) }
    }
    return result
  }

  /// The page with the guest's clock: 4000 MHz (LD-84).
  private mutating func mapSharedInfo(at frame: GFN, _ memory: GuestMemory) {
    sharedInfo = frame
    let address = UInt32(truncatingIfNeeded: frame << 12)
    memory.store(UInt32(0x8000_0000), at: address &+ 56)
    memory.store(Int8(-1), at: address &+ 60)
  }

  private func tellVersion(_ operation: UInt32, _ argument: UInt32, _ memory: GuestMemory) -> Int {
    switch operation {
    case 0: return Int(version.major << 16 | version.minor)
    case 1:
      let text = Array(version.extra.utf8.prefix(15))
      return memory.store(text + [UInt8](repeating: 0, count: 16 - text.count), at: argument)
        ? 0 : Errno.EFAULT.negated
    // The guest's handle.
    case 8: return memory.store([UInt8](repeating: 0, count: 16), at: argument) ? 0 : Errno.EFAULT.negated
    default: return Errno.ENOSYS.negated
    }
  }

  private mutating func schedule(_ operation: UInt32) -> Int {
    switch operation {
    case 2: end = end ?? .shutDown
    case 3:
      polls += 1
      if polls > LoaderSession.pollLimit {
        end = end ?? .failed(FirmwareFailure(.waits, "it waits for xenstore and is never served"))
      }
    default: break
    }
    return 0
  }

  private mutating func parameter(_ operation: UInt32, _ argument: UInt32, _ memory: GuestMemory) -> Int {
    guard memory.bytes(at: argument, count: 16) != nil else { return Errno.EFAULT.negated }
    let domain = DomainID(UInt16(truncatingIfNeeded: memory.word(argument)))
    let index = memory.word(argument + 4)
    switch operation {
    case 0:
      let value = memory.long(argument + 8)
      // The old parameter has the address alone.
      if index == 37 || index == 15 {
        tss = value & 0xFFFF_FFFF
        tssBytes = index == 37 ? value >> 32 : 128
      }
      return perform(.setParameter(domain, index: index, value: value))
    case 1:
      let result = perform(.getParameter(domain, index: index))
      guard result == 0 else { return result }
      memory.store(buffer.pointee.value, at: argument + 8)
      if index == 1 { storeRing = UInt32(truncatingIfNeeded: buffer.pointee.value << 12) }
      return 0
    default: return Errno.ENOSYS.negated
    }
  }
}
