import AddressSpace
import Editions
import Platform
import Tracing

/// What the user says where the inputs say nothing: `--assume KEY=VALUE`.
///
/// Keys: `memory`, `phys-bits`, `iommu`, `p2m`, `tables`, `quarantine` as in a trace's `host` line; `edition`;
/// `buses.00:1c.0=02-03` for the buses behind a bridge; `end.0xdb000000=0xdf1fffff` for the last byte of an RMRR that
/// begins there; `devices.0xdb000000=00:02.0,00:14.0` for the devices of one; `device.00:02.0=id=8086:1616 class=0300 …`
/// for a function, as in a trace's `device` line.
public struct Assumptions: Hashable, Sendable {
  /// Fields of the `host` line that are given.
  public private(set) var hostFields: [String] = []
  /// A host line with these fields.
  public private(set) var host = Machine()
  /// The edition.
  public private(set) var edition: Edition?
  /// Buses behind bridges.
  public private(set) var buses: [SBDF: PCIFunction.Buses] = [:]
  /// Last bytes of ranges by their first.
  public private(set) var ends: [UInt64: UInt64] = [:]
  /// Devices of ranges by their first byte.
  public private(set) var devices: [UInt64: [SBDF]] = [:]
  /// Functions.
  public private(set) var functions: [SBDF: PCIFunction] = [:]

  /// Nothing.
  public init() {}

  /// What is wrong with an assumption.
  public struct Malformed: Error, Hashable, Sendable {
    /// One line that says what was expected and what was found.
    public let message: String
  }

  private static let hostKeys = ["memory", "phys-bits", "iommu", "p2m", "tables", "quarantine"]

  /// Reads words `KEY=VALUE`; of one key the last counts.
  public init(_ words: [String]) throws(Malformed) {
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2 else {
        throw Malformed(message: "expected an assumption KEY=VALUE, found \(quoted(word))")
      }
      try add(parts[0], parts[1], word)
    }
    guard !hostFields.isEmpty else { return }
    do throws(TraceError) {
      host = try Assumptions.machine("host " + hostFields.joined(separator: " "))
    } catch {
      throw Malformed(message: "--assume: \(error.message)")
    }
  }

  /// True if the field `key` of the host line is given.
  func has(_ key: String) -> Bool { hostFields.contains { $0.hasPrefix(key + "=") } }

  private mutating func add(_ key: String, _ value: String, _ word: String) throws(Malformed) {
    let name = key.split(separator: ".", maxSplits: 1).map(String.init)
    let subject = name.count == 2 ? name[1] : ""
    switch name.first {
    case let field? where Assumptions.hostKeys.contains(field) && name.count == 1:
      hostFields.removeAll { $0.hasPrefix(field + "=") }
      hostFields.append("\(field)=\(value)")
    case "edition" where name.count == 1:
      guard let edition = try? Edition(parsing: value) else {
        throw Malformed(message: "expected an edition as 'rdmfuzz editions' lists them, found \(quoted(value))")
      }
      self.edition = edition
    case "buses":
      guard let bridge = SBDF(subject), let range = Assumptions.buses(value) else {
        throw Malformed(message: "expected buses.00:1c.0=02-03, found \(quoted(word))")
      }
      buses[bridge] = range
    case "end":
      guard let base = Assumptions.address(subject), let end = Assumptions.address(value) else {
        throw Malformed(message: "expected end.0xdb000000=0xdf1fffff, found \(quoted(word))")
      }
      ends[base] = end
    case "devices":
      let devices = value.split(separator: ",").compactMap { SBDF($0) }
      guard let base = Assumptions.address(subject), !devices.isEmpty,
        devices.count == value.split(separator: ",", omittingEmptySubsequences: false).count
      else { throw Malformed(message: "expected devices.0xdb000000=00:02.0,00:14.0, found \(quoted(word))") }
      self.devices[base] = devices
    case "device":
      guard let place = SBDF(subject) else {
        throw Malformed(message: "expected device.00:02.0=id=8086:1616, found \(quoted(word))")
      }
      do throws(TraceError) {
        functions[place] = try Assumptions.machine("device \(place) \(value)").functions.first
      } catch {
        throw Malformed(message: "--assume \(key): \(error.message)")
      }
    default:
      throw Malformed(
        message: "expected an assumption of memory, phys-bits, iommu, p2m, tables, quarantine, edition, buses.BRIDGE, "
          + "end.BASE, devices.BASE or device.PLACE, found \(quoted(word))")
    }
  }

  /// The host of a trace with `line` in its header.
  private static func machine(_ line: String) throws(TraceError) -> Machine {
    try Trace(parsing: "rdmtrace 1\nedition xen-4.17\n\(line)\nend 0\n", name: "--assume").header.machine
  }

  private static func address(_ text: String) -> UInt64? {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  private static func buses(_ text: String) -> PCIFunction.Buses? {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt8($0, radix: 16) }
    guard 1...2 ~= ends.count, let first = ends[0], let last = ends[ends.count - 1], first <= last else { return nil }
    return .init(secondary: first, subordinate: last)
  }
}
