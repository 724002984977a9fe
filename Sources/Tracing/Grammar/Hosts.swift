import AddressSpace
import Platform

/// Fields of a `host` line.
private enum HostKey: String, CaseIterable {
  case memory = "memory="
  case physBits = "phys-bits="
  case iommu = "iommu="
  case pageTables = "p2m="
  case tables = "tables="
  case quarantine = "quarantine="
  case iommuRequired = "iommu-required"
  case iommuNotRequired = "-iommu-required"
  case remapping = "remapping="
  case mcfg = "mcfg="

  static let vocabulary = Vocabulary(HostKey.self)
}

extension Machine.IOMMU: GrammarWord {
  static let vocabulary = Vocabulary(Machine.IOMMU.self)
}

extension Machine.PageTables: GrammarWord {
  static let vocabulary = Vocabulary(Machine.PageTables.self)
}

extension Machine.Quarantine: GrammarWord {
  static let vocabulary = Vocabulary(Machine.Quarantine.self)
}

extension LineCursor {
  /// The fields of a `host` line.
  mutating func host(_ machine: inout Machine) throws(TraceError) {
    while try !atEnd() {
      switch try keyHere(in: HostKey.vocabulary) {
      case .memory: machine.memory = try size()
      case .physBits: machine.physicalAddressBits = try number(UInt8.self, "a width", from: 12, to: 64)
      case .iommu: machine.iommu = try choice(Machine.IOMMU.self)
      case .pageTables: machine.pageTables = try choice(Machine.PageTables.self)
      case .tables: machine.sharesPageTables = try choice("shared", "separate")
      case .quarantine: machine.quarantine = try choice(Machine.Quarantine.self)
      case .iommuRequired: machine.requiresIOMMU = true
      case .iommuNotRequired: machine.requiresIOMMU = false
      case .remapping:
        machine.remappingHardware = []
        if skip("none") { continue }
        repeat { machine.remappingHardware?.append(try address()) } while skip(UInt8(ascii: ","))
      case .mcfg:
        let start = position
        let (first, end) = try bounds("a range such as 0xe0000000-0xf0000000")
        guard first <= end else { throw expected("a range that ends after it starts", at: start) }
        machine.configurationWindow = AddressRange(first, end)
      case nil:
        throw expectedKey(
          "memory=, phys-bits=, iommu=, p2m=, tables=, quarantine=, iommu-required, remapping= or mcfg=")
      }
    }
  }
}

extension CanonicalText {
  /// The `host` line.
  mutating func putHost(_ machine: Machine) {
    put("host memory=")
    put(size: machine.memory)
    put(" phys-bits=")
    put(decimal: machine.physicalAddressBits)
    put(" iommu=")
    put(machine.iommu.rawValue)
    put(" p2m=")
    put(machine.pageTables.rawValue)
    put(machine.sharesPageTables ? " tables=shared" : " tables=separate")
    put(" quarantine=")
    put(machine.quarantine.rawValue)
    if machine.requiresIOMMU { put(" iommu-required") }
    if let hardware = machine.remappingHardware {
      put(hardware.isEmpty ? " remapping=none" : " remapping=")
      for (index, address) in hardware.enumerated() {
        if index > 0 { put(",") }
        put(hex: address)
      }
    }
    if let window = machine.configurationWindow {
      put(" mcfg=")
      put(window.start, window.end)
    }
    endLine()
  }
}
