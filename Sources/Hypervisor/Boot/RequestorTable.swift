import AddressSpace
import Platform

/// Which AMD IOMMU a function is behind and whose id its requests bear, as the IVRS table's IVHD blocks say.
public struct RequestorTable: Equatable, Sendable {
  /// An IOMMU.
  public struct IOMMU: Equatable, Sendable {
    /// PCI segment.
    public var segment: UInt16
    /// Its own function.
    public var bdf: UInt16
    /// Offset of its capability.
    public var capability: UInt16
    /// The range it does not translate, nil if it has none (HV-39).
    public var exclusion: Exclusion?
  }

  /// A range that an IOMMU does not translate.
  public struct Exclusion: Equatable, Sendable {
    /// First byte of the first page.
    public var base: UInt64
    /// First byte of the last page.
    public var lastPage: UInt64
    /// True if it is for everything behind the IOMMU.
    public var isForAll: Bool
    /// The functions it is for otherwise.
    public var devices = BDFSet()

    /// Its pages.
    public var frames: FrameRange { FrameRange(Page.frame(of: base), Page.frame(of: max(base, lastPage)) + 1) }
  }

  /// What is known of a function.
  struct Seat: Equatable, Sendable {
    /// Index of its IOMMU.
    var iommu: Int
    /// The function whose id it bears, nil if its own.
    var alias: UInt16?
  }

  /// A unity map as it was registered: what AMD's query walks over (HV-54).
  struct Registered: Equatable, Sendable {
    /// The functions that have it by themselves.
    var devices: BDFSet
    /// True if it is theirs as one of all devices.
    var isGlobal: Bool
    /// It, with the functions that find it by their requestor's id.
    var unit: RMRRUnit
  }

  /// IOMMUs in table order.
  public internal(set) var iommus: [IOMMU] = []
  /// One past the last function that the table can speak of, a multiple of 8.
  var limit: UInt32 = 0
  /// Stated units, then unity maps, most recently added first.
  private(set) var registered: [Registered] = []
  /// Where each function finds its own among `registered`.
  private(set) var own = UnitRuns([], .lastDevice)
  /// Keys are raw function numbers, segment included.
  private(set) var seats = RangeMap<Seat>()
  /// Functions of segment 0 that are somebody's requestor id, their own included.
  private var valid = BDFSet()

  /// No IOMMU.
  public init() {}

  private static func keys(_ segment: UInt16, _ range: BDFRange) -> FrameRange {
    FrameRange(UInt64(segment) << 16 | UInt64(range.first), UInt64(segment) << 16 | UInt64(range.last) + 1)
  }

  /// Puts functions behind an IOMMU. The IOMMU's own function is never behind one.
  mutating func seat(_ range: BDFRange, alias: UInt16?, behind index: Int) {
    let iommu = iommus[index]
    func place(_ first: UInt16, _ last: UInt16) {
      let part = BDFRange(first, last)
      seats.set(RequestorTable.keys(iommu.segment, part), to: Seat(iommu: index, alias: alias))
      if iommu.segment == 0 { valid.insert(alias.map { BDFRange($0) } ?? part) }
    }
    guard range.contains(iommu.bdf) else { return place(range.first, range.last) }
    if range.first < iommu.bdf { place(range.first, iommu.bdf - 1) }
    if iommu.bdf < range.last { place(iommu.bdf + 1, range.last) }
  }

  /// What is known of `sbdf`, nil if it is behind no IOMMU.
  func seat(of sbdf: SBDF) -> Seat? { seats[UInt64(sbdf.rawValue)] }

  /// Takes the unity maps in; `functions` are those of the host.
  mutating func finish(_ maps: [Registered], _ functions: [PCIFunction]) {
    registered = maps
    for function in functions { adopt(function.sbdf) }
    for index in registered.indices where registered[index].unit.devices.isEmpty {
      registered[index].unit.runs = users(of: registered[index].devices).runs
    }
    own = UnitRuns(
      registered.map { RMRRUnit(base: 0, end: 0, devices: [], runs: $0.devices.runs) }, .lastDevice)
  }

  /// A function that the table does not name is taken to be like function 0 of its device.
  private mutating func adopt(_ sbdf: SBDF) {
    let first = SBDF(segment: sbdf.segment, bdf: sbdf.bdf & ~7)
    guard seat(of: sbdf) == nil, let model = seat(of: first), !isIOMMU(sbdf) else { return }
    seats.set(RequestorTable.keys(sbdf.segment, BDFRange(sbdf.bdf)), to: model)
    if sbdf.segment == 0 {
      if model.alias == nil { valid.insert(BDFRange(sbdf.bdf)) }
      for index in registered.indices where registered[index].devices.contains(first.bdf) {
        registered[index].devices.insert(BDFRange(sbdf.bdf))
      }
    }
  }

  /// True if `sbdf` is an IOMMU itself.
  func isIOMMU(_ sbdf: SBDF) -> Bool { iommus.contains { $0.segment == sbdf.segment && $0.bdf == sbdf.bdf } }

  /// True if `sbdf` is behind an IOMMU; a function that came after boot is where function 0 of its device is.
  func isBehindIOMMU(_ sbdf: SBDF) -> Bool {
    seat(of: sbdf) != nil
      || seat(of: SBDF(segment: sbdf.segment, bdf: sbdf.bdf & ~7)) != nil && !isIOMMU(sbdf)
  }

  /// The function whose id the requests of `sbdf` bear. One that bears another's and is a requestor itself goes by its
  /// own: the alias is for its interrupts then.
  public func requestor(of sbdf: SBDF) -> SBDF {
    guard let alias = seat(of: sbdf)?.alias, !(sbdf.segment == 0 && valid.contains(sbdf.bdf)) else { return sbdf }
    return SBDF(segment: sbdf.segment, bdf: alias)
  }

  /// The functions of segment 0 behind an IOMMU that find a map of `devices`: those whose requestor is among them.
  private func users(of devices: BDFSet) -> BDFSet {
    var users = BDFSet()
    seats.forEachPiece(in: FrameRange(0, 0x1_0000)) { frames, seat in
      guard let seat else { return true }
      let range = BDFRange(UInt16(frames.start), UInt16(frames.end - 1))
      if let alias = seat.alias {
        if devices.contains(alias) { users.insert(range) }
        for own in valid.intersection(range) {
          users.remove(own)
          for part in devices.intersection(own) { users.insert(part) }
        }
      } else {
        for part in devices.intersection(range) { users.insert(part) }
      }
      return true
    }
    return users
  }

  /// Calls `body` for the functions of segment 0 in `range` with what they share, ascending.
  func forEachSeat(in range: BDFRange, _ body: (BDFRange, Seat?) -> Void) {
    seats.forEachPiece(in: RequestorTable.keys(0, range)) { frames, seat in
      body(BDFRange(UInt16(frames.start), UInt16(frames.end - 1)), seat)
      return true
    }
  }

  /// The pages of `sbdf` that its IOMMU does not translate; nil if there are none (HV-39).
  public func untranslated(of sbdf: SBDF) -> FrameRange? {
    guard let seat = seat(of: sbdf), let exclusion = iommus[seat.iommu].exclusion else { return nil }
    if exclusion.isForAll || sbdf.segment == 0 && exclusion.devices.contains(requestor(of: sbdf).bdf) {
      return exclusion.frames
    }
    return nil
  }
}
