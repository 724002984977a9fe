import AddressSpace
import Editions
import Firmware
import Hypervisor
import Platform
import Simulation
import Toolstack
import Tracing

/// One thing that a stage decided while an event happened, as its model says.
public enum Fact: Sendable {
  /// xl's reading of a configuration, where there is something to say of it.
  case reading(TextReading)
  /// How the builder fits RAM around reserved ranges, and for whose sake each range is in its list; an empty list of
  /// devices stands for the whole host's.
  case ranges(RangeAccount, users: [[SBDF]])
  /// A guest was built.
  case built(Built)
  /// A hypercall was refused.
  case refusedCall(RefusedCall)
  /// The toolstack refused by itself.
  case refusal(Refusal)
  /// A guest has a device.
  case assignment(Assignment)
  /// hvmloader ran.
  case firmware(FirmwareAccount)
  /// A device or a CPU touched an address.
  case touch(Touch)

  /// What a guest was built with, and what its device model takes for its RAM.
  public struct Built: Hashable, Sendable {
    /// One past the last byte of RAM below 4G.
    public var lowMemoryEnd: UInt64
    /// One past the last byte of RAM above 4G, 0 if there is none.
    public var highMemoryEnd: UInt64
    /// The same as the device model has it.
    public var modelLowMemoryEnd: UInt64
    /// The same as the device model has it.
    public var modelHighMemoryEnd: UInt64
    /// The size of the MMIO hole that hvmloader and the device model are told, nil if none.
    public var hole: UInt64?
  }

  /// A device in a guest.
  public struct Assignment: Sendable {
    /// The device.
    public var sbdf: SBDF
    /// True if it came with the strict policy.
    public var isStrict: Bool
    /// The ranges that go with it.
    public var ranges: [Range]
    /// Others with a page of its ranges, and their owners; nil for nobody.
    public var sharers: [(sbdf: SBDF, owner: DomainID?)]

    /// One range of it.
    public struct Range: Sendable {
      /// The range.
      public var unit: RMRRUnit
      /// Its frames that are not mapped 1:1, with what is there.
      public var gaps: [(frames: FrameRange, entry: P2MEntry?)]
    }
  }

  /// A run of a guest's firmware.
  public struct FirmwareAccount: Sendable {
    /// What it did.
    public var report: FirmwareReport
    /// The host's functions in the guest, by devfn.
    public var passed: [UInt8: SBDF]
    /// The entry of the memory map that stopped it in the dynamic area, nil if none did.
    public var conflict: E820Entry?
    /// Why the device model could not map the BARs, nil if it could.
    public var unmapped: Refusal?
    /// The RAM and the entries that the toolstack stored.
    public var storedMap: [E820Entry]
  }

  /// An access to memory.
  public struct Touch: Sendable {
    /// The device, nil for a guest's CPU.
    public var sbdf: SBDF?
    /// Who has the device, or whose CPU it is.
    public var owner: DomainID?
    /// The address.
    public var address: UInt64
    /// A reserved range of the host that the address lies in.
    public var unit: RMRRUnit?
  }
}

extension Fact {
  /// What was decided while `event` happened to `before`, which made it `after`.
  static func all(of event: Event, _ outcome: Outcome, before: Host, after: Host) -> [Fact] {
    var facts: [Fact] = []
    if case .config(_, let text) = event {
      let reading = GuestText.read(text, edition: before.edition)
      if reading.guest == nil || !reading.messages.isEmpty { facts.append(.reading(reading)) }
    }
    if let account = before.rangeAccount(of: event), let (_, guest) = event.creation(in: before.edition) {
      facts.append(.ranges(account, users: account.ranges.map { users(of: $0.rdm, guest, on: before) }))
    }
    let refused = before.refusedCalls(in: event)
    facts += refused.prefix(callLimit).map(Fact.refusedCall)
    switch outcome {
    case .refused(let refusal), .lost(let refusal):
      if !refused.contains(where: { $0.rule == refusal.rule && $0.rule != nil }) { facts.append(.refusal(refusal)) }
    default: break
    }
    facts += built(event, after).map { [.built($0)] } ?? []
    facts += assignments(event, before, after)
    switch event {
    case .boot(let name): facts += firmware(of: name, before, after).map { [.firmware($0)] } ?? []
    case .dma(let sbdf, _, let address):
      let owner = before.hypervisor.device(sbdf)?.owner
      facts.append(.touch(touch(sbdf, owner, address, on: before)))
    case .access(let name, _, let address):
      facts.append(.touch(touch(nil, before.guest(named: name)?.domain, address, on: before)))
    default: break
    }
    return facts
  }

