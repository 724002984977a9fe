import AddressSpace
import Editions
import Hypercalls
import Platform

extension Toolstack {
  /// `xl pci-attach`: passes a device through to a running guest (BL-109…121); layout and memory map stay (HV-149).
  public mutating func attach<Port: HypercallPort & ~Copyable>(
    _ device: AssignedDevice, to domain: DomainID, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    let index = try guestIndex(domain)
    let before = self
    var journal = Journal(in: &buffer)
    defer { journal.close(&buffer) }
    do throws(Refusal) {
      try add(device, to: index, isHotplug: true, &journal, on: &port, &buffer)
    } catch {
      if decisions.failure == .undoes {
        journal.rollBack(on: &port, &buffer)
        self = before
      }
      throw error
    }
  }

  /// Section 6.2 for one entry of `pci=`. What it does is noted in `journal`; undoing is the caller's (BL-126).
  mutating func add<Port: HypercallPort & ~Copyable>(
    _ device: AssignedDevice, to index: Int, isHotplug: Bool, _ journal: inout Journal, on port: inout Port,
    _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    let domain = guests[index].domain
    // A name is found among the assignable devices only.
    if device.byName, binding(of: device.sbdf)?.isBound != true { throw Refusal(.notFound, rule: .bl(109)) }
    do throws(Refusal) {
      try port.require(
        .testAssignDevice(domain, device.sbdf, flags: 0, deviceType: 0), by: .bl(109), &buffer)
    } catch {
      if decisions.failedTest == .removesRecord, let binding = self.index(of: device.sbdf) {
        bindings[binding].recordedOwner = nil
      }
      throw error
    }
    let policy = decisions.policies == .strictOnly ? .strict : device.policy ?? .strict  // BL-40
    let selected = try selectFunctions(device)
    if isHotplug, policy == .strict, decisions.hotplug == .announcedOnly {
      for function in selected { try checkAnnounced(bindings[function].sbdf, guests[index], on: &port, &buffer) }
    }
    if device.seize {
      for function in selected where !bindings[function].isBound {
        if decisions.failure == .undoes, bindings[function].isQuarantined {
          // In dom_io it is by default. By name it would go back there for ever, and that could not be undone.
          bindings[function].isBound = true
        } else {
          try bind(function, &journal, on: &port, &buffer)
        }
      }
    }
    for function in selected {
      guard bindings[function].isBound, bindings[function].recordedOwner == nil else {
        throw Refusal(.fail, rule: .bl(109))
      }
    }
    let attached: ArraySlice<Int> =
      device.allFunctions && decisions.attachedFunctions == .highest ? selected.prefix(1) : selected[...]
    for function in attached {
      try assign(function, device, policy, to: index, &journal, on: &port, &buffer)
    }
  }

  /// The functions an entry stands for, as indices, in the order of attachment: from 7 downwards (BL-110).
  private func selectFunctions(_ device: AssignedDevice) throws(Refusal) -> [Int] {
    guard device.allFunctions else {
      guard let index = index(of: device.sbdf) else { throw Refusal(.fail, rule: .bl(109)) }
      return [index]
    }
    guard let slot = device.slot, slot != 0 else { throw Refusal(.invalid, rule: .bl(110)) }
    let functions = slotFunctions(device.sbdf)
    guard !functions.isEmpty else { throw Refusal(.fail, rule: .bl(110)) }
    return functions.reversed()
  }

  /// Indices of all functions in the slot of `sbdf`, ascending.
  func slotFunctions(_ sbdf: SBDF) -> [Int] {
    let slot = sbdf.rawValue & ~7
    var index = bindings.partitionIndex { $0.pointee.sbdf.rawValue >= slot }
    var found: [Int] = []
    while index < bindings.endIndex, bindings[index].sbdf.rawValue & ~7 == slot {
      found.append(index)
      index += 1
    }
    return found
  }

  /// A strict device must not reach ranges that the guest may use for something else (BL-121, I-4).
  ///
  /// What is not reserved in the guest's memory map can be RAM, now or after ballooning, or become the place of a BAR.
  private func checkAnnounced<Port: HypercallPort & ~Copyable>(
    _ sbdf: SBDF, _ guest: Guest, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    let count = try queryReservedRanges(of: sbdf, wholeHost: false, decisions, on: &port, &buffer)
    for reported in buffer.reserved.prefix(count) where reported.frameCount > 0 {
      guard let range = RDM(reported, policy: .strict).range, guest.isAnnounced(range) else {
        throw Refusal(.fail, rule: .bl(121))
      }
    }
  }

