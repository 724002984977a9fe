import Platform
import Toolstack
import Tracing

/// What an optimist knows after a list of events: which guests there are, what they hold, which functions are plugged.
///
/// It takes every event for a success. That keeps most generated events meaningful without running anything.
struct Shadow {
  struct Guest {
    var name: GuestName
    var configuration: GuestConfiguration
    var booted = false
    var devices: [SBDF]
  }

  /// Living guests, in order of creation.
  private(set) var guests: [Guest] = []
  /// Functions in the host.
  private(set) var present: [SBDF]
  /// Functions that were pulled out.
  private(set) var absent: [PCIFunction] = []
  /// Functions that the toolstack lists as assignable.
  private(set) var listed: [SBDF] = []
  private var functions: [PCIFunction]

  init(_ machine: Machine) {
    functions = machine.functions
    present = machine.assignable
  }

  /// Functions that no guest holds.
  var free: [SBDF] { present.filter { device in !guests.contains { $0.devices.contains(device) } } }

  /// The lowest name, `dom1` and up, that no living guest has.
  var freeName: GuestName {
    var number: UInt16 = 1
    while guests.contains(where: { $0.name.rawValue == number }) { number += 1 }
    return GuestName(number)
  }

  mutating func apply(_ event: Event) {
    switch event {
    case .create(let name, let configuration):
      guard !guests.contains(where: { $0.name == name }) else { return }
      guests.append(Guest(name: name, configuration: configuration, devices: configuration.devices.map(\.sbdf)))
    case .config(let name, _): apply(.create(name, GuestConfiguration(memoryMiB: 0)))
    case .boot(let name): change(name) { $0.booted = true }
    case .attach(let name, let device): change(name) { $0.devices.append(device.sbdf) }
    case .detach(let name, let sbdf, force: _): change(name) { $0.devices.removeAll { $0 == sbdf } }
    case .assignableAdd(let sbdf): listed.append(sbdf)
    case .assignableRemove(let sbdf): listed.removeAll { $0 == sbdf }
    case .reboot(let name): change(name) { $0.booted = true }
    case .destroy(let name): guests.removeAll { $0.name == name }
    case .plug(let function):
      functions.append(function)
      absent.removeAll { $0.sbdf == function.sbdf }
      if !present.contains(function.sbdf) { present.append(function.sbdf) }
    case .unplug(let sbdf):
      if let index = functions.firstIndex(where: { $0.sbdf == sbdf }) { absent.append(functions.remove(at: index)) }
      present.removeAll { $0 == sbdf }
    case .hypercall(let event):
      if case .createDomain = event.call, let name = event.created {
        apply(.create(name, GuestConfiguration(memoryMiB: 0)))
      }
      switch event.call {
      case .destroyDomain(let name): guests.removeAll { $0.name == name }
      case .assignDevice(let name, let sbdf, _, _): change(name) { $0.devices.append(sbdf) }
      case .deassignDevice(let name, let sbdf, _, _): change(name) { $0.devices.removeAll { $0 == sbdf } }
      default: break
      }
    case .balloon, .access, .dma, .fault, .query: break
    }
  }

  private mutating func change(_ name: GuestName, _ body: (inout Guest) -> Void) {
    if let index = guests.firstIndex(where: { $0.name == name }) { body(&guests[index]) }
  }
}
