import Editions
import Firmware
import Hypercalls
import Simulation
import Synchronization
import Tracing

#if Unicorn
  import CUnicorn
#endif

/// A real hvmloader as a guest's firmware: the binary runs instruction by instruction in an emulated machine, and makes
/// its hypercalls to whatever hypervisor the simulation has.
public final class HVMLoaderBinary: GuestFirmware {
  /// The file it was read from.
  public let path: String
  /// What tells it from every other.
  public let fingerprint: Fingerprint
  #if Unicorn
    private let image: LoaderImage
    private let console: ConsoleFunction?
    /// Machines that nobody uses right now, by whether they note blocks.
    private let idle = Mutex<[Bool: [LoaderMachine]]>([:])
    private let covers: Bool
  #endif

  /// Of so many inputs one is run with its blocks noted.
  public static let coveredShare: UInt64 = 8

  /// The emulator and its version, nil in a build without.
  public static var emulator: String? {
    #if Unicorn
      let version = uc_version(nil, nil)
      return "Unicorn \(version >> 24).\(version >> 16 & 0xFF).\(version >> 8 & 0xFF)"
    #else
      return nil
    #endif
  }

  /// What is done at once in its runs: what was asked for, found in this binary, and came to the same in a first run as
  /// without.
  public let accelerators: Set<LoaderAccelerator>

  /// The binary at `path`. Without `accelerators` the emulated CPU does everything itself, which takes longer and comes to
  /// the same. With `covers` one in `coveredShare` of the inputs that there are is run with its basic blocks noted, which
  /// takes half as long again; an input always is or never.
  ///
  /// Throws `StorageError` where it cannot be read or is no hvmloader, `OracleError` where there is no emulator.
  public init(
    path: String, accelerators: Set<LoaderAccelerator> = Set(LoaderAccelerator.allCases), covers: Bool = false
  )
    throws
  {
    self.path = path
    let image = try LoaderImage(path: path)
    fingerprint = Fingerprint(of: image.bytes)
    #if Unicorn
      self.image = image
      self.covers = covers
      let trial = try LoaderTrial(of: image, with: accelerators)
      (self.accelerators, console) = (trial.accelerators, trial.console)
      let machine = try LoaderMachine(image, accelerators: trial.accelerators, console: trial.console)
      idle.withLock { $0[false, default: []].append(machine) }
    #else
      _ = image
      self.accelerators = []
      throw OracleError.notBuilt(trait: "Unicorn")
    #endif
  }

  /// Runs from the entry to the hand-over to the BIOS, with hypercalls as `domain`.
  public func run<Port: HypercallPort & ~Copyable>(
    _ input: FirmwareInput, as domain: DomainID, on port: inout Port, _ buffer: inout HypercallBuffer
  ) -> FirmwareReport {
    #if Unicorn
      return withUnsafeMutablePointer(to: &port) { port in
        withUnsafeMutablePointer(to: &buffer) { buffer in
          run(
            LoaderSession(input, buffer) { call in port.pointee.perform(call, by: domain, &buffer.pointee) })
        }
      }
    #else
      preconditionFailure("a build without an emulator has no binaries")
    #endif
  }

  #if Unicorn
    private func run(_ session: LoaderSession) -> FirmwareReport {
      let covering = covers && session.input.mark % HVMLoaderBinary.coveredShare == 0
      do {
        let machine =
          try idle.withLock { $0[covering]?.popLast() }
          ?? LoaderMachine(image, accelerators: accelerators, console: console, covers: covering)
        defer { idle.withLock { $0[covering, default: []].append(machine) } }
        return machine.run(session).report(machine.memory)
      } catch {
        var report = FirmwareReport(map: .xen)
        report.stop = .failed(FirmwareFailure(.emulator, "\(error)"))
        return report
      }
    }
  #endif
}