  /// Steps 4 to 7 for one function: device model, permissions, assignment, record.
  private mutating func assign<Port: HypercallPort & ~Copyable>(
    _ function: Int, _ device: AssignedDevice, _ policy: RDMPolicy, to index: Int, _ journal: inout Journal,
    on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    let domain = guests[index].domain
    let sbdf = bindings[function].sbdf
    bindings[function].recordedOwner = domain
    do throws(Refusal) {
      // A single function becomes function 0, whatever it is in the host (BL-110).
      let number = device.allFunctions ? sbdf.function : 0
      let devfn = try guests[index].deviceModel.attach(functions[function], slot: device.slot, number: number)
      for permission in ownPermissions(of: sbdf, ofGuestAt: index) {
        try port.require(permission.call(domain, allow: true), by: .bl(112), &buffer)
        journal.undo(permission.call(domain, allow: false))
      }
      try port.require(
        .assignDevice(domain, sbdf, flags: policy.assignFlags, deviceType: 0), by: .bl(112), &buffer)
      noteReturn(of: function, from: domain, &journal)
      bindings[function].isQuarantined = false
      guests[index].devices.append(
        AttachedDevice(
          sbdf: sbdf, policy: policy, devfn: devfn,
          isMultifunction: device.allFunctions && decisions.attachedFunctions == .all))
    } catch {
      // The record goes whatever else stays (BL-127).
      bindings[function].recordedOwner = nil
      throw error
    }
  }

  /// Notes the way back of a function just assigned to `domain`, to dom_io or the hardware domain as it was.
  private func noteReturn(of function: Int, from domain: DomainID, _ journal: inout Journal) {
    let sbdf = bindings[function].sbdf
    if !bindings[function].isQuarantined, goesToQuarantine(function) {
      journal.undo(.deassignDevice(.io, sbdf, flags: 0, deviceType: 0))
    }
    journal.undo(.deassignDevice(domain, sbdf, flags: 0, deviceType: 0))
  }

  // MARK: Detach

  /// `xl pci-detach`: takes the function at `sbdf` from a guest (BL-122…124).
  ///
  /// `force` goes on where the guest does not let go of it; the device model here always lets go.
  public mutating func detach<Port: HypercallPort & ~Copyable>(
    _ sbdf: SBDF, from domain: DomainID, force: Bool = false, on port: inout Port, _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    let index = try guestIndex(domain)
    guard let device = guests[index].index(of: sbdf) else { throw Refusal(.invalid, rule: .bl(122)) }
    var journal = Journal(in: &buffer)
    defer { journal.close(&buffer) }
    do throws(Refusal) {
      for bar in guests[index].deviceModel.mappings(of: sbdf) {
        try step(bar.call(domain, add: false), undo: bar.call(domain, add: true), &journal, on: &port, &buffer)
      }
      if decisions.detachedPermissions == .revoked {
        for permission in ownPermissions(of: sbdf, ofGuestAt: index) {
          try step(
            permission.call(domain, allow: false), undo: permission.call(domain, allow: true), &journal, on: &port,
            &buffer)
        }
      }
      let leave = Hypercall.deassignDevice(domain, sbdf, flags: 0, deviceType: 0)
      if guests[index].devices[device].isGone {
        // It may be back, and with this guest by other hands, whoever has it by the books.
        let left = port.attempt(leave, &buffer) == 0
        if left, let binding = self.index(of: sbdf) { bindings[binding].isQuarantined = goesToQuarantine(binding) }
      } else {
        try step(leave, undo: nil, &journal, on: &port, &buffer)
      }
    } catch {
      journal.rollBack(on: &port, &buffer)
      throw error
    }
    remove(sbdf, from: index)
  }

  /// One step of a detach: its failure counts or is only logged.
  private func step<Port: HypercallPort & ~Copyable>(
    _ call: Hypercall, undo: Hypercall?, _ journal: inout Journal, on port: inout Port,
    _ buffer: inout HypercallBuffer
  ) throws(Refusal) {
    switch decisions.failedDeassign {
    case .ignored:
      port.attempt(call, &buffer)
    case .refuses:
      try port.require(call, by: .bl(122), &buffer)
      if let undo { journal.undo(undo) }
    }
  }
}
