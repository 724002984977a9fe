import AddressSpace
import Firmware
import Simulation

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Fresh conformance vectors of hvmloader: random cases, and what a binary does with them.
///
/// The inputs of line n are a pure function of the seed and n.
public struct LoaderRecording: Sendable {
  private let seed: UInt64
  private let firmware: any GuestFirmware

  /// Cases for `seed`, recorded from `firmware`.
  public init(seed: UInt64, from firmware: any GuestFirmware) {
    self.seed = seed
    self.firmware = firmware
  }

  /// A recorded case as one line of a vector file.
  public struct Line: Hashable, Sendable {
    /// The JSON object, without a line end.
    public var json: [UInt8]
    /// How the run ended: `ok`, `crash` where the loader stopped the guest, `failed` where it strayed.
    public var stop: String
  }

  /// Runs case `number`, and writes it down.
  public func line(_ number: Int) throws -> Line {
    var recorded = LoaderCase(generated: number, seed: seed)
    recorded.record(from: firmware)
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Line(json: Array(try encoder.encode(recorded)), stop: recorded.result.stop)
  }
}

extension LoaderCase {
  /// Runs the case on `firmware` and takes down what it did.
  mutating func record(from firmware: any GuestFirmware) {
    let (report, ram) = run { input, port, buffer in
      firmware.run(input, as: LoaderCase.guest, on: &port, &buffer)
    }
    let stop: String =
      switch report.stop {
      case .handedOver: "ok"
      case .crashed: "crash"
      case .failed: "failed"
      }
    result = RecordedResult(stop: stop, bars: [], e820: [], ram: [])
    if stop == "ok" {
      result.bars = report.bars.map { placed in
        let command = report.commands.first { $0.devfn == placed.devfn }?.value ?? 0
        return PlacedRegister(
          devfn: HexNumber(placed.devfn), index: placed.bar.index, address: HexNumber(placed.address),
          command: HexNumber(command))
      }
      result.e820 = report.e820.map { entry in
        TableEntry(start: HexNumber(entry.start), end: HexNumber(entry.end), type: "\(entry.type)".uppercased())
      }
    }
    result.ram = ram.runs.map { [HexNumber($0.frames.start << 12), HexNumber($0.frames.end << 12)] }
    log = report.logText
  }
}
