import AddressSpace
import Editions
import Hypercalls
import Platform

/// QEMU for one guest: what it emulates, what it passes through, and where it believes RAM to be.
public struct DeviceModel: Equatable, Sendable {
  /// A memory BAR that is mapped into the guest.
  public struct MappedBAR: Hashable, Sendable {
    /// The host's function.
    public var sbdf: SBDF
    /// 0 to 5, or 6 for the ROM.
    public var index: UInt8
    /// First guest frame.
    public var gfn: GFN
    /// First host frame.
    public var mfn: MFN
    /// Frames.
    public var count: UInt64

    func call(_ domain: DomainID, add: Bool) -> Hypercall {
      .memoryMapping(domain, gfn: gfn, mfn: mfn, count: count, add: add)
    }
  }

  /// The functions it emulates, ascending by devfn; they never change.
  private let emulated: [GuestFunction]
  /// The host's functions that it passes through, ascending by devfn.
  public private(set) var passed: [GuestFunction]
  /// Its idea of the end of RAM below 4G.
  public var lowMemoryEnd: UInt64
  /// Its idea of the end of RAM above 4G, 0 = none.
  public var highMemoryEnd: UInt64
  /// What it has mapped into the guest, in order.
  public private(set) var mappedBARs: [MappedBAR] = []

  private let nameHasSegment: Bool
  private let smallBARs: ToolstackDecisions.SmallBARs

  /// First slot for devices that name none.
  static let firstFreeSlot: UInt8 = 4

  /// A device model for a guest with `layout`.
  init(_ configuration: GuestConfiguration, layout: GuestLayout, map: GuestMap, _ decisions: ToolstackDecisions) {
    if let functions = configuration.recorded.functions {
      emulated = functions.filter { $0.host == nil }
      passed = functions.filter { $0.host != nil }
    } else {
      emulated = DeviceModel.emulatedFunctions(vga: configuration.vga)
      passed = []
    }
    smallBARs = decisions.smallBARs
    nameHasSegment = decisions.deviceName == .withSegment
    lowMemoryEnd = layout.lowMemoryEnd
    highMemoryEnd = layout.highMemoryEnd
    // The old fork asks the hypervisor for each page; upstream QEMU splits by itself (BL-76).
    guard decisions.modelSplit == .fromSize, configuration.deviceModel == .qemuXen else { return }
    let size = ((configuration.maxMemoryKiB &- configuration.videoKiB) >> 10) &* (1 << 20)
    let limit =
      configuration.announcesMMIOHole(in: map)
      ? map.fourGiB &- configuration.mmioHoleKiB &* 1024 : map.mmioStart
    lowMemoryEnd = min(size, limit)
    highMemoryEnd = size > limit ? map.fourGiB &+ (size - limit) : 0
  }

  /// The functions on the guest's bus 0, ascending by devfn.
  public var functions: [GuestFunction] {
    var functions = emulated
    functions.reserveCapacity(emulated.count + passed.count)
    for function in passed {
      functions.insert(function, at: functions.firstIndex { $0.devfn >= function.devfn } ?? functions.endIndex)
    }
    return functions
  }

  /// True if both show the same functions and have mapped the same BARs, in the same memory.
  func hasSameDevices(as other: DeviceModel) -> Bool {
    passed.isSame(as: other.passed) && mappedBARs.isSame(as: other.mappedBARs) && emulated.isSame(as: other.emulated)
  }

  /// Where the function at `devfn` stands among those passed through, nil if it does not.
  private func passedPlace(of devfn: UInt8) -> Int? {
    // Functions hold lists: to look at a copy of each would cost more than the look.
    for place in passed.indices where passed[place].devfn == devfn { return place }
    return nil
  }

  // MARK: Pass-through

  /// Adds `function` of the host in `slot`, or in the first free slot (BL-110); result: its devfn.
  ///
  /// `number` is the function number the guest sees.
  mutating func attach(_ function: PCIFunction, slot: UInt8?, number: UInt8) throws(Refusal) -> UInt8 {
    let name = modelName(function.sbdf)
    for place in passed.indices {
      if let host = passed[place].host, modelName(host) == name { throw Refusal(.fail, rule: .bl(110)) }
    }
    var devfn = UInt8(0)
    if let slot, slot != 0 {
      guard slot < 32 else { throw Refusal(.invalid, rule: .bl(33)) }
      devfn = slot << 3 | number
    } else {
      guard let free = (DeviceModel.firstFreeSlot..<32).first(where: { isFree($0) }) else {
        throw Refusal(.fail, rule: .bl(110))
      }
      devfn = free << 3 | number
    }
    let isTaken = emulated.indices.contains { emulated[$0].devfn == devfn } || passedPlace(of: devfn) != nil
    if isTaken { throw Refusal(.fail, rule: .bl(110)) }
    let place = passed.indices.first { passed[$0].devfn > devfn } ?? passed.endIndex
    passed.insert(GuestFunction(passingThrough: function, devfn: devfn, smallBARs), at: place)
    return devfn
  }

