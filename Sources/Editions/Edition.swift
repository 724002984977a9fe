/// Which Xen a run behaves like: a set of quirks for each stage on top of the repaired design.
///
/// `repaired` is Xen's own algorithms with every known bug fixed; a release is `repaired` plus its quirks, bit-exact
/// with the shipped binaries. In traces and on the command line an edition is written
/// `xen-4.17 -quirk +quirk`: a name and single quirks taken out or put in.
public struct Edition: Hashable, Sendable {
  /// The name it is based on.
  public let name: Name
  /// The hypervisor's quirks.
  public var hypervisor: QuirkSet<HypervisorQuirk>
  /// The toolstack's quirks.
  public var toolstack: QuirkSet<ToolstackQuirk>
  /// hvmloader's quirks.
  public var firmware: QuirkSet<FirmwareQuirk>

  /// The editions there are: `repaired`, then the others in order of time.
  public enum Name: UInt8, CaseIterable, Comparable, Sendable {
    /// Every known bug fixed.
    case repaired
    /// The branch of 4.5, before the toolstack knew of reserved ranges.
    case xen4_5
    /// The design mail of late 2014.
    case rfc2014
    /// The patches reviewed in spring 2015.
    case rfc2015
    /// The branch of 4.6, the first with the merged form.
    case xen4_6
    /// The branch of 4.9, the first with `rmrr=`.
    case xen4_9
    /// The branch of 4.13, the first with quarantine by default.
    case xen4_13
    /// Debian 11's 4.14.6.
    case xen4_14
    /// The branch of 4.16.
    case xen4_16
    /// Debian 12's 4.17.7.
    case xen4_17
    /// Debian 13's 4.20.3.
    case xen4_20
    /// The development branch in 2026.
    case xenMaster

    /// How it is written.
    public var text: String {
      switch self {
      case .repaired: "repaired"
      case .xen4_5: "xen-4.5"
      case .rfc2014: "rfc-2014"
      case .rfc2015: "rfc-2015"
      case .xen4_6: "xen-4.6"
      case .xen4_9: "xen-4.9"
      case .xen4_13: "xen-4.13"
      case .xen4_14: "xen-4.14"
      case .xen4_16: "xen-4.16"
      case .xen4_17: "xen-4.17"
      case .xen4_20: "xen-4.20"
      case .xenMaster: "xen-master"
      }
    }

    /// The name written `text`, nil if there is none.
    public init?(_ text: some StringProtocol) {
      guard let found = Name.allCases.first(where: { $0.text == text }) else { return nil }
      self = found
    }

    /// Earlier or later; `repaired` is the earliest.
    public static func < (left: Name, right: Name) -> Bool { left.rawValue < right.rawValue }
  }

  /// Every known bug fixed.
  public static let repaired = Edition(.repaired)
  /// Debian 12's 4.17.7.
  public static let xen4_17 = Edition(.xen4_17)

  /// The edition `name` with its own quirks.
  public init(_ name: Name) { self = Edition.named[Int(name.rawValue)] }

  /// The editions by their names' numbers.
  private static let named = Name.allCases.map { Edition(entriesOf: $0) }

  private init(entriesOf name: Name) {
    self.name = name
    hypervisor = QuirkSet(HypervisorQuirk.allCases.filter { $0.entry.editions.contains(name) })
    toolstack = QuirkSet(ToolstackQuirk.allCases.filter { $0.entry.editions.contains(name) })
    firmware = QuirkSet(FirmwareQuirk.allCases.filter { $0.entry.editions.contains(name) })
  }

  /// True if `quirk` is in force.
  public func has(_ quirk: Quirk) -> Bool {
    switch quirk {
    case .hypervisor(let quirk): hypervisor.contains(quirk)
    case .toolstack(let quirk): toolstack.contains(quirk)
    case .firmware(let quirk): firmware.contains(quirk)
    }
  }

  /// The quirks in force, in order of declaration.
  public var quirks: [Quirk] { Quirk.all.filter(has) }

  /// This edition with `quirk` switched on or off.
  public func with(_ quirk: Quirk, on: Bool = true) -> Edition {
    var copy = self
    switch quirk {
    case .hypervisor(let quirk): on ? copy.hypervisor.insert(quirk) : copy.hypervisor.remove(quirk)
    case .toolstack(let quirk): on ? copy.toolstack.insert(quirk) : copy.toolstack.remove(quirk)
    case .firmware(let quirk): on ? copy.firmware.insert(quirk) : copy.firmware.remove(quirk)
    }
    return copy
  }
}

extension Edition: CustomStringConvertible {
  /// The canonical text: the name, then quirks taken out and put in, in order of declaration.
  public var description: String {
    let base = Edition(name)
    if self == base { return name.text }
    let changes = Quirk.all.compactMap { quirk -> String? in
      guard has(quirk) != base.has(quirk) else { return nil }
      return (has(quirk) ? " +" : " -") + quirk.name
    }
    return name.text + changes.joined()
  }

  /// Why a text is not an edition.
  public enum ParseError: Error, Equatable {
    /// The first word is no edition.
    case unknownEdition(String)
    /// A later word is not `+` or `-` and the name of a quirk.
    case unknownQuirk(String)
  }

  /// Reads `description`'s form.
  public init(parsing text: some StringProtocol) throws(ParseError) {
    let words = text.split(separator: " " as Character).map { String($0) }
    guard let first = words.first, let name = Name(first) else {
      throw .unknownEdition(words.first ?? "")
    }
    var edition = Edition(name)
    for word in words.dropFirst() {
      guard let sign = word.first, sign == "+" || sign == "-", let quirk = Quirk(name: word.dropFirst())
      else { throw .unknownQuirk(word) }
      edition = edition.with(quirk, on: sign == "+")
    }
    self = edition
  }
}
