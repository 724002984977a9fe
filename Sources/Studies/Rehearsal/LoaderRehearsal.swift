import AddressSpace
import Editions
import Firmware
import Hypercalls

/// Runs of hvmloader over the recorder's hypervisor.
public struct LoaderRehearsal: Rehearsal {
  private struct Prepared {
    var input: FirmwareInput
    var loader: HVMLoader
    var port: LoaderPort
  }

  private let log: Bool
  private var cases: [Prepared] = []
  private var buffer = HypercallBuffer()

  /// The runs in `files`, at most `limit` in all; with `log` their text is put together, too.
  public init(of files: [VectorFile], log: Bool, limit: Int) throws {
    self.log = log
    for file in files where cases.count < limit {
      var loader = HVMLoader(edition: file.edition)
      loader.keepsLog = log
      for recorded in try file.cases(as: LoaderCase.self, limit: limit - cases.count) {
        var port = LoaderPort(memoryMap: recorded.memoryMap)
        port.keepsRAM = false
        cases.append(Prepared(input: recorded.input, loader: loader, port: port))
      }
    }
  }

  /// How many cases there are.
  public var count: Int { cases.count }

  /// Every BAR and every entry of the E820.
  public mutating func run(_ index: Int) -> UInt64 {
    let report = cases[index].loader.run(
      cases[index].input, as: DomainID(1), on: &cases[index].port, &buffer)
    var digest: UInt64 = 0
    for bar in report.bars { digest = digest &* 31 &+ bar.address }
    for entry in report.e820 { digest = digest &* 31 &+ (entry.start ^ entry.size) }
    if log { digest = digest &* 31 &+ UInt64(report.logText.utf8.count) }
    return digest
  }
}
