/// One of several campaigns that share the work, on one machine or many: they need know nothing of each other.
public struct Shard: Hashable, Sendable {
  /// Which one, from 1.
  public let index: Int
  /// How many there are.
  public let count: Int

  /// Most shards.
  public static let limit = 65_536

  /// Shard `index` of `count`; nil unless 1 <= index <= count <= `limit`.
  public init?(_ index: Int, of count: Int) {
    guard 1...Shard.limit ~= count, 1...count ~= index else { return nil }
    self.index = index
    self.count = count
  }

  /// The seed of this shard's campaign where all of them share `base`: no two shards share one, and more shards do not
  /// change those there are. A single shard is the campaign itself.
  public func seed(from base: UInt64) -> UInt64 {
    count == 1 ? base : RandomSource.derived(base, UInt64(index))
  }

  /// True if this shard does number `position`, from 0, of a list that all of them share.
  public func takes(_ position: Int) -> Bool { position % count == index - 1 }
}

extension Shard: CustomStringConvertible {
  /// `3/8`.
  public var description: String { "\(index)/\(count)" }

  /// The number, from 1, that a scheduler gave this task; nil if it gave none.
  ///
  /// Kubernetes counts the completions of an indexed Job from 0. Slurm counts an array's tasks from whatever the array
  /// says, which it also tells.
  private static func number(in environment: [String: String]) -> Int? {
    if let word = environment["JOB_COMPLETION_INDEX"] {
      return Int(word).flatMap { $0.addingReportingOverflow(1).overflow ? nil : $0 + 1 }
    }
    guard let word = environment["SLURM_ARRAY_TASK_ID"], let task = Int(word) else { return nil }
    let (number, overflow) = task.subtractingReportingOverflow(Int(environment["SLURM_ARRAY_TASK_MIN"] ?? "0") ?? 0)
    return overflow || number == .max ? nil : number + 1
  }

  /// Reads `i/n`, or `auto/n` where the number is in the `environment` of a Kubernetes indexed Job or a Slurm array.
  ///
  /// Nil if it is neither, out of range, or the environment has no number.
  public init?(_ text: String, environment: [String: String]) {
    let words = text.split(separator: "/" as Character, omittingEmptySubsequences: false)
    guard words.count == 2, let count = Int(words[1]) else { return nil }
    guard let index = words[0] == "auto" ? Shard.number(in: environment) : Int(words[0]) else { return nil }
    self.init(index, of: count)
  }
}
