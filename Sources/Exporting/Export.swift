import Editions
import Platform
import Simulation
import Toolstack
import Tracing

/// A trace as what one types on a real Xen to see it, and a list of what nobody can type.
///
/// Options and files go only by rules that are known: what is written is read again by the edition's own models of xl and
/// of Xen's boot, and what comes back otherwise is listed.
public struct Export: Sendable {
  /// A file of the export.
  public struct File: Hashable, Sendable {
    /// Its name, without a folder.
    public var name: String
    /// What is in it.
    public var bytes: [UInt8]
  }

  /// The trace's edition: the release to type it on.
  public let edition: Edition
  /// The events, in order.
  public private(set) var events: [ExportedEvent] = []
  /// Options for Xen's command line.
  public let options: [String]
  /// Options for the command line of dom0's kernel.
  public let dom0Options: [String]
  /// What of the host cannot be typed.
  public let hostLosses: [Loss]
  /// Hints about the options.
  public let remarks: [String]
  /// Facts that the host must have by itself, one a line.
  public let demands: [String]
  private var guests: [File] = []

  /// Exports `trace`, which is run for it in its own edition. `stop` is asked now and then; then the export is cut short.
  public init(_ trace: Trace, stop: () -> Bool = { false }) {
    let machine = trace.header.machine
    edition = trace.header.edition
    let boot = BootOptions(machine, edition)
    options = boot.options
    hostLosses = boot.losses
    remarks = boot.remarks
    demands = Export.demands(of: machine, edition)
    dom0Options = Export.hidden(trace)
    var host = Host(machine: machine, edition: edition)
    var writer = EventExport(machine, edition)
    for (index, step) in trace.steps.enumerated() {
      if index & 0xFF == 0xFF, stop() { break }
      let outcome = host.apply(step.event)
      events.append(
        writer.export(step.event, expected: host.observation(of: step.event, outcome).text) { name in
          host.guest(named: name) != nil
        })
    }
    guests = writer.files.map { File(name: $0.name, bytes: $0.text) }
  }

  /// Functions that the trace's guests get: the trace has them ready for that from the start.
  private static func hidden(_ trace: Trace) -> [String] {
    var used: Set<SBDF> = []
    for step in trace.steps {
      switch step.event {
      case .create(_, let guest):
        for device in guest.devices {
          used.formUnion(trace.header.machine.functions.map(\.sbdf).filter { device.covers($0) })
        }
      case .config(_, let text):
        let guest = try? GuestText.read(text, edition: trace.header.edition).guest?.configuration()
        for device in guest?.devices ?? [] { used.insert(device.sbdf) }
      case .attach(_, let device):
        used.formUnion(trace.header.machine.functions.map(\.sbdf).filter { device.covers($0) })
      default: break
      }
    }
    let there = used.filter { trace.header.machine.function(at: $0)?.kind.isEndpoint == true }.sorted()
    return there.isEmpty ? [] : ["xen-pciback.hide=" + there.map { "(\($0))" }.joined()]
  }

  /// What no option gives a host.
  private static func demands(of machine: Machine, _ edition: Edition) -> [String] {
    var lines: [String] = []
    lines.append(
      edition.isRelease
        ? "Xen as in the edition \(edition)" : "\(edition) is no release: take the nearest, and expect its own bugs")
    switch machine.iommu {
    case .vtd: lines.append("an IOMMU of Intel's (VT-d)")
    case .amdVi: lines.append("an IOMMU of AMD's (AMD-Vi)")
    case .none: break
    }
    lines.append(machine.pageTables == .ept ? "a CPU with EPT (Intel)" : "a CPU with nested paging (AMD)")
    lines.append("\(machine.memory >> 20) MiB for guests, physical addresses of \(machine.physicalAddressBits) bits")
    for function in machine.functions {
      lines.append("the function " + TraceStep(.plug(function)).text.dropFirst("plug ".utf8.count))
    }
    return lines
  }

  // MARK: Files

  /// The files: Xen's options, each guest's configuration, the steps, and what is missing.
  public var files: [File] {
    func file(_ name: String, _ lines: [String]) -> File {
      File(name: name, bytes: Array((lines.joined(separator: "\n") + "\n").utf8))
    }
    return [file("boot-options.txt", optionLines)] + guests
      + [file("steps.sh", stepLines), file("missing.txt", missingLines)]
  }

  private var optionLines: [String] {
    var lines = [
      "# Add to Xen's command line. Where the machine's own firmware tells of a range, leave its rmrr= or ivmd= out.",
      options.joined(separator: " "),
    ]
    if !dom0Options.isEmpty {
      lines += [
        "# Add to the command line of dom0's kernel: the trace's devices are free for guests from the start.",
        dom0Options.joined(separator: " "),
      ]
    }
    if options.contains(where: {
      $0.hasPrefix("rmrr=") && $0.contains(";") || $0.hasPrefix("ivmd=") && $0.contains(";")
    }) {
      lines.append("# In GRUB a ; needs a backslash or quotes.")
    }
    lines += remarks.map { "# \($0)" }
    return lines + ["# The host must have:"] + demands.map { "#   \($0)" }
  }

  private var stepLines: [String] {
    var lines = [
      "#!/bin/sh",
      "# In dom0, in the folder of the guests' files. What the trace's edition does stands behind 'expect'.",
    ]
    for event in events {
      lines.append("")
      lines.append("# \(event.number): \(event.text)")
      lines.append("#    expect: \(event.expected)")
      lines += event.losses.map { "#    not said: \($0.text)" }
      switch event.form {
      case .commands(let commands): lines += commands
      case .look(let commands): lines += commands
      case .included(let why): lines.append("#    nothing to type: \(why)")
      case .lost(let loss): lines.append("#    cannot be typed: \(loss.reason)")
      }
    }
    return lines
  }

  /// Everything of the trace that cannot be typed, a line each.
  public var missingLines: [String] {
    var lines = hostLosses.map { "host: \($0.text)" }
    for event in events {
      lines += event.losses.map { "event \(event.number), \(event.file ?? "command"): \($0.text)" }
      if case .lost(let loss) = event.form {
        lines.append("event \(event.number), \(event.text): \(loss.reason)" + (loss.rule.map { " (\($0))" } ?? ""))
      }
    }
    return lines.isEmpty ? ["nothing: every event can be typed"] : lines
  }

  /// The guests' files.
  public var guestFiles: [File] { guests }
}

extension AssignedDevice {
  fileprivate func covers(_ function: SBDF) -> Bool {
    allFunctions ? function.rawValue & ~7 == sbdf.rawValue & ~7 : function == sbdf
  }
}

extension Edition {
  /// True for what was released, or is the development branch, with its own quirks.
  fileprivate var isRelease: Bool {
    switch name {
    case .repaired, .rfc2014, .rfc2015: false
    default: self == Edition(name)
    }
  }
}
