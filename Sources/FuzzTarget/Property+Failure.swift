import CFuzzTarget
import Fuzzing
import Replaying

extension Property {
  /// The ids of the properties that fail in functions of their own.
  public static var failing: [String] {
    (0..<fuzz_target_property_count()).map { String(cString: fuzz_target_property($0)) }
  }
}

extension FuzzTarget.Failure {
  /// Ends the process in the function that is the property's, such as `broken_strict_mapped`.
  public func crash() -> Never {
    // An index behind the list aborts, too; a test says that there is no such property.
    fuzz_target_fail(Property.failing.firstIndex(of: symptom.invariant) ?? .max)
  }

  /// Two lines: the bucket as words, what met what.
  public var lines: [String] {
    ["broken: \(symptom)", "in \(edition), event \(event): \(detail)"]
  }
}
