/// `1 trace`, `2 traces`: a number and what it counts, a noun with a regular plural.
public func counted(_ count: some BinaryInteger, _ noun: String) -> String {
  count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
}
