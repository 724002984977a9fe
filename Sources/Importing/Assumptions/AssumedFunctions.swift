import Platform

/// The PCI functions of a host of which only the DMAR table is known.
struct AssumedFunctions {
  /// A device with a reserved range.
  struct ReservedDevice {
    /// Where it is.
    let sbdf: SBDF
    /// The first range of the table that names it.
    let range: RMRRRecord
  }

  /// All functions, ascending by address.
  private(set) var functions: [PCIFunction] = []
  /// The endpoints that reserved ranges name, in table order, each once.
  private(set) var reservedDevices: [ReservedDevice] = []
  /// Devices in root ports of their own, without reserved ranges; at least one unless there is no place for it.
  private(set) var cards: [SBDF] = []

  init(_ table: DecodedTable, _ memory: AssumedMemory, _ catalogue: BARCatalogue, _ draws: TableDraws) {
    var buses = AssumedBuses()
    let scopes = table.scopes
    for (segment, scope) in scopes { buses.add(scope, segment: segment) }
    var count = draws("cards")
    let cardClasses: [UInt16] = count.oneIn(2) ? [0x0200, 0x0108] : [0x0200]
    let cardScopes = cardClasses.map { _ in buses.addDevice() }
    buses.number()
    let bridges = Unique(buses.functions)
    var withRange: Set<SBDF> = []
    for range in table.reservedRanges {
      for scope in range.scopes where scope.kind == .endpoint {
        // The last step of a path may be a bridge on another path.
        guard let place = buses.target(of: scope, segment: range.segment), !bridges.contains(place),
          withRange.insert(place).inserted
        else { continue }
        reservedDevices.append(ReservedDevice(sbdf: place, range: range))
      }
    }
    let named = scopes.compactMap { segment, scope in
      scope.kind == .endpoint ? buses.target(of: scope, segment: segment) : nil
    }
    let places = Set(named)

    var placement = BARPlacement(memory)
    functions = bridges.functions
    for place in places.sorted() where !bridges.contains(place) {
      var draws = draws("device \(place)")
      let kind = DeviceClass(at: place, hasRange: withRange.contains(place), named: places, &draws)
      functions.append(AssumedFunctions.function(at: place, kind, from: catalogue, fitting: placement.limits, &draws))
    }
    for (scope, code) in zip(cardScopes, cardClasses) {
      guard let scope, let place = buses.target(of: scope, segment: 0) else { continue }
      cards.append(place)
      var draws = draws("device \(place)")
      functions.append(
        AssumedFunctions.function(at: place, DeviceClass(code), from: catalogue, fitting: placement.limits, &draws))
    }
    functions.sort { $0.sbdf < $1.sbdf }
    placement.place(&functions)
  }

  /// Bridges, the first at each address.
  private struct Unique {
    private(set) var functions: [PCIFunction] = []
    private var places: Set<SBDF> = []

    init(_ all: [PCIFunction]) {
      for function in all where places.insert(function.sbdf).inserted { functions.append(function) }
    }

    func contains(_ sbdf: SBDF) -> Bool { places.contains(sbdf) }
  }

  /// A device of `kind` from the catalogue: one of Intel's on bus 0, if there is one.
  static func function(
    at sbdf: SBDF, _ kind: DeviceClass, from catalogue: BARCatalogue, fitting limits: (low: UInt64, high: UInt64),
    _ draws: inout Draws
  ) -> PCIFunction {
    let isOnBoard = sbdf.bus == 0
    var function = PCIFunction(
      sbdf, kind: .pcie, device: 0x0001, classCode: kind.code, interruptPin: 1 + sbdf.function % 4)
    // Chipset functions are conventional ones; graphics has been either.
    if isOnBoard { function.kind = kind.code == 0x0300 && draws.oneIn(2) ? .pcie : .pci }
    let fitting = catalogue.devices(ofClass: kind.code, interface: kind.interface).filter {
      $0.fits(low: limits.low, high: limits.high)
    }
    let onBoard = isOnBoard ? fitting.filter { $0.vendor == 0x8086 } : []
    let choices = onBoard.isEmpty ? fitting : onBoard
    guard !choices.isEmpty else { return function }
    let device = draws.pick(choices)
    function.vendor = device.vendor
    function.device = device.device
    function.bars = device.bars
    return function
  }
}
