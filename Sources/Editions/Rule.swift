/// The number of a rule of the behavioural specification, such as HV-86, BL-64, LD-39 or correction D-1.
///
/// Refusals, observations and tests cite rules by it.
public struct Rule: Hashable, Comparable, Sendable {
  /// Which numbering the rule belongs to.
  public enum Family: String, CaseIterable, Sendable {
    /// Hypervisor rules.
    case hypervisor = "HV"
    /// Toolstack and domain builder rules.
    case builder = "BL"
    /// hvmloader rules.
    case loader = "LD"
    /// First round of corrections by execution.
    case correctionD = "D"
    /// Second round of corrections by execution.
    case correctionC = "C"
  }

  /// Which numbering.
  public let family: Family
  /// The number within it.
  public let number: UInt16

  /// The rule `family`-`number`.
  public init(_ family: Family, _ number: UInt16) {
    self.family = family
    self.number = number
  }

  /// Hypervisor rule HV-`number`.
  public static func hv(_ number: UInt16) -> Rule { Rule(.hypervisor, number) }
  /// Builder and toolstack rule BL-`number`.
  public static func bl(_ number: UInt16) -> Rule { Rule(.builder, number) }
  /// Loader rule LD-`number`.
  public static func ld(_ number: UInt16) -> Rule { Rule(.loader, number) }
  /// Correction D-`number`.
  public static func d(_ number: UInt16) -> Rule { Rule(.correctionD, number) }
  /// Correction C-`number`.
  public static func c(_ number: UInt16) -> Rule { Rule(.correctionC, number) }

  /// Order by family, then number.
  public static func < (left: Rule, right: Rule) -> Bool {
    (left.family.rawValue, left.number) < (right.family.rawValue, right.number)
  }
}

extension Rule: CustomStringConvertible {
  /// `HV-86`.
  public var description: String { "\(family.rawValue)-\(number)" }

  /// The rule that `description` prints as `text`, nil if there is none.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "-" as Character, omittingEmptySubsequences: false)
    guard parts.count == 2, let family = Family(rawValue: String(parts[0])),
      let number = UInt16(parts[1])
    else { return nil }
    self.init(family, number)
  }
}
