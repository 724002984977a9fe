import Hypercalls
import Platform
import Toolstack
import Tracing

extension Specimen {
  /// The configuration in event `index`; of other events than a creation an empty one, and writing does nothing.
  subscript(configuration index: Int) -> GuestConfiguration {
    get {
      if case .create(_, let configuration) = events[index] { configuration } else { GuestConfiguration(memoryMiB: 0) }
    }
    set {
      if case .create(let name, _) = events[index] { events[index] = .create(name, newValue) }
    }
  }

  /// The raw hypercall in event `index`; of other events a harmless one, and writing does nothing. The count of a memory
  /// map's records follows them.
  subscript(hypercall index: Int) -> HypercallEvent {
    get {
      if case .hypercall(let event) = events[index] { event } else { HypercallEvent(.memoryMap(capacity: 0)) }
    }
    set {
      guard case .hypercall = events[index] else { return }
      var event = newValue
      if case .setMemoryMap(let domain, _) = event.call {
        event.call = .setMemoryMap(domain, count: UInt32(clamping: event.entries.count))
      }
      if case .populatePhysmap(let domain, let extents, let flags) = event.call, extents.scattered {
        event.call = .populatePhysmap(
          domain, Extents(scattered: event.frames.count, order: extents.order), flags: flags)
      }
      if case .decreaseReservation(let domain, let extents) = event.call, extents.scattered {
        event.call = .decreaseReservation(domain, Extents(scattered: event.frames.count, order: extents.order))
      }
      events[index] = .hypercall(event)
    }
  }

  /// The device in an attachment, event `index`; of other events a device nobody has, and writing does nothing.
  subscript(attached index: Int) -> AssignedDevice {
    get { if case .attach(_, let device) = events[index] { device } else { AssignedDevice(SBDF(rawValue: 0)) } }
    set {
      if case .attach(let name, _) = events[index] { events[index] = .attach(name, newValue) }
    }
  }
}

extension Minimiser {
  mutating func reduceConfigurations(_ keeps: Predicate) {
    for index in current.events.indices {
      switch current.events[index] {
      case .create:
        drop(from: \.[configuration: index].devices, keeps)
        // A device may be there only so that others can come later.
        for device in current[configuration: index].devices.indices.reversed() {
          attempt(keeps) {
            $0[configuration: index].devices.remove(at: device)
            $0[configuration: index].passthrough = .enabled
          }
        }
        if current[configuration: index].departures > 0 { reduceOptions(of: index, keeps) }
        for device in current[configuration: index].devices.indices {
          reduceDevice(\.[configuration: index].devices[device], keeps)
        }
      case .config(let name, _):
        // Any guest may do, or any that can be given devices.
        var plain = GuestConfiguration(memoryMiB: 16)
        attempt(keeps) { $0.events[index] = .create(name, plain) }
        plain.passthrough = .enabled
        attempt(keeps) { $0.events[index] = .create(name, plain) }
      case .attach: reduceDevice(\.[attached: index], keeps)
      default: break
      }
    }
  }

  private mutating func reduceOptions(of index: Int, _ keeps: Predicate) {
    let usual = GuestConfiguration(memoryMiB: 0)
    attempt(keeps) {
      let old = $0[configuration: index]
      var plain = GuestConfiguration(memoryMiB: old.maxMemoryKiB >> 10)
      plain.devices = old.devices
      $0[configuration: index] = plain
    }
    func reset<Value>(_ option: WritableKeyPath<GuestConfiguration, Value>) {
      attempt(keeps) { $0[configuration: index][keyPath: option] = usual[keyPath: option] }
    }
    attempt(keeps) { $0[configuration: index].targetMemoryKiB = $0[configuration: index].maxMemoryKiB }
    attempt(keeps) {
      $0[configuration: index].vga = usual.vga
      $0[configuration: index].videoKiB = usual.videoKiB
    }
    reset(\.videoKiB)
    reset(\.vga)
    reset(\.vcpus)
    reset(\.hap)
    reset(\.mmioHoleKiB)
    reset(\.boundaryKiB)
    reset(\.strategy)
    reset(\.policy)
    reset(\.passthrough)
    reset(\.deviceModel)
    reset(\.graphicsPassthrough)
    reset(\.platformBARUncacheable)
    reset(\.acpi)
    reset(\.acpiFirmwareBytes)
    reset(\.smbiosFirmwareBytes)
  }

  private mutating func reduceDevice(_ device: WritableKeyPath<Specimen, AssignedDevice>, _ keeps: Predicate) {
    attempt(keeps) { $0[keyPath: device] = AssignedDevice($0[keyPath: device].sbdf) }
    attempt(keeps) { $0[keyPath: device].policy = nil }
    attempt(keeps) { $0[keyPath: device].slot = nil }
    attempt(keeps) { $0[keyPath: device].seize = false }
    attempt(keeps) { $0[keyPath: device].byName = false }
  }
}
