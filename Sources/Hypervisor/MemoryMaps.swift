import AddressSpace
import Editions
import Hypercalls

/// The memory map stored for a guest's firmware: advice, no more (section 3) (HV-60).
extension Hypervisor {
  mutating func storeMemoryMap(
    of id: DomainID, count: UInt32, by caller: DomainID, from entries: [E820Entry]
  ) throws(Refused) {
    if count > decisions.memoryMapLimit { throw Refused(.EINVAL, .hv(57)) }
    let index = try targeted(id, by: caller, .hv(57))
    if decisions.memoryMaps == .pvOnly && domains[index].isTranslated { throw Refused(.EPERM, .hv(61)) }
    if !budget.allocate() { throw Refused(.ENOMEM, .hv(57)) }
    if entries.count < count { throw Refused(.EFAULT, .hv(57)) }
    domains[index].memoryMap = Array(entries.prefix(Int(count)))
  }

  func copyMemoryMap(of caller: DomainID, capacity: UInt32, into buffer: inout HypercallBuffer) throws(Refused) {
    guard let index = index(of: caller), !domains[index].memoryMap.isEmpty else { throw Refused(.ENOSYS, .hv(62)) }
    if decisions.memoryMaps == .pvOnly && domains[index].isTranslated { throw Refused(.ENOSYS, .hv(62)) }
    let count = min(Int(capacity), domains[index].memoryMap.count)
    buffer.entries.removeAll(keepingCapacity: true)
    buffer.entries.append(contentsOf: domains[index].memoryMap[..<count])
    buffer.value = UInt64(count)
  }
}
