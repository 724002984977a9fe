import AddressSpace
import Editions
import Firmware
import Platform
import Simulation
import Toolstack
import Tracing

/// A guest that was built, and booted perhaps.
struct BuiltGuest {
  let name: GuestName
  let number: Int
  let configuration: GuestConfiguration
  let layout: GuestLayout
  var report: FirmwareReport?
  var passed: [UInt8: SBDF] = [:]

  /// Keeps what `event`, the `number`-th, built or booted.
  static func note(_ event: Event, number: Int, on host: Host, in guests: inout [BuiltGuest]) {
    switch event {
    case .create(let name, _), .config(let name, _):
      guard let guest = host.guest(named: name).flatMap({ host.toolstack.guest($0.domain) }) else { return }
      guests.append(
        BuiltGuest(name: name, number: number, configuration: guest.configuration, layout: guest.layout))
    case .boot(let name):
      guard let index = guests.lastIndex(where: { $0.name == name }), let life = host.guest(named: name),
        let report = life.firmware, report.isHandedOver
      else { return }
      guests[index].report = report
      for device in host.toolstack.guest(life.domain)?.devices ?? [] {
        guests[index].passed[device.devfn] = device.sbdf
      }
    default: break
    }
  }
}

/// Two guests built from almost the same: what was asked otherwise, and what came of it.
public struct GuestComparison: Sendable {
  /// A guest and the event that created it.
  public struct Subject: Sendable {
    /// Its name.
    public let name: GuestName
    /// The number of the event.
    public let number: Int
  }

  /// One thing that became different.
  public enum Difference: Hashable, Sendable {
    /// The end of RAM below 4G.
    case lowMemoryEnd(UInt64, instead: UInt64)
    /// The end of RAM above 4G, 0 for none.
    case highMemoryEnd(UInt64, instead: UInt64)
    /// Where the window for BARs below 4G starts.
    case window(UInt64, instead: UInt64)
    /// A BAR of a host's function, of this many bytes, lies on the other side of 4G, or nowhere: 0.
    case bar(SBDF, index: UInt8, size: UInt64, UInt64, instead: UInt64)
    /// hvmloader moved so many bytes of RAM above 4G, or that many instead.
    case moved(UInt64, instead: UInt64)
  }

  /// The later one.
  public let guest: Subject
  /// The one before it.
  public let other: Subject
  /// Words of its configuration that the other has not.
  public let added: [String]
  /// Words of the other's that it has not.
  public let removed: [String]
  /// What became different; perhaps nothing.
  public let differences: [Difference]

  /// Most words that may differ in what was asked: beyond, the two are different stories.
  private static let wordLimit = 2
  private static let limit = 4
  private static let barLimit = 4

  static func all(of guests: [BuiltGuest]) -> [GuestComparison] {
    var found: [GuestComparison] = []
    for (other, guest) in zip(guests, guests.dropFirst()) where found.count < limit {
      let (new, old) = (words(of: guest.configuration), words(of: other.configuration))
      let added = new.filter { !old.contains($0) }
      let removed = old.filter { !new.contains($0) }
      guard added.count <= wordLimit, removed.count <= wordLimit, !added.isEmpty || !removed.isEmpty else { continue }
      found.append(
        GuestComparison(
          guest: Subject(name: guest.name, number: guest.number),
          other: Subject(name: other.name, number: other.number),
          added: added, removed: removed, differences: differences(guest, other)))
    }
    return found
  }

  /// What a trace would say of a configuration.
  private static func words(of configuration: GuestConfiguration) -> [String] {
    let text = TraceStep(.create(GuestName(1), configuration)).text
    return text.split(separator: " ").dropFirst(2).map(String.init)
  }

  private static func differences(_ guest: BuiltGuest, _ other: BuiltGuest) -> [Difference] {
    var found: [Difference] = []
    let (new, old) = (guest.layout, other.layout)
    if new.lowMemoryEnd != old.lowMemoryEnd {
      found.append(.lowMemoryEnd(new.lowMemoryEnd, instead: old.lowMemoryEnd))
    }
    if new.highMemoryEnd != old.highMemoryEnd {
      found.append(.highMemoryEnd(new.highMemoryEnd, instead: old.highMemoryEnd))
    }
    guard let report = guest.report, let before = other.report else { return found }
    if let start = report.lowWindow?.start, let instead = before.lowWindow?.start, start != instead {
      found.append(.window(start, instead: instead))
    }
    let moved = [report, before].map { $0.moves.reduce(UInt64(0)) { $0 + Page.address(of: $1.from.count) } }
    if moved[0] != moved[1] { found.append(.moved(moved[0], instead: moved[1])) }
    let places = Dictionary(
      before.bars.compactMap { bar in other.passed[bar.devfn].map { (Register($0, bar.bar.index), bar.address) } },
      uniquingKeysWith: { first, _ in first })
    var count = 0
    for bar in report.bars where count < barLimit && bar.bar.kind.isMemory {
      guard let sbdf = guest.passed[bar.devfn], let instead = places[Register(sbdf, bar.bar.index)],
        GuestComparison.side(of: instead) != GuestComparison.side(of: bar.address)
      else { continue }
      count += 1
      found.append(.bar(sbdf, index: bar.bar.index, size: bar.bar.size, bar.address, instead: instead))
    }
    return found
  }

  /// Where a BAR lies as far as it matters: nowhere, below 4G or above.
  private static func side(of address: UInt64) -> Int { address == 0 ? 0 : address < GuestMap.xen.fourGiB ? 1 : 2 }

  private struct Register: Hashable {
    let sbdf: SBDF
    let index: UInt8

    init(_ sbdf: SBDF, _ index: UInt8) {
      self.sbdf = sbdf
      self.index = index
    }
  }
}
