import AddressSpace
import Platform

extension Minimiser {
  mutating func reduceFunctions(_ keeps: Predicate) {
    drop(from: \.header.machine.functions, keeps)
    for index in current.header.machine.functions.indices {
      reduceFunction(\.header.machine.functions[index], keeps)
    }
    for index in current.events.indices {
      if case .plug = current.events[index] { reduceFunction(\.[plugged: index], keeps) }
    }
  }

  private mutating func reduceFunction(_ path: WritableKeyPath<Specimen, PCIFunction>, _ keeps: Predicate) {
    attempt(keeps) { $0[keyPath: path] = PCIFunction($0[keyPath: path].sbdf) }
    attempt(keeps) { $0[keyPath: path] = PCIFunction($0[keyPath: path].sbdf, bars: $0[keyPath: path].bars) }
    attempt(keeps) {
      $0[keyPath: path].kind = .pcie
      $0[keyPath: path].buses = nil
    }
    attempt(keeps) { $0[keyPath: path].phantomStride = 0 }
    attempt(keeps) { $0[keyPath: path].physicalFunction = nil }
    attempt(keeps) { $0[keyPath: path].interruptPin = 0 }
    attempt(keeps) { $0[keyPath: path].vendor = 0x8086 }
    attempt(keeps) { $0[keyPath: path].device = 0 }
    attempt(keeps) { $0[keyPath: path].classCode = 0 }
  }

  mutating func reduceBARs(_ keeps: Predicate) {
    for index in current.header.machine.functions.indices {
      reduceBARs(\.header.machine.functions[index].bars, keeps)
    }
    for index in current.events.indices {
      if case .plug = current.events[index] { reduceBARs(\.[plugged: index].bars, keeps) }
    }
  }

  private mutating func reduceBARs(_ bars: WritableKeyPath<Specimen, [BAR]>, _ keeps: Predicate) {
    drop(from: bars, keeps)
    for index in current[keyPath: bars].indices {
      attempt(keeps) {
        let bar = $0[keyPath: bars][index]
        if bar.kind != .rom {
          $0[keyPath: bars][index] = BAR(bar.index, .m32, size: Page.size, hostAddress: bar.hostAddress)
        }
      }
      attempt(keeps) { if $0[keyPath: bars][index].kind != .rom { $0[keyPath: bars][index].kind = .m32 } }
      attempt(keeps) { $0[keyPath: bars][index].index = index == 0 ? 0 : $0[keyPath: bars][index - 1].index + 1 }
    }
  }

  mutating func reduceRanges(_ keeps: Predicate) {
    if case .bytes = current.header.machine.dmar { attempt(keeps) { $0.header.machine.dmar = .absent } }
    if case .bytes = current.header.machine.ivrs { attempt(keeps) { $0.header.machine.ivrs = .absent } }
    attempt(keeps) { $0.header.machine.makeIntel() }
    attempt(keeps) { $0.header.machine.makeIntel(forNobody: true) }
    // Where all that matters is that the IOMMU is off, no table is needed to break it.
    attempt(keeps) {
      $0.header.machine.iommu = .none
      $0.header.machine.dmar = .absent
      $0.header.machine.ivrs = .absent
      $0.header.machine.statedUnits = []
      $0.header.machine.rmrrOptions = []
      $0.header.machine.ivmdOptions = []
    }
    drop(from: \.header.machine.structures, keeps)
    drop(from: \.header.machine.blocks, keeps)
    if current.header.machine.blocks.isEmpty { attempt(keeps) { $0.header.machine.ivrs = .absent } }
    drop(from: \.header.machine.ivmdOptions, keeps)
    reduceBlocks(keeps)
    drop(from: \.header.machine.statedUnits, keeps)
    drop(from: \.header.machine.rmrrOptions, keeps)
    for handle in current.header.machine.reservedHandles {
      for position in (0..<current.header.machine.deviceCount(of: handle)).reversed() {
        attempt(keeps) { $0.header.machine.removeDevice(position, of: handle) }
      }
    }
    for index in current.header.machine.structures.indices { reduceScopes(of: index, keeps) }
  }

  private mutating func reduceBlocks(_ keeps: Predicate) {
    for index in current.header.machine.blocks.indices {
      switch current.header.machine.blocks[index] {
      case .ivhd(let record):
        for position in record.entries.indices.reversed() {
          attempt(keeps) {
            guard case .ivhd(var record) = $0.header.machine.blocks[index] else { return }
            record.entries.remove(at: position)
            $0.header.machine.blocks[index] = .ivhd(record)
          }
        }
      case .ivmd:
        attempt(keeps) {
          guard case .ivmd(var record) = $0.header.machine.blocks[index] else { return }
          record.flags = [.unity, .read, .write]
          $0.header.machine.blocks[index] = .ivmd(record)
        }
      }
    }
  }

  private mutating func reduceScopes(of index: Int, _ keeps: Predicate) {
    switch current.header.machine.structures[index] {
    case .rmrr(let record):
      for (position, scope) in record.scopes.enumerated() where scope.path.count > 1 {
        guard let last = scope.path.last else { continue }
        // The bus behind the bridges instead of the way there.
        for bus in current.header.machine.functions.compactMap({ $0.buses?.secondary }) {
          attempt(keeps) {
            guard case .rmrr(var record) = $0.header.machine.structures[index] else { return }
            record.scopes[position] = DeviceScope(scope.kind, startBus: bus, path: [last])
            $0.header.machine.structures[index] = .rmrr(record)
          }
        }
      }
    case .drhd(let record):
      for position in record.scopes.indices.reversed() {
        attempt(keeps) {
          guard case .drhd(var record) = $0.header.machine.structures[index] else { return }
          record.scopes.remove(at: position)
          $0.header.machine.structures[index] = .drhd(record)
        }
      }
    case .atsr, .skipped: break
    }
  }

  mutating func reduceHost(_ keeps: Predicate) {
    let usual = Machine()
    drop(from: \.header.assumed, keeps)
    drop(from: \.header.machine.e820, keeps)
    attempt(keeps) { $0.header.machine.memory = usual.memory }
    attempt(keeps) { $0.header.machine.physicalAddressBits = usual.physicalAddressBits }
    attempt(keeps) { $0.header.machine.iommu = usual.iommu }
    attempt(keeps) { $0.header.machine.pageTables = usual.pageTables }
    attempt(keeps) { $0.header.machine.sharesPageTables = usual.sharesPageTables }
    attempt(keeps) { $0.header.machine.quarantine = usual.quarantine }
  }
}

extension Specimen {
  /// The function of a plug, event `index`; of other events an empty one, and writing does nothing.
  subscript(plugged index: Int) -> PCIFunction {
    get { if case .plug(let function) = events[index] { function } else { PCIFunction(SBDF(rawValue: 0)) } }
    set {
      if case .plug = events[index] { events[index] = .plug(newValue) }
    }
  }
}
