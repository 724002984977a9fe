import AddressSpace
import Editions
import Hypervisor
import Platform

let xen417 = BootDecisions(Edition.xen4_17.hypervisor)
let repaired = BootDecisions(Edition.repaired.hypervisor)

/// 00:`device`.0 in `segment`.
func function(_ device: UInt8, segment: UInt16 = 0) -> SBDF { SBDF(segment, 0, device, 0) }

/// A remapping unit that includes all of its segment.
func drhd(_ segment: UInt16 = 0, at base: UInt64 = 0xFED9_0000, includeAll: Bool = true, _ scopes: DeviceScope...)
  -> RemappingStructure
{
  .drhd(DRHDRecord(segment: segment, registerBase: base, includeAll: includeAll, scopes: scopes))
}

/// A reserved range from byte `base` to byte `end`, inclusive, for 00:`device`.0.
func rmrr(_ base: UInt64, _ end: UInt64, _ devices: UInt8..., segment: UInt16 = 0) -> RemappingStructure {
  .rmrr(RMRRRecord(segment: segment, base: base, end: end, scopes: devices.map { endpoint($0) }))
}

/// The scope of 00:`device`.0.
func endpoint(_ device: UInt8) -> DeviceScope { DeviceScope(endpoint: function(device)) }

/// A host with 00:05.0 to 00:08.0, a root port 00:09.0 to bus 1, a root port 00:0a.0 to bus 2 with a bridge to bus 3.
func host(_ structures: [RemappingStructure], options: [String] = []) -> Machine {
  var machine = Machine()
  machine.functions =
    (5...8).map { PCIFunction(function($0)) } + [
      PCIFunction(function(9), kind: .pcieBridge, buses: .init(secondary: 1, subordinate: 1)),
      PCIFunction(function(10), kind: .pcieBridge, buses: .init(secondary: 2, subordinate: 3)),
      PCIFunction(SBDF(0, 1, 0, 0)),
      PCIFunction(SBDF(0, 2, 0, 0), kind: .pcieToPCI, buses: .init(secondary: 3, subordinate: 3)),
      PCIFunction(SBDF(0, 3, 3, 0), kind: .pci),
    ]
  machine.dmar = .structures(structures)
  machine.rmrrOptions = options
  return machine
}

/// Boots a host with one INCLUDE_ALL remapping unit and `structures`.
func boot(_ structures: [RemappingStructure], options: [String] = [], as decisions: BootDecisions) -> BootReport {
  BootReport(booting: host([drhd()] + structures, options: options), decisions: decisions)
}

/// 00:00.0 and on, as `bus << 8 | devfn`.
func bdfs(_ devices: UInt8...) -> [UInt16] { devices.map { function($0).bdf } }
