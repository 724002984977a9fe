import AddressSpace
import Editions
import Importing
import Platform
import Testing
import Toolstack
import Tracing

@Suite("The 230 real tables")
struct RealTableTests {
  /// A table with its machine's trace.
  private struct Imported {
    let name: String
    let table: [UInt8]
    let trace: Trace
  }

  private func imported() throws -> [Imported] {
    let tables = TableImport(catalogue: try CorpusTables.catalogue.get())
    let sources = try CorpusTables.sources.get()
    return try CorpusTables.tables.get().map {
      Imported(
        name: $0.name, table: $0.bytes, trace: try tables.trace(of: $0.bytes, named: $0.name, source: sources[$0.name]))
    }
  }

  @Test("each table gives a trace that reads back byte for byte, the same every time, with a name of its own")
  func roundTrip() throws {
    let all = try imported()
    #expect(all.count == 230)
    let again = try imported()
    var names: Set<String> = []
    for (one, other) in zip(all, again) {
      let bytes = one.trace.bytes
      #expect(bytes == other.trace.bytes, "\(one.name)")
      let back = try Trace(bytes: bytes, name: one.name)
      #expect(back == one.trace && back.bytes == bytes, "\(one.name)")
      names.insert(one.trace.fingerprint.description)
    }
    #expect(names.count == 230)
  }

  @Test("HV-15, HV-17: memory, buses, devices and BARs of each machine are as a real one's")
  func machines() throws {
    for one in try imported() {
      let problem = MachineCheck(one.trace).problem(of: one.table, isReal: true)
      #expect(problem == nil, "\(one.name)")
    }
  }

  @Test("each table decodes in full, and the trace has all of its structures as they are")
  func structures() throws {
    for one in try imported() {
      let table = try DMARTable(decoding: one.table)
      #expect(one.trace.header.machine.dmar == .structures(table.structures), "\(one.name)")
      #expect(one.trace.header.machine.physicalAddressBits == table.width + 1, "\(one.name)")
    }
  }

  @Test("each device with a reserved range lives strict, then relaxed; the first is also plugged in")
  func lives() throws {
    var lives = 0
    for one in try imported() {
      let check = MachineCheck(one.trace)
      var devices: [SBDF] = []
      for range in MachineCheck.reservedRanges(of: one.table) {
        for scope in range.scopes {
          let place = try #require(check.target(of: scope, in: range.segment))
          if !devices.contains(place) { devices.append(place) }
        }
      }
      var created: [AssignedDevice] = []
      var attached: [AssignedDevice] = []
      var open = false
      for step in one.trace.steps {
        #expect(step.observation == Observation(["?"]))
        switch step.event {
        case .create(_, let configuration):
          #expect(!open, "\(one.name)")
          open = true
          created += configuration.devices
          #expect(configuration.targetMemoryKiB << 10 <= check.machine.memory, "\(one.name)")
        case .attach(_, let device): attached.append(device)
        case .destroy: open = false
        default: break
        }
      }
      #expect(!open)
      if devices.isEmpty {
        // The one table without a range: an ordinary card takes its place.
        devices = [try #require(created.first?.sbdf)]
        #expect(MachineCheck.reservedRanges(of: one.table).isEmpty, "\(one.name)")
      }
      let expected = devices.flatMap {
        [AssignedDevice($0, policy: .strict), AssignedDevice($0, policy: .relaxed)]
      }
      #expect(created == expected, "\(one.name)")
      #expect(attached == [AssignedDevice(devices[0], policy: .strict)], "\(one.name)")
      lives += created.count
    }
    #expect(lives > 800, "2 lives of each of 400 ranges' devices")
  }

  @Test("the title names the machine and where its table was published")
  func titles() throws {
    for one in try imported() {
      let comments = one.trace.header.comments
      #expect(comments.count == 3)
      #expect(comments[0].hasPrefix("title: ") && comments[1].hasPrefix("source: "), "\(one.name)")
      #expect(one.trace.header.assumed == TableImport.assumed)
    }
    let tables = TableImport(catalogue: try CorpusTables.catalogue.get())
    let (name, bytes) = try #require(try CorpusTables.tables.get().first)
    #expect(
      try tables.trace(of: bytes, named: name).header.comments[0]
        == "title: All-In-One Acidanthera iMac17-1 1414BF")
  }

  @Test("classes follow the customary places of Intel's chipsets, and their devices are Intel's")
  func places() throws {
    for one in try imported() {
      for function in one.trace.header.machine.functions where function.sbdf.bus == 0 && function.buses == nil {
        let expected: UInt16? =
          switch (function.sbdf.device, function.sbdf.function) {
          case (0x02, 0): 0x0300
          case (0x14, _), (0x1A, _), (0x1D, _): 0x0C03
          case (0x16, _): 0x0780
          default: nil
          }
        guard let expected else { continue }
        #expect(function.classCode == expected && function.vendor == 0x8086, "\(one.name) \(function.sbdf)")
        #expect(function.kind == .pci || expected == 0x0300, "\(one.name) \(function.sbdf)")
      }
    }
  }

  @Test("what was chosen differs from machine to machine")
  func variety() throws {
    let machines = try imported().map(\.trace.header.machine)
    #expect(Set(machines.map(\.memory)).count >= 5)
    #expect(Set(machines.map(\.sharesPageTables)).count == 2)
    #expect(Set(machines.map { $0.e820.map(\.start) }).count > 220)
    let cards = machines.map { machine in machine.functions.filter { $0.kind == .pcie && $0.sbdf.bus != 0 }.count }
    #expect(cards.allSatisfy { $0 >= 1 } && cards.contains(1) && cards.contains(2))
    let graphics = machines.compactMap { $0.function(at: SBDF(0, 0, 2, 0)) }.filter { $0.buses == nil }
    #expect(Set(graphics.map(\.kind)) == [.pci, .pcie])
    #expect(Set(graphics.map(\.device)).count > 10)
  }
}
