import AddressSpace
import Editions
import Platform
import Toolstack
import Tracing

/// What a machine's trace does: asks for the units, then lets a guest live with each device that has a reserved range.
///
/// Nothing is observed yet: each event has the observation `?`.
struct GuestLives {
  /// Most devices that are tried.
  static let deviceLimit = 16

  private static let guest = GuestName(1)
  private(set) var steps: [TraceStep] = []
  /// Devices that are not tried because there are too many.
  let left: Int

  init(_ functions: AssumedFunctions, _ memory: AssumedMemory, _ draws: TableDraws) {
    left = max(0, functions.reservedDevices.count - GuestLives.deviceLimit)
    ask(.query(.iommu))
    ask(.query(.units(nil)))
    var lives: [(device: SBDF, memoryMiB: UInt64)] = []
    for device in functions.reservedDevices.prefix(GuestLives.deviceLimit) {
      lives.append((device.sbdf, GuestLives.memoryMiB(device, memory, draws)))
    }
    // A machine without such a device still shows what an ordinary one meets.
    if lives.isEmpty, let card = functions.cards.first { lives.append((card, 4096)) }
    for life in lives {
      for policy in [RDMPolicy.strict, .relaxed] { cold(life.device, policy, life.memoryMiB) }
    }
    if let life = lives.first { hot(life.device, life.memoryMiB, draws) }
  }

  private mutating func ask(_ event: Event, comments: [String] = []) {
    steps.append(TraceStep(event, Observation(["?"]), comments: comments))
  }

  /// A guest that has `device` from the start.
  private mutating func cold(_ device: SBDF, _ policy: RDMPolicy, _ memoryMiB: UInt64) {
    var configuration = GuestConfiguration(memoryMiB: memoryMiB)
    configuration.devices = [AssignedDevice(device, policy: policy)]
    ask(.create(GuestLives.guest, configuration))
    ask(.boot(GuestLives.guest))
    ask(.query(.layout(GuestLives.guest)))
    ask(.query(.e820(GuestLives.guest)))
    ask(.query(.bars(GuestLives.guest)))
    ask(.destroy(GuestLives.guest))
  }

  /// A guest that is told of all ranges, gets `device` while it runs, and gives it back.
  private mutating func hot(_ device: SBDF, _ memoryMiB: UInt64, _ draws: TableDraws) {
    var policy = draws("hotplug")
    var configuration = GuestConfiguration(memoryMiB: memoryMiB)
    configuration.strategy = .host
    configuration.policy = policy.pick([.strict, .relaxed])
    configuration.passthrough = .enabled
    ask(.create(GuestLives.guest, configuration), comments: ["Hotplug: the guest is told of all ranges."])
    ask(.boot(GuestLives.guest))
    ask(.query(.rdms(GuestLives.guest)))
    ask(.query(.e820(GuestLives.guest)))
    ask(.attach(GuestLives.guest, AssignedDevice(device, policy: .strict)))
    ask(.query(.owner(device)))
    ask(.detach(GuestLives.guest, device, force: false))
    ask(.destroy(GuestLives.guest))
  }

  /// Memory with which the device's range matters: every other time 4 GiB, which covers all below the usual hole; else
  /// RAM would end a little below, in or a little above it.
  private static func memoryMiB(
    _ device: AssumedFunctions.ReservedDevice, _ memory: AssumedMemory, _ draws: TableDraws
  ) -> UInt64 {
    var draws = draws("guest with \(device.sbdf)")
    let range = device.range
    guard range.base <= range.end, range.base >= 64 << 20, range.end < 0xF000_0000, draws.oneIn(2) else { return 4096 }
    let mib: UInt64 = 1 << 20
    let end = draws.pick([range.base - mib, range.base + (range.end - range.base) / 2, range.end + mib])
    // The emulated adapter's 8 MiB are no RAM.
    return min(end / mib + 8, memory.guestMemory / mib)
  }
}
