import Editions
import Firmware
import Platform
import Simulation
import Tracing

/// The model of hvmloader and a real binary on one life: two hosts of one edition that differ in nothing else.
public struct LoaderComparison: Sendable {
  /// A thing that is not the same after an event.
  public struct Difference: Hashable, Sendable, CustomStringConvertible {
    /// What: `outcome`, `bar 2 of 4.0`, `e820[3]`, `log[17]`, …
    public var field: String
    /// What the model has.
    public var modelled: String
    /// What the binary has.
    public var real: String

    /// One line.
    public var description: String { "\(field): the model has \(modelled), the binary \(real)" }
  }

  /// Guests that were booted on both hosts.
  public private(set) var boots = 0
  /// The number of the first event, from 1, after which something differs.
  public private(set) var event: Int?
  /// The number of the event, from 1, at which the binary turned out to be built without the guest's BIOS (LD-86), as
  /// Debian's is without ROMBIOS: a choice of the build, and nothing is compared from there on.
  public private(set) var unbuilt: Int?
  /// What differs after it; empty if nothing ever does.
  public private(set) var differences: [Difference] = []

  /// Plays `events` on two hosts of `edition`, up to the first difference.
  public init(
    playing events: [Event], on machine: Machine, in edition: Edition, against binary: any GuestFirmware
  ) {
    var left = Host(machine: machine, edition: edition)
    var right = Host(machine: machine, edition: edition, firmware: binary)
    for (index, event) in events.enumerated() {
      let outcomes = (left.apply(event), right.apply(event))
      if case .boot(let name) = event, let modelled = left.guest(named: name)?.firmware,
        let real = right.guest(named: name)?.firmware
      {
        if case .crashed(rule: .ld(86), _) = real.stop, modelled.isHandedOver {
          unbuilt = index + 1
          return
        }
        boots += 1
        differences = LoaderComparison.differences(modelled, real)
      }
      if differences.isEmpty, outcomes.0 != outcomes.1 {
        differences = [
          Difference(
            field: "outcome", modelled: left.observation(of: event, outcomes.0).text,
            real: right.observation(of: event, outcomes.1).text)
        ]
      }
      if differences.isEmpty {
        for life in left.guests {
          let memory = (
            left.hypervisor.domain(life.domain)?.p2m,
            right.guest(named: life.name).flatMap { right.hypervisor.domain($0.domain)?.p2m }
          )
          if memory.0 != memory.1 {
            differences.append(
              Difference(field: "\(life.name)'s p2m", modelled: "another one", real: "another one"))
          }
        }
      }
      if !differences.isEmpty {
        self.event = index + 1
        return
      }
    }
  }

  /// Beginnings of lines that tell of a build or a processor, not of what the loader does.
  private static let buildLines = ["Detected Xen v", "CPU speed is ", "*** HVMLoader bug at "]

  /// Everything in which two reports of one guest's start differ.
  static func differences(_ modelled: FirmwareReport, _ real: FirmwareReport) -> [Difference] {
    var found: [Difference] = []
    func compare<Value: Equatable>(_ field: String, _ one: Value, _ other: Value) {
      if one != other { found.append(Difference(field: field, modelled: "\(one)", real: "\(other)")) }
    }
    func compareOptional<Value: Equatable>(_ field: String, _ one: Value?, _ other: Value?) {
      compare(field, one.map { "\($0)" } ?? "none", other.map { "\($0)" } ?? "none")
    }
    func compareLists<Value: Equatable>(_ field: String, _ one: [Value], _ other: [Value]) {
      for index in 0..<max(one.count, other.count) {
        let pair = (index < one.count ? one[index] : nil, index < other.count ? other[index] : nil)
        if pair.0 != pair.1 {
          found.append(
            Difference(
              field: "\(field)[\(index)]", modelled: pair.0.map { "\($0)" } ?? "nothing",
              real: pair.1.map { "\($0)" } ?? "nothing"))
        }
      }
    }
    compare("end", modelled.stop.summary, real.stop.summary)
    compareLists("RAM moved", modelled.moves.map(\.summary), real.moves.map(\.summary))
    compareLists("populated", modelled.memory.populated, real.memory.populated)
    compareLists("donated", modelled.memory.donated, real.memory.donated)
    // A loader that stops leaves registers half written, which nobody sees.
    if modelled.isHandedOver, real.isHandedOver {
      compareLists("bar", modelled.bars.map(\.summary), real.bars.map(\.summary))
      compareLists("command", modelled.commands.map(\.summary), real.commands.map(\.summary))
      compareLists("e820", modelled.e820, real.e820)
      compareLists("memory map", modelled.memoryMap, real.memoryMap)
      compareOptional("low window", modelled.lowWindow, real.lowWindow)
      // Without ACPI only MTRRs tell of it, as far as there are any.
      if modelled.acpiInfo != nil || real.mtrrs.map({ $0.ranges.count < Int($0.available) }) ?? false {
        compareOptional("high window", modelled.highWindow, real.highWindow)
      }
      compareOptional("OpRegion", modelled.opRegion, real.opRegion)
      compareOptional("MTRRs", modelled.mtrrs?.ranges, real.mtrrs?.ranges)
      compareOptional("hvm_info", modelled.hvmInfo, real.hvmInfo)
      compareOptional("ACPI", modelled.acpiInfo, real.acpiInfo)
      compare("vm86 TSS", modelled.memory.tss, real.memory.tss)
    }
    let logs = [modelled, real].map { report in
      report.logText.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        buildLines.first { line.hasPrefix($0) } ?? String(line)
      }
    }
    compareLists("log", logs[0], logs[1])
    return found
  }
}

extension FirmwareStop {
  fileprivate var summary: String {
    switch self {
    case .handedOver: "handed over"
    case .crashed(let rule, _): "stopped by \(rule)"
    case .failed(let failure): failure.detail
    }
  }
}

extension PlacedBAR {
  fileprivate var summary: String {
    "\(bar.index) of \(devfn >> 3).\(devfn & 7) 0x\(String(bar.size, radix: 16)) at 0x\(String(address, radix: 16))"
      + (decodes ? " decoding" : "")
  }
}

extension CommandWord {
  fileprivate var summary: String { "\(devfn >> 3).\(devfn & 7) 0x\(String(value, radix: 16))" }
}

extension RAMMove {
  fileprivate var summary: String { "\(from) to \(to)" }
}
