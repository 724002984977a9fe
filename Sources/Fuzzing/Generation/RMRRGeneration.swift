import AddressSpace
import Platform

/// A reserved range before it is decided how the machine tells of it; the end is inclusive.
struct ReservedDraft: Hashable {
  var base: UInt64
  var end: UInt64
  var devices: [SBDF]
}

/// What kind of set of reserved ranges.
enum RMRRStyle {
  /// Like the tables of real machines: graphics below the top of low memory, USB under it, some shared.
  case real
  /// Ranges placed against landmarks and each other, never overlapping.
  case adversarial
  /// Also nested, equal and overlapping ones, which only stated units can be.
  case crowded
}

extension Generator {
  /// Ranges for devices of `machine`. Only `.crowded` ones may overlap.
  func reservedRanges(
    _ style: RMRRStyle, on machine: Machine, in scene: Scene, _ random: inout RandomSource
  ) -> [ReservedDraft] {
    switch style {
    case .real: realRanges(on: machine, &random)
    case .adversarial: adversarialRanges(on: machine, in: scene, &random)
    case .crowded: crowdedRanges(on: machine, in: scene, &random)
    }
  }

  /// Counts and sizes as in 342 real tables: one RMRR in two fifths, two in half, three in a twentieth.
  private func realRanges(on machine: Machine, _ random: inout RandomSource) -> [ReservedDraft] {
    let count = random.pick([(42, 1), (52, 2), (5, 3), (1, 8)])
    let MiB: UInt64 = 1 << 20
    // The top of low memory: graphics stolen memory ends there, USB ranges lie somewhat lower.
    var top = random.pick(
      [
        (4, 0xA000_0000), (4, 0xAF80_0000), (3, 0x9000_0000), (2, 0xDF80_0000), (2, 0x8000_0000),
        (1, 0x5080_0000), (1, 0x8200_0000),
      ] as [(Int, UInt64)])
    var drafts: [ReservedDraft] = []
    let graphics = SBDF(0, 0, 2, 0)
    if machine.function(at: graphics) != nil, count > 1 || random.chance(1, of: 2) {
      let size = random.pick([(3, 72), (3, 40), (3, 34), (2, 68), (1, 136), (1, 1032)] as [(Int, UInt64)]) * MiB
      drafts.append(ReservedDraft(base: top - size, end: top - 1, devices: [graphics]))
      top -= size
    }
    while drafts.count < count {
      if random.chance(1, of: 24) {
        let low = random.pick(
          [(0xE8000, 0xE8FFF), (0xE4000, 0xE8BFF), (0xED000, 0xEDFFF), (0, 0xFFF), (0, 0)]
            as [(UInt64, UInt64)])
        if !drafts.contains(where: { $0.base <= low.1 && low.0 <= $0.end }) {
          drafts.append(ReservedDraft(base: low.0, end: low.1, devices: sharers(on: machine, &random)))
          continue
        }
      }
      let pages = random.pick([(4, 20), (4, 32), (2, 60), (2, 127), (1, 1), (1, 15), (1, 588)] as [(Int, UInt64)])
      top -= (1 + random.below(UInt64(0x1000))) * Page.size
      var base = top - pages * Page.size
      if random.chance(1, of: 16) { base += 0x400 }
      drafts.append(ReservedDraft(base: base, end: top - 1, devices: sharers(on: machine, &random)))
      top = alignDown(base, to: Page.size)
    }
    // Tables are not sorted by address.
    return random.shuffled(drafts)
  }

  private func adversarialRanges(
    on machine: Machine, in scene: Scene, _ random: inout RandomSource
  ) -> [ReservedDraft] {
    let count = 1 + random.below(5)
    var drafts: [ReservedDraft] = []
    for _ in 0..<(3 * count) where drafts.count < count {
      guard let draft = adversarialRange(beside: drafts, on: machine, in: scene, &random) else { continue }
      if !drafts.contains(where: { $0.base <= draft.end && draft.base <= $0.end }) { drafts.append(draft) }
    }
    return drafts
  }

