import Editions
import Platform
import Toolstack
import Tracing

/// An event of a trace as something to type.
public struct ExportedEvent: Hashable, Sendable {
  /// How it is expressed.
  public enum Form: Hashable, Sendable {
    /// Commands in dom0's shell.
    case commands([String])
    /// Commands that show what the event asks for; the reader compares.
    case look([String])
    /// The command before does it already.
    case included(String)
    /// Not at all, and why.
    case lost(Loss)
  }

  /// Number of the event, 1 for the first.
  public var number: Int
  /// The event as a trace writes it, in one line.
  public var text: String
  /// What comes of it in the trace's edition.
  public var expected: String
  /// How it is expressed.
  public var form: Form
  /// What of it the commands do not say.
  public var losses: [Loss] = []
  /// The file of the guest it creates, nil if it creates none.
  public var file: String?
}

/// Puts the events of a trace into words of `xl`, one after the other.
struct EventExport {
  private let edition: Edition
  /// What xl calls the guests that have been created, by their names in the trace.
  private var names: [GuestName: String] = [:]
  /// Guests that live, as the edition's model has it.
  private var living: Set<GuestName> = []
  /// Guests that are there without xl: nothing that xl is told of them has an effect.
  private var strangers: Set<GuestName> = []
  /// The files of each guest by what is in them.
  private var known: [GuestName: [[UInt8]: String]] = [:]
  /// Guests that xl has started again by itself.
  private var restarted: Set<GuestName> = []
  /// Functions that were pulled out.
  private var unplugged: [PCIFunction] = []
  private var functions: [PCIFunction]
  private var number = 0
  /// Files of guests, by name.
  private(set) var files: [(name: String, text: [UInt8])] = []

  init(_ machine: Machine, _ edition: Edition) {
    self.edition = edition
    functions = machine.functions
  }

  /// The next event, of which `expected` came; `alive` says whether a guest lives afterwards.
  mutating func export(_ event: Event, expected: String, alive: (GuestName) -> Bool) -> ExportedEvent {
    number += 1
    var (form, losses, file) = (ExportedEvent.Form.commands([]), [Loss](), String?.none)
    switch event {
    case .create(let guest, let configuration):
      let written = ConfigurationWriter(configuration, name: "\(guest)", edition)
      losses = written.losses
      (form, file) = created(guest, called: "\(guest)", Array(written.text.utf8), &losses)
    case .config(let guest, let text):
      let name = GuestText.read(text, edition: edition).guest?.name ?? "\(guest)"
      (form, file) = created(guest, called: name, text, &losses)
    case .hypercall:
      (form, losses) = self.form(of: event)
      if let guest = event.subject, !living.contains(guest) { strangers.insert(guest) }
    default:
      (form, losses) = self.form(of: event)
      if let guest = event.guest, strangers.contains(guest) {
        (form, losses) = (.lost(Loss("event", "xl has not created \(guest)")), [])
      }
    }
    if let guest = event.subject {
      if alive(guest) { living.insert(guest) } else { living.remove(guest) }
    }
    return ExportedEvent(
      number: number, text: TraceStep(event).text, expected: expected, form: form, losses: losses, file: file)
  }

  private func name(of guest: GuestName) -> String { names[guest] ?? "\(guest)" }

  private mutating func created(
    _ guest: GuestName, called name: String, _ text: [UInt8], _ losses: inout [Loss]
  ) -> (ExportedEvent.Form, String?) {
    if living.contains(guest) {
      return (.lost(Loss("event", "a guest of this name lives: xl would refuse it before anything happens")), nil)
    }
    if let other = living.sorted().first(where: { !strangers.contains($0) && self.name(of: $0) == name }) {
      strangers.insert(guest)
      return (.lost(Loss("event", "\(other) is called \(name), too, and xl takes a name once")), nil)
    }
    names[guest] = name
    strangers.remove(guest)
    restarted.remove(guest)
    let count = known[guest]?.count ?? 0
    let file = known[guest]?[text] ?? (count == 0 ? "\(guest).cfg" : "\(guest)-\(count + 1).cfg")
    if known[guest]?[text] == nil {
      known[guest, default: [:]][text] = file
      files.append((file, text))
    }
    return (.commands(["xl create -p \(file)"]), file)
  }

