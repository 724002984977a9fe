/// What is known of a quirk: one record, whatever the stage.
public struct QuirkEntry: Sendable {
  /// The stable name in traces and on the command line, lower case with hyphens.
  public let name: String
  /// One sentence that says what happens under the quirk.
  public let sentence: String
  /// Where it is described: rule ids, bug ids, upstream commits.
  public let citation: String
  /// The editions that have it.
  public let editions: EditionSet
  /// Why no life of a host can show it, nil if one can: then it has a trace.
  public let unreachable: String?

  /// The record of a quirk that the `editions` have; every one of Xen's if left out.
  init(
    _ name: String, _ citation: String, in editions: EditionSet = .all, _ sentence: String, unreachable: String? = nil
  ) {
    self.name = name
    self.sentence = sentence
    self.citation = citation
    self.editions = editions
    self.unreachable = unreachable
  }
}

/// Some of the editions.
///
/// Spans follow `Edition.Name`'s order in time, in which the two proposals stand between 4.5 and 4.6: they were written
/// against the one and became the other.
public struct EditionSet: OptionSet, Hashable, Sendable {
  /// One bit for each of `Edition.Name.allCases`.
  public let rawValue: UInt32

  /// The editions with these bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Every edition but `repaired`, proposals included.
  public static let all = EditionSet.from(.xen4_5)

  /// `name` alone.
  public static func only(_ name: Edition.Name) -> EditionSet { EditionSet(rawValue: 1 << name.rawValue) }

  /// `first` and all later ones.
  public static func from(_ first: Edition.Name) -> EditionSet { .from(first, through: .xenMaster) }

  /// All from 4.5 to `last`, which is one of them.
  public static func through(_ last: Edition.Name) -> EditionSet { .from(.xen4_5, through: last) }

  /// All from `first` to `last`, which is one of them.
  public static func from(_ first: Edition.Name, through last: Edition.Name) -> EditionSet {
    EditionSet(rawValue: (1 << (last.rawValue + 1)) - (1 << first.rawValue))
  }

  /// True if `name` is one of them.
  public func contains(_ name: Edition.Name) -> Bool { contains(.only(name)) }

  /// Them, in order of time.
  public var members: [Edition.Name] { Edition.Name.allCases.filter { contains($0) } }
}
