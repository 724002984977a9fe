import AddressSpace
import Editions
import Hypercalls
import Platform
import Toolstack
import Tracing

/// The guests that names are for.
let dom1 = GuestName(1)
let dom2 = GuestName(2)

/// Device n of a world, unless its family says otherwise: `0000:00:01.0` and on.
func address(_ device: Int) -> SBDF { SBDF(0, 0, UInt8(device + 1), 0) }

extension GuestConfiguration {
  /// A guest of `memory` MiB with one thing or another changed.
  init(_ memory: UInt64, _ change: (inout GuestConfiguration) -> Void = { _ in }) {
    self.init(memoryMiB: memory)
    change(&self)
  }

  /// With no reserved range of its own, and tables for devices.
  static func plain(_ memory: UInt64) -> GuestConfiguration { .init(memory) { $0.passthrough = .enabled } }

  /// With every range of the host.
  static func host(_ memory: UInt64, _ change: (inout GuestConfiguration) -> Void = { _ in }) -> GuestConfiguration {
    .init(memory) {
      $0.strategy = .host
      change(&$0)
    }
  }

  /// With `devices`.
  static func with(
    _ devices: [SBDF], _ memory: UInt64, policy: RDMPolicy? = nil,
    _ change: (inout GuestConfiguration) -> Void = { _ in }
  ) -> GuestConfiguration {
    .init(memory) {
      $0.devices = devices.map { AssignedDevice($0, policy: policy) }
      change(&$0)
    }
  }
}

extension Letter {
  static func create(_ name: GuestName, _ configuration: GuestConfiguration, device: Int? = nil) -> Letter {
    Letter(.create(name, configuration), device: device)
  }

  static func boot(_ name: GuestName) -> Letter { Letter(.boot(name)) }
  static func reboot(_ name: GuestName) -> Letter { Letter(.reboot(name)) }
  static func destroy(_ name: GuestName) -> Letter { Letter(.destroy(name)) }
  static func balloon(_ name: GuestName, _ mib: UInt64) -> Letter { Letter(.balloon(name, targetKiB: mib << 10)) }

  static func attach(_ name: GuestName, _ device: Int, _ policy: RDMPolicy? = nil) -> Letter {
    Letter(.attach(name, AssignedDevice(address(device), policy: policy)), device: device)
  }

  static func detach(_ name: GuestName, _ device: Int) -> Letter {
    Letter(.detach(name, address(device), force: false), device: device)
  }

  static func call(_ call: Hypercall, by caller: DomainID = .dom0, created: GuestName? = nil, device: Int? = nil)
    -> Letter
  {
    Letter(.hypercall(HypercallEvent(call, by: caller, created: created)), device: device)
  }
}
