import AddressSpace
import Editions
import Firmware
import Hypercalls
import Hypervisor
import Platform
import Toolstack
import Tracing

extension Host {
  /// Lets `event` happen.
  ///
  /// A fault armed by the event before is injected into this one and gone afterwards, whether it struck or not.
  public mutating func apply(_ event: Event) -> Outcome {
    if case .fault(let fault) = event {
      armed = fault
      return .done
    }
    arm(armed)
    armed = nil
    let waits = faultWaits
    let outcome = perform(event)
    faultStruck = waits && !faultWaits
    arm(nil)
    if event.movesDevicesUnseen, !outcome.isRefusal { noteMoves() }
    return outcome
  }

  /// The same in memory that events before have left, of this host or of any other.
  ///
  /// A host that keeps such memory itself would hand it on to each copy, and every copy would need its own.
  public mutating func apply(_ event: Event, in memory: inout WorkingMemory) -> Outcome {
    swap(&buffer, &memory.buffer)
    swap(&loaderMemory, &memory.loader)
    let outcome = apply(event)
    swap(&buffer, &memory.buffer)
    swap(&loaderMemory, &memory.loader)
    return outcome
  }

  /// What comes of `event` where that changes nothing whatever about the host at `place`; nil where it may.
  ///
  /// Whoever keeps the state before each event need not make another, and this one is not copied to look.
  public static func plainOutcome(of event: Event, on place: UnsafePointer<Host>) -> Outcome? {
    // A fault is gone after the event for which it was armed.
    if place.pointee.armed != nil || place.pointee.faultStruck { return nil }
    switch event {
    case .boot(let name), .attach(let name, _), .detach(let name, _, _), .balloon(let name, _), .reboot(let name),
      .destroy(let name):
      return place.pointee.guests.place(of: name) == nil ? .refused(noSuchGuest) : nil
    case .access(let name, let access, let address):
      guard let index = place.pointee.guests.place(of: name) else { return .refused(noSuchGuest) }
      let domain = place.pointee.guests[index].domain
      return place.pointer(to: \.port.port)!.pointee.plainAccess(domain, gfn: Page.frame(of: address), access.byCPU)
        .map(Outcome.touched)
    case .dma(let sbdf, let access, let address):
      return transfer(from: sbdf, access, at: address, on: place.pointer(to: \.port.port)!.pointee)
    case .create, .config, .assignableAdd, .assignableRemove, .plug, .unplug, .hypercall, .fault, .query: return nil
    }
  }

  private static func transfer(
    from sbdf: SBDF, _ access: Access, at address: UInt64, on hypervisor: borrowing Hypervisor
  ) -> Outcome {
    .transferred(hypervisor.dma(from: sbdf, dfn: Page.frame(of: address), write: access == .write))
  }

  /// Tells the toolstack where devices are that went their way without it.
  private mutating func noteMoves() {
    var found: [Toolstack.Quarantined] = []
    port.port.devices.forEachPlace { _, device in
      let (isNow, isAlways) = (device.pointee.owner == .io, device.pointee.isQuarantined)
      if isNow || isAlways {
        found.append(Toolstack.Quarantined(sbdf: device.pointee.sbdf, isNow: isNow, isAlways: isAlways))
      }
    }
    toolstack.noteMoves(found)
  }

  private var faultWaits: Bool { port.fault != nil || port.port.budget.isArmed }

  private mutating func arm(_ fault: InjectedFault?) {
    switch fault {
    case .hypercall(let ordinal, let errno)?: port.arm(.failure(ordinal: ordinal, errno: errno))
    case .growingQuery(let ordinal)?: port.arm(.growingQuery(ordinal: ordinal))
    case .allocation(let ordinal)?: port.port.budget.arm(failing: ordinal)
    case nil:
      port.arm(nil)
      port.port.budget.arm(failing: 0)
    }
  }

  private mutating func perform(_ event: Event) -> Outcome {
    switch event {
    case .create(let name, let configuration): create(name, configuration)
    case .config(let name, let text): config(name, text)
    case .boot(let name): withGuest(name) { host, index in host.bootGuest(at: index) }
    case .attach(let name, let device):
      withGuest(name) { host, index throws(Refusal) in
        try host.toolstack.attach(device, to: host.guests[index].domain, on: &host.port, &host.buffer)
        return .done
      }
    case .detach(let name, let sbdf, let force):
      withGuest(name) { host, index throws(Refusal) in
        try host.toolstack.detach(sbdf, from: host.guests[index].domain, force: force, on: &host.port, &host.buffer)
        return .done
      }
    case .assignableAdd(let sbdf):
      refusable { host throws(Refusal) in try host.toolstack.assignableAdd(sbdf, on: &host.port, &host.buffer) }
    case .assignableRemove(let sbdf):
      refusable { host throws(Refusal) in try host.toolstack.assignableRemove(sbdf, on: &host.port, &host.buffer) }
    case .balloon(let name, let targetKiB):
      withGuest(name) { host, index throws(Refusal) in try host.balloon(guestAt: index, toKiB: targetKiB) }
    case .reboot(let name): withGuest(name) { host, index throws(Refusal) in try host.reboot(guestAt: index) }
    case .destroy(let name):
      withGuest(name) { host, index throws(Refusal) in
        try host.toolstack.destroy(host.guests[index].domain, on: &host.port, &host.buffer)
        host.guests.removeShared(at: index)
        return .done
      }
    case .plug(let function): plug(function)
    case .unplug(let sbdf): unplug(sbdf)
    case .hypercall(let event): hypercall(event)
    case .access(let name, let access, let address):
      withGuest(name) { host, index throws(Refusal) in
        .touched(host.port.port.access(host.guests[index].domain, gfn: Page.frame(of: address), access.byCPU))
      }
    case .dma(let sbdf, let access, let address): Host.transfer(from: sbdf, access, at: address, on: port.port)
    case .fault: .done
    case .query(let query): .answer(answer(to: query))
    }
  }

