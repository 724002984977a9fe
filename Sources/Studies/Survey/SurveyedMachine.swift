import AddressSpace
import Platform
import Tracing

/// A machine of a survey: what its trace says of it.
public struct SurveyedMachine: Hashable, Sendable {
  /// The file's name, without folders.
  public var name: String
  /// The `title:` comment without the kind; empty if there is none.
  public var title: String
  /// Who made it, as the comments tell; empty if they do not.
  public var vendor: String
  /// The kind in brackets behind the title, such as Notebook; empty if there is none.
  public var kind: String
  /// What of it was chosen by a rule, not observed.
  public var assumed: [String]

  /// What `header` of the trace at `path` says.
  ///
  /// The comments are those of an imported table: `title: Dell Latitude 5511 (Notebook)`, `source: linuxhw/ACPI,
  /// Notebook/Dell/…`. The vendor is the part of the source's path that the title begins with, or the title's first word
  /// if there is none but a kind in brackets: other titles are sentences.
  public init(_ header: TraceHeader, path: String) {
    name = String(path.split(separator: "/" as Character).last ?? "")
    assumed = header.assumed
    func comment(_ key: String) -> Substring? {
      header.comments.first { $0.hasPrefix(key) }.map { $0.dropFirst(key.count) }
    }
    (title, vendor, kind) = ("", "", "")
    guard let whole = comment("title: ") else { return }
    title = String(whole)
    if title.hasSuffix(")"), let open = title.lastIndex(of: "("), open > title.startIndex {
      let word = title[title.index(after: open)...].dropLast()
      guard word.first?.isUppercase == true, word.allSatisfy({ $0.isLetter || " -".contains($0) }) else { return }
      kind = String(word)
      title = String(title[..<open].reversed().drop { $0 == " " }.reversed())
    }
    let places = comment("source: ")?.split(separator: "/" as Character).map { String($0) } ?? []
    if let known = places.first(where: { !$0.isEmpty && title.hasPrefix($0 + " ") }) {
      vendor = known
    } else if !kind.isEmpty {
      vendor = title.split(separator: " " as Character).first.map { String($0) } ?? ""
    }
  }
}

/// A device of a surveyed machine that has reserved ranges.
public struct SurveyedDevice: Hashable, Sendable {
  /// Where it is.
  public var sbdf: SBDF
  /// Base class << 8 | subclass.
  public var classCode: UInt16
  /// Vendor and device id.
  public var ids: (vendor: UInt16, device: UInt16) { (vendor, device) }
  private var vendor: UInt16
  private var device: UInt16
  /// Its ranges as firmware tells them, ascending, rounded to pages.
  public var ranges: [AddressRange]
  /// Other functions of the machine that share one of them and that a guest could have, ascending.
  public var group: [SBDF]

  init(_ function: PCIFunction, ranges: [AddressRange], group: [SBDF]) {
    sbdf = function.sbdf
    classCode = function.classCode
    vendor = function.vendor
    device = function.device
    self.ranges = ranges
    self.group = group
  }

  /// What kind of device it is, by the class code (PCI Code and ID Assignment).
  public var kind: String {
    switch (classCode >> 8, classCode & 0xFF) {
    case (0x01, _): "storage"
    case (0x02, _): "network"
    case (0x03, _): "graphics"
    case (0x04, _): "audio"
    case (0x07, _): "communication"
    case (0x08, _): "system"
    case (0x0C, 0x03): "USB"
    case (0x0C, _): "serial bus"
    case (0x00, 0x00): "unclassified"
    default: "class \(hex(classCode))"
    }
  }
}
