import Editions
import Platform
import Simulation
import Toolstack
import Tracing

/// A life that metamorphic properties look at, and what several of them need, made once: the booted host, and each guest
/// as created on it before anything else has happened.
public final class ComparedLife {
  let events: [Event]
  let machine: Machine
  let edition: Edition
  /// What guests run, nil for hvmloader's model.
  let firmware: (any GuestFirmware)?
  /// The host, just booted.
  private(set) lazy var host = Host(machine: machine, edition: edition, firmware: firmware)
  /// Guests by the index of the event that creates them.
  private var creations: [Int: Creation] = [:]

  /// The life of `events` on `machine`; guests run `firmware`, or hvmloader's model.
  public init(
    _ events: [Event], on machine: Machine, in edition: Edition, firmware: (any GuestFirmware)? = nil
  ) {
    self.events = events
    self.machine = machine
    self.edition = edition
    self.firmware = firmware
  }

  /// What comes of creating a guest on a fresh host.
  struct Creation {
    /// Its name there.
    static let name = GuestName(1)

    let configuration: GuestConfiguration
    /// False if it was refused.
    let isBuilt: Bool
    /// The host behind that.
    let host: Host
    /// The guest, if there is one.
    let guest: Guest?

    /// Creates a guest of `configuration` on `host`.
    init(_ configuration: GuestConfiguration, on host: Host) {
      self.configuration = configuration
      var host = host
      if case .done = host.apply(.create(Creation.name, configuration)) { isBuilt = true } else { isBuilt = false }
      self.host = host
      guest = isBuilt ? Creation.guest(on: host) : nil
    }

    /// The guest of that name on `host`.
    static func guest(on host: Host) -> Guest? {
      host.guest(named: name).flatMap { host.toolstack.guest($0.domain) }
    }
  }

  /// The guest of `configuration`, which event `index` creates.
  func creation(_ index: Int, of configuration: GuestConfiguration) -> Creation {
    if let creation = creations[index] { return creation }
    let creation = Creation(configuration, on: host)
    creations[index] = creation
    return creation
  }
}
