import AddressSpace
import Editions
import Hypercalls
import Platform
import Testing

@testable import Firmware

@Suite("Memory of earlier runs")
struct ReusedStateTests {
  /// Guests that leave different things behind: crashes at several places, RAM moved, donated pages, high BARs, no BARs.
  private static let guests: [Guest] = {
    var guests: [Guest] = []
    let functions = [
      [], [function(2, .init(0, .m32, size: 0x1000))],
      [
        function(5, class: 0x0300, pin: 1, .init(0, .m64p, size: 1 << 28), .init(2, .io, size: 64)),
        function(3, host: true, .init(0, .m32, size: 0x100), .init(6, .rom, size: 0x1_0000)),
        function(4, fn: 1, .init(4, .m64, size: 1 << 31), .init(1, .m32p, size: 1 << 24)),
      ],
      [function(1, vendor: 0x8086, id: 0x1234)],
    ]
    for edition in Edition.Name.allCases {
      for (low, high) in [(0xF0000, 0), (0x40000, 0), (0xE0000, 0x10_4000), (0x100, 0)] as [(UInt32, UInt32)] {
        for list in functions {
          for ranges in [[], [rdm(0xE000_0000, 0x80_0000), rdm(0xE010_0000, 0x1000)], [rdm(0xFC20_0000, 0x1000)]] {
            var guest = Guest(low: low, high: high, ranges: ranges)
            guest.functions = list
            guest.edition = Edition(edition)
            guest.populateLimit = list.count == 3 ? 4 : .max
            guest.bios = ["seabios", "ovmf", "rombios", "none"][guests.count % 4]
            guests.append(guest)
          }
        }
      }
    }
    return guests
  }()

  private func run(_ guest: Guest, log: Bool, in state: inout LoaderState) {
    var port = GuestPort(guest: guest)
    var buffer = HypercallBuffer()
    var loader = HVMLoader(edition: guest.edition)
    loader.keepsLog = log
    loader.run(guest.input, as: DomainID(3), on: &port, &buffer, in: &state)
  }

  @Test("a run says the same whatever ran before it")
  func same() {
    var state = LoaderState()
    var stops: Set<Bool> = []
    // In steps that are prime to the number of guests: each follows another in each round.
    for step in [1, 5, 7] {
      for index in Self.guests.indices {
        let guest = Self.guests[index * step % Self.guests.count]
        run(guest, log: true, in: &state)
        let fresh = guest.run()
        #expect(state.report == fresh)
        stops.insert(fresh.stop == .handedOver)
      }
    }
    #expect(stops.count == 2)
  }

  @Test("without a log everything else is as with it")
  func quiet() {
    var state = LoaderState()
    for guest in Self.guests {
      run(guest, log: false, in: &state)
      #expect(state.report.records.isEmpty)
      var fresh = guest.run()
      #expect(!fresh.records.isEmpty)
      fresh.records = []
      #expect(state.report == fresh)
    }
  }

  @Test("the layout alone places BARs and moves RAM as a whole run does")
  func layout() {
    var state = LoaderState()
    var placed = 0
    for guest in Self.guests {
      let whole = guest.run()
      guard whole.stop == .handedOver, guest.edition.name != .xen4_5 else { continue }
      var port = GuestPort(guest: guest)
      var buffer = HypercallBuffer()
      HVMLoader(edition: guest.edition).layOut(guest.input, as: DomainID(3), on: &port, &buffer, in: &state)
      #expect(state.report.bars == whole.bars)
      #expect(state.report.moves == whole.moves)
      #expect(state.report.lowWindow == whole.lowWindow && state.report.highWindow == whole.highWindow)
      #expect(!state.report.e820.isEmpty)
      placed += whole.bars.count
    }
    #expect(placed > 0)
  }
}