  /// Takes the function away; what it had mapped must be gone (`forgetMappings`).
  mutating func detach(_ sbdf: SBDF) {
    for place in passed.indices.reversed() where passed[place].host == sbdf { passed.remove(at: place) }
  }

  private func isFree(_ slot: UInt8) -> Bool {
    !emulated.indices.contains { emulated[$0].devfn >> 3 == slot }
      && !passed.indices.contains { passed[$0].devfn >> 3 == slot }
  }

  /// QEMU's identifier of a device; without the segment two can collide (LB-17).
  private func modelName(_ sbdf: SBDF) -> UInt32 { nameHasSegment ? sbdf.rawValue : UInt32(sbdf.bdf) }

  // MARK: BARs

  /// The mappings of the function at `sbdf`.
  func mappings(of sbdf: SBDF) -> [MappedBAR] { mappedBARs.filter { $0.sbdf == sbdf } }

  /// Forgets the mappings of the function at `sbdf`.
  mutating func forgetMappings(of sbdf: SBDF) {
    // To remove nothing from a list that is shared would copy it.
    if mappedBARs.contains(where: { $0.sbdf == sbdf }) { mappedBARs.removeAll { $0.sbdf == sbdf } }
  }

  /// Makes the mappings in the guest's p2m agree with `placed`: the guest's BARs as they are now.
  ///
  /// Mapped are memory BARs of passed-through functions that decode, have an address, and whose host address is known.
  /// Whole pages: such BARs are shown to the guest with at least 4 KiB. Where they are not, a BAR inside a page is mapped
  /// at the next one. On a refusal nothing has changed.
  public mutating func mapBARs<Port: HypercallPort & ~Copyable>(
    of guest: DomainID, _ placed: [PlacedBAR], on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    var wanted: [MappedBAR] = []
    func frame(_ address: UInt64) -> UInt64 {
      smallBARs == .trueSize ? Page.frameUp(of: address) : Page.frame(of: address)
    }
    for bar in placed where bar.decodes && bar.bar.kind.isMemory && bar.address != 0 {
      guard let place = passedPlace(of: bar.devfn), let host = passed[place].host,
        let register = passed[place].bars.first(where: { $0.index == bar.bar.index }), register.hostAddress != 0,
        Page.isAligned(bar.address) || smallBARs == .trueSize,
        AddressRange(start: bar.address, size: register.size) != nil
      else { continue }
      let count = Page.frameUp(of: register.size)
      guard count > 0 else { continue }
      wanted.append(
        MappedBAR(
          sbdf: host, index: register.index, gfn: frame(bar.address), mfn: frame(register.hostAddress), count: count))
    }
    var journal = Journal(in: &buffer)
    defer { journal.close(&buffer) }
    do throws(Refusal) {
      // A BAR that moved leaves its old place before anything takes it.
      for old in mappedBARs where !wanted.contains(old) {
        try port.require(old.call(guest, add: false), by: .d(6), &buffer)
        journal.undo(old.call(guest, add: true))
      }
      for new in wanted where !mappedBARs.contains(new) {
        try port.require(new.call(guest, add: true), by: .d(6), &buffer)
        journal.undo(new.call(guest, add: false))
      }
    } catch {
      journal.rollBack(on: &port, &buffer)
      throw error
    }
    mappedBARs = wanted
  }
}

extension GuestFunction {
  /// The host's `function` as QEMU shows it: memory BARs cover whole pages, but for some of its releases (R10).
  init(passingThrough function: PCIFunction, devfn: UInt8, _ smallBARs: ToolstackDecisions.SmallBARs) {
    self.init(
      devfn: devfn, vendor: function.vendor, device: function.device, classCode: function.classCode,
      interruptPin: function.interruptPin,
      bars: function.bars.map { bar in
        var shown = bar
        if bar.kind.isMemory, bar.size > 0, smallBARs == .wholePages { shown.size = max(bar.size, Page.size) }
        return shown
      }, host: function.sbdf)
  }
}

extension GuestConfiguration {
  /// True if hvmloader and QEMU are told of the MMIO hole's size (BL-76).
  func announcesMMIOHole(in map: GuestMap) -> Bool {
    mmioHoleKiB != 0 && map.fourGiB &- mmioHoleKiB &* 1024 <= map.mmioStart
  }
}
