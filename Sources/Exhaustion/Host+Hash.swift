import AddressSpace
import Hypervisor
import Simulation

extension Host {
  /// Sorts states into buckets; equal states have equal hashes. Which states are one is decided by comparison.
  var stateHash: UInt64 {
    var mixer = Mixer()
    let hypervisor = hypervisor
    mixer.mix(hypervisor.budget.free)
    mixer.mix(hypervisor.hostCrash == nil ? 0 : 1)
    for domain in hypervisor.domains {
      mixer.mix(UInt64(domain.id.rawValue) << 32 | UInt64(domain.records.count))
      mixer.mix(domain.totalPages)
      mixer.mix(domain.maxPages)
      for run in domain.p2m.runs {
        mixer.mix(run.frames.start)
        mixer.mix(run.frames.end)
      }
      for run in domain.dmaTable.runs { mixer.mix(run.frames.start) }
      for run in domain.ioMemory.runs { mixer.mix(run.frames.end) }
      for record in domain.records { mixer.mix(record.base &+ record.count) }
      mixer.mix(UInt64(domain.memoryMap.count) << 1 | (domain.crash == nil ? 0 : 1))
    }
    for device in hypervisor.devices {
      mixer.mix(UInt64(device.sbdf.rawValue))
      mixer.mix(UInt64(device.owner?.rawValue ?? .max) << 2 | (device.isStrict ? 2 : 0) | (device.hasContext ? 1 : 0))
    }
    for guest in toolstack.guests {
      mixer.mix(guest.targetMemoryKiB)
      mixer.mix(UInt64(guest.devices.count) << 16 | UInt64(guest.rdms.count) << 8 | UInt64(guest.memoryMap.count))
    }
    for life in guests {
      mixer.mix(UInt64(life.name.rawValue) << 32 | UInt64(life.firmware?.e820.count ?? 255))
      mixer.mix(life.ballooned.frameCount << 1 | (life.tampered ? 1 : 0))
    }
    return mixer.state
  }
}

/// Mixes numbers into one: FNV-1a over 64-bit words, with the high half folded in.
private struct Mixer {
  var state: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func mix(_ value: UInt64) {
    state = (state ^ value) &* 0x100_0000_01B3
    state ^= state >> 29
  }
}