  private static func built(_ event: Event, _ after: Host) -> Built? {
    switch event {
    case .create(let name, _), .config(let name, _), .reboot(let name):
      guard let guest = after.guest(named: name).flatMap({ after.toolstack.guest($0.domain) }) else { return nil }
      return Built(
        lowMemoryEnd: guest.layout.lowMemoryEnd, highMemoryEnd: guest.layout.highMemoryEnd,
        modelLowMemoryEnd: guest.deviceModel.lowMemoryEnd, modelHighMemoryEnd: guest.deviceModel.highMemoryEnd,
        hole: guest.firmwareKeys.mmioHoleSize.flatMap { UInt64($0) })
    default: return nil
    }
  }

  /// Most refused hypercalls that are told of one event.
  private static let callLimit = 4

  /// The devices that a range of `guest` is listed for; none if it is there for the host's sake.
  private static func users(of rdm: RDM, _ guest: GuestConfiguration, on host: Host) -> [SBDF] {
    let units = host.hypervisor.units
    return guest.devices.map(\.sbdf).filter { sbdf in
      units.matching(sbdf).contains { units.units[$0].frames.addresses.start == rdm.start }
    }
  }

  /// Devices that a guest has now and had not before.
  private static func assignments(_ event: Event, _ before: Host, _ after: Host) -> [Fact] {
    switch event {
    case .create, .config, .attach, .reboot, .hypercall: break
    default: return []
    }
    var facts: [Fact] = []
    for device in after.hypervisor.devices {
      guard let owner = device.owner, owner != .dom0, owner < .firstReserved,
        before.hypervisor.device(device.sbdf)?.owner != owner, let domain = after.hypervisor.domain(owner)
      else { continue }
      let ranges = after.hypervisor.assignedUnits(of: device.sbdf).map { unit in
        var gaps: [(FrameRange, P2MEntry?)] = []
        if domain.isTranslated, gaps.count < gapLimit {
          domain.p2m.forEachPiece(in: unit.frames) { frames, entry in
            if entry?.direct?.isIdentity != true { gaps.append((frames, entry)) }
            return gaps.count < gapLimit
          }
        }
        return Assignment.Range(unit: unit, gaps: gaps)
      }
      let sharers = after.hypervisor.sharers(of: device.sbdf).map { ($0, after.hypervisor.device($0)?.owner) }
      facts.append(
        .assignment(
          Assignment(sbdf: device.sbdf, isStrict: device.isStrict, ranges: ranges, sharers: sharers)))
    }
    return facts
  }

  /// Most gaps in one range that are told.
  private static let gapLimit = 8

  private static func firmware(of name: DomainID, _ before: Host, _ after: Host) -> FirmwareAccount? {
    guard let life = after.guest(named: name), let report = life.firmware,
      before.guest(named: name)?.firmware == nil, let guest = after.toolstack.guest(life.domain)
    else { return nil }
    var passed: [UInt8: SBDF] = [:]
    for device in guest.devices { passed[device.devfn] = device.sbdf }
    var conflict: E820Entry?
    if case .crashed(_, .dynamicAreaConflict) = report.stop {
      conflict = HVMLoader(edition: after.edition).dynamicAreaConflict(in: report)
    }
    return FirmwareAccount(
      report: report, passed: passed, conflict: conflict, unmapped: life.unmappedBARs, storedMap: guest.memoryMap)
  }

  private static func touch(_ sbdf: SBDF?, _ owner: DomainID?, _ address: UInt64, on host: Host) -> Touch {
    let frame = Page.frame(of: address)
    let unit = host.hypervisor.units.units.first { $0.frames.contains(frame) }
    return Touch(sbdf: sbdf, owner: owner, address: address, unit: unit)
  }
}