  /// One range at a landmark, or against a range that is there.
  func adversarialRange(
    beside drafts: [ReservedDraft], on machine: Machine, in scene: Scene, _ random: inout RandomSource
  ) -> ReservedDraft? {
    var landmark = (scene.isCalm ? .none : scene.landmarks).draw(&random)
    var placement = random.pick(Landmarks.Placement.allCases)
    if !drafts.isEmpty, random.chance(1, of: 4) {
      // Abutting or one page apart.
      let neighbour = random.pick(drafts)
      let above = random.chance(1, of: 2)
      landmark = above ? neighbour.end &+ 1 : neighbour.base
      placement = random.pick(above ? [.startsAt, .startsOnePageAbove] : [.endsAt, .endsOnePageBelow])
    }
    var size = rangeSize(&random)
    if size > landmark, placement != .startsAt, placement != .startsOnePageAbove { size = Page.size }
    guard let range = Landmarks.range(size, placement, landmark), !range.isEmpty else { return nil }
    var draft = ReservedDraft(base: range.start, end: range.end - 1, devices: sharers(on: machine, &random))
    if random.chance(1, of: 8) {
      // Off the page boundary at one end (HV-16, HV-20).
      let offset = 1 + random.below(Page.size - 1)
      if random.chance(1, of: 2), draft.end - draft.base > offset { draft.base += offset } else { draft.end &+= offset }
    }
    return draft.base <= draft.end ? draft : nil
  }

  /// Bytes from one page to several GiB, rarely a part of a page.
  func rangeSize(_ random: inout RandomSource) -> UInt64 {
    let pages = random.pick(
      [
        (6, 1), (4, 2), (4, 16), (2, 20), (2, 0x100), (2, 0x200), (2, 0x2200), (3, 0x2800), (2, 0x4800), (1, 0x40000),
        (1, 0x40800), (1, 0x100000), (1, 0x200000),
      ] as [(Int, UInt64)])
    return random.chance(1, of: 24) ? 1 + random.below(Page.size) : pages * Page.size
  }

  private func crowdedRanges(on machine: Machine, in scene: Scene, _ random: inout RandomSource) -> [ReservedDraft] {
    var drafts: [ReservedDraft] = []
    let count = 2 + random.below(4)
    for _ in 0..<(3 * count) where drafts.count < count {
      guard !drafts.isEmpty, random.chance(3, of: 4) else {
        if let draft = adversarialRange(beside: drafts, on: machine, in: scene, &random) { drafts.append(draft) }
        continue
      }
      drafts.append(related(to: random.pick(drafts), devices: sharers(on: machine, &random), &random))
    }
    return drafts
  }

  /// A range that meets `draft`: equal, with the same start or end, inside, around, or partly over it.
  func related(to draft: ReservedDraft, devices: [SBDF], _ random: inout RandomSource) -> ReservedDraft {
    var result = ReservedDraft(base: draft.base, end: draft.end, devices: devices)
    let size = draft.end - draft.base
    let half = size / 2
    let more = random.pick([Page.size, 16 * Page.size, 0x200 * Page.size])
    func raised(_ value: UInt64, by step: UInt64) -> UInt64 { value > .max - step - 1 ? value : value + step }
    switch random.below(9) {
    case 0, 7, 8: break
    case 1: result.end = raised(result.end, by: more)
    case 2: result.end -= half
    case 3: result.base -= min(result.base, more)
    case 4: result.base += alignDown(half, to: Page.size)
    case 5:
      result.base -= min(result.base, more)
      result.end = raised(result.end, by: more)
    default:
      result.base += alignDown(half, to: Page.size)
      result.end = raised(result.end, by: more)
    }
    return result
  }

  /// The devices of one range: one in two thirds of cases; USB controllers first, as in real tables.
  func sharers(on machine: Machine, _ random: inout RandomSource) -> [SBDF] {
    let endpoints = machine.assignable
    guard !endpoints.isEmpty else { return [SBDF(0, 0, 0x14, 0)] }
    let controllers = machine.functions.filter { $0.classCode == 0x0C03 }.map(\.sbdf)
    let count = random.pick([(12, 1), (4, 2), (2, 3), (1, 6)])
    var devices: [SBDF] = []
    for _ in 0..<count {
      let device = random.pick(controllers.isEmpty || random.chance(1, of: 3) ? endpoints : controllers)
      // Duplicates count as further devices (HV-86); they are rare in tables.
      if !devices.contains(device) || random.chance(1, of: 12) { devices.append(device) }
    }
    if random.chance(1, of: 24) {
      // Phantom functions match by their own number; absent devices stay in the list (HV-85, HV-15).
      devices.append(SBDF(segment: 0, bdf: devices[0].bdf ^ UInt16(1 + random.below(UInt64(7)))))
    }
    if random.chance(1, of: 96) { devices.insert(SBDF(rawValue: 0), at: random.below(devices.count + 1)) }
    return devices
  }
}
