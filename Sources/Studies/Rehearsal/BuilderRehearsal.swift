import Editions
import Hypercalls
import Toolstack

/// Domain builds over the recorder's hypervisor.
public struct BuilderRehearsal: Rehearsal {
  /// How much of a build runs.
  public enum Part: Sendable {
    /// The list of reserved ranges, the layout around them, the memory map.
    case ranges
    /// Everything.
    case whole
  }

  private struct Prepared {
    var configuration: GuestConfiguration
    var edition: Edition
    var port: BuilderScript
  }

  private let part: Part
  private var cases: [Prepared] = []
  private var buffer = HypercallBuffer()

  /// `part` of the builds in `files`, at most `limit` in all.
  public init(of files: [VectorFile], _ part: Part, limit: Int) throws {
    self.part = part
    for file in files where cases.count < limit {
      for recorded in try file.cases(as: BuilderCase.self, limit: limit - cases.count) {
        guard let configuration = recorded.configuration, let script = BuilderScript(recorded.rmrrs) else { continue }
        cases.append(Prepared(configuration: configuration, edition: file.edition, port: script))
      }
    }
  }

  /// How many cases there are.
  public var count: Int { cases.count }

  /// RAM's ends and every entry of the memory map.
  public mutating func run(_ index: Int) -> UInt64 {
    cases[index].port.clear()
    var build = DomainBuild(
      of: cases[index].configuration, for: BuilderScript.domain, edition: cases[index].edition, claimsMemory: false)
    var digest: UInt64 = 0
    do throws(Refusal) {
      switch part {
      case .ranges:
        try build.layOut(on: &cases[index].port, &buffer)
        try build.storeMemoryMap(on: &cases[index].port, &buffer)
      case .whole: try build.run(on: &cases[index].port, &buffer)
      }
    } catch {
      digest = UInt64(bitPattern: Int64(error.error.rawValue))
    }
    digest = digest &* 31 &+ build.layout.lowMemoryEnd ^ build.layout.highMemoryEnd
    for entry in cases[index].port.memoryMap { digest = digest &* 31 &+ (entry.start ^ entry.size) }
    return digest
  }
}