  private mutating func form(of event: Event) -> (ExportedEvent.Form, [Loss]) {
    switch event {
    case .create, .config: return (.commands([]), [])
    case .boot(let guest):
      if restarted.remove(guest) != nil { return (.included("xl reboot has started the guest already"), []) }
      return (.commands(["xl unpause \(shell(name(of: guest)))"]), [])
    case .attach(let guest, let device):
      let text = DeviceSpecification(device, edition).text
      return (
        .commands(["xl pci-attach \(shell(name(of: guest))) \(shell(text))"]),
        DeviceSpecification.losses(of: device, edition)
      )
    case .detach(let guest, let sbdf, let force):
      return (.commands(["xl pci-detach \(force ? "-f " : "")\(shell(name(of: guest))) \(sbdf)"]), [])
    case .assignableAdd(let sbdf): return (.commands(["xl pci-assignable-add \(sbdf)"]), [])
    case .assignableRemove(let sbdf): return (.commands(["xl pci-assignable-remove \(sbdf)"]), [])
    case .balloon(let guest, let kib):
      let size = kib & 1023 == 0 ? "\(kib >> 10)m" : "\(kib)k"
      return (.commands(["xl mem-set \(shell(name(of: guest))) \(size)"]), [])
    case .reboot(let guest):
      restarted.insert(guest)
      return (.commands(["xl reboot -F \(shell(name(of: guest)))"]), [])
    case .destroy(let guest): return (.commands(["xl destroy \(shell(name(of: guest)))"]), [])
    case .plug(let function):
      let back = unplugged.contains(function)
      functions.append(function)
      let reason =
        "somebody has to put such a function into the host; dom0 finds it by 'echo 1 > /sys/bus/pci/rescan'"
      return (back ? .commands(["echo 1 > /sys/bus/pci/rescan"]) : .lost(Loss("event", reason)), [])
    case .unplug(let sbdf):
      unplugged += functions.filter { $0.sbdf == sbdf }
      functions.removeAll { $0.sbdf == sbdf }
      return (.commands(["echo 1 > /sys/bus/pci/devices/\(sbdf)/remove"]), [])
    case .hypercall:
      return (
        .lost(Loss("event", "no command of xl makes this hypercall by itself: it takes a program of its own")), []
      )
    case .access: return (.lost(Loss("event", "the guest's own code has to touch the address")), [])
    case .dma: return (.lost(Loss("event", "the device has to be made to touch the address, by its driver")), [])
    case .fault: return (.lost(Loss("event", "nothing makes Xen fail on demand")), [])
    case .query(let query): return (look(for: query), [])
    }
  }

  private func look(for query: Query) -> ExportedEvent.Form {
    switch query {
    case .units: .look(["xl dmesg | grep -i 'RMRR\\|unity'"])
    case .iommu: .look(["xl dmesg | grep -i 'VT-d\\|AMD-Vi\\|I/O virt'"])
    case .warnings: .look(["xl dmesg"])
    case .layout, .memoryMap, .e820, .bars, .firmware:
      // hvmloader's log comes with guest_loglvl=all.
      .look(["xl dmesg | grep '(d[0-9]'"])
    case .iommuTable: .look(["xl debug-keys o; xl dmesg"])
    case .owner: .look(["xl debug-keys Q; xl dmesg"])
    case .domain(let guest): .look(["xl list \(shell(name(of: guest)))"])
    case .rdms: .lost(Loss("event", "xl shows no list of its ranges; it speaks of conflicts with -vvv"))
    case .p2m: .lost(Loss("event", "no command shows what a guest frame holds"))
    }
  }

  /// A word as a shell takes it.
  private func shell(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.utf8.allSatisfy { byte in
        byte < 0x80
          && (Character(Unicode.Scalar(byte)).isLetter || Character(Unicode.Scalar(byte)).isNumber
            || ".,:=@_-+/".utf8.contains(byte))
      }
    return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}

extension Event {
  /// The guest it is about, nil if it is about none.
  fileprivate var guest: GuestName? {
    guard case .query(let query) = self else { return subject }
    switch query {
    case .layout(let guest), .rdms(let guest), .memoryMap(let guest), .e820(let guest), .bars(let guest),
      .firmware(let guest), .p2m(let guest, _), .iommuTable(let guest, _), .domain(let guest):
      return guest
    case .units, .iommu, .warnings, .owner: return nil
    }
  }

  /// The guest that it may begin or end.
  fileprivate var subject: GuestName? {
    switch self {
    case .create(let guest, _), .config(let guest, _), .boot(let guest), .attach(let guest, _),
      .detach(let guest, _, _),
      .balloon(let guest, _), .reboot(let guest), .destroy(let guest), .access(let guest, _, _):
      guest
    case .hypercall(let event): event.created
    case .assignableAdd, .assignableRemove, .plug, .unplug, .dma, .fault, .query: nil
    }
  }
}