  // MARK: Shapes of events

  private static let noSuchGuest = Refusal(.notFound, rule: nil)

  private mutating func withGuest(_ name: GuestName, _ body: (inout Host, Int) throws(Refusal) -> Outcome) -> Outcome {
    guard let index = index(of: name) else { return .refused(Host.noSuchGuest) }
    do throws(Refusal) { return try body(&self, index) } catch { return .refused(error) }
  }

  private mutating func refusable(_ body: (inout Host) throws(Refusal) -> Void) -> Outcome {
    do throws(Refusal) {
      try body(&self)
      return .done
    } catch { return .refused(error) }
  }

  private mutating func add(_ guest: GuestLife) {
    guests.insert(guest, at: guests.partitionIndex { $0.pointee.name > guest.name })
  }

  // MARK: A guest's life

  private mutating func create(_ name: GuestName, _ configuration: GuestConfiguration) -> Outcome {
    guard index(of: name) == nil else { return .refused(Refusal(.invalid, rule: nil)) }
    return refusable { host throws(Refusal) in
      let guest = try host.toolstack.create(configuration, on: &host.port, &host.buffer)
      host.add(GuestLife(name: name, domain: guest.domain))
    }
  }

  /// A guest from its text: xl reads it, and libxl gets what xl made of it.
  private mutating func config(_ name: GuestName, _ text: [UInt8]) -> Outcome {
    guard index(of: name) == nil else { return .refused(Refusal(.invalid, rule: nil)) }
    let reading = GuestText.read(text, edition: edition)
    guard let guest = reading.guest else { return .rejected(reading) }
    do throws(ParsedGuest.Unbuildable) {
      return create(name, try guest.configuration())
    } catch {
      switch error {
      case .undefined(let fields): return .undefined(fields)
      case .unmodelled(let what): return .unmodelled(what)
      case .refused(let refusal): return .refused(refusal)
      }
    }
  }

  private mutating func bootGuest(at index: Int) -> Outcome {
    let domain = guests[index].domain
    // A guest that only raw hypercalls made has nothing to boot from, and a running one does not start again.
    guard let built = toolstack.guest(domain), guests[index].report == nil else {
      return .refused(Refusal(.invalid, rule: nil))
    }
    let input = FirmwareInput(of: built, addressBits: addressBits)
    let report = loader.value.run(input, as: domain, on: &port, &buffer, in: &loaderMemory)
    guests[index].firmware = report
    switch report.stop {
    case .crashed(let rule, _): return .crashed(rule)
    case .failed: return .crashed(nil)
    case .handedOver: break
    }
    // A BAR half written is mapped where it then stands, if that can be, and away from there again (H-6).
    for half in report.passing { try? toolstack.mapBARs(of: domain, [half], on: &port, &buffer) }
    do throws(Refusal) {
      try toolstack.mapBARs(of: domain, report.bars, on: &port, &buffer)
    } catch { guests[index].unmappedBARs = error }
    return .done
  }

  private mutating func reboot(guestAt index: Int) throws(Refusal) -> Outcome {
    let life = guests[index]
    let reboot = try toolstack.reboot(life.domain, on: &port, &buffer)
    guests.removeShared(at: index)
    switch reboot {
    case .running(let guest):
      add(GuestLife(name: life.name, domain: guest.domain))
      return .done
    case .lost(let refusal): return .lost(refusal)
    }
  }

  // MARK: Physical hotplug

  private mutating func plug(_ function: PCIFunction) -> Outcome {
    guard !hypervisor.functions.contains(where: { $0.sbdf == function.sbdf }) else {
      return .refused(Refusal(.invalid, rule: nil))
    }
    port.port.insert(function)
    let physical = function.physicalFunction
    let result = port.perform(
      .pciDeviceAdd(function.sbdf, flags: physical == nil ? 0 : 2, physicalFunction: physical ?? SBDF(rawValue: 0)),
      by: .dom0, &buffer)
    if result < 0 {
      let rule = buffer.rule
      port.port.withdraw(function.sbdf)
      return .refused(Refusal(.fail, errno: Errno(result: result), rule: rule))
    }
    toolstack.plug(function)
    return .done
  }

  private mutating func unplug(_ sbdf: SBDF) -> Outcome {
    let result = port.perform(.pciDeviceRemove(sbdf), by: .dom0, &buffer)
    if result < 0 { return .refused(Refusal(.fail, errno: Errno(result: result), rule: buffer.rule)) }
    port.port.withdraw(sbdf)
    toolstack.unplug(sbdf)
    return .done
  }
}

extension Access {
  /// The same as a CPU does it.
  fileprivate var byCPU: CPUAccess {
    switch self {
    case .read: .read
    case .write: .write
    case .execute: .execute
    }
  }
}

extension Event {
  /// True for raw hypercalls, for the end of a guest that may have got devices by them, and for a function plugged in, which
  /// the hypervisor may have known and moved before.
  fileprivate var movesDevicesUnseen: Bool {
    switch self {
    case .hypercall, .destroy, .reboot, .plug: true
    default: false
    }
  }
}
