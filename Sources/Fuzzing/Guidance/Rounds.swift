/// The executions between which a campaign learns.
///
/// Work goes in rounds, and what a specimen is depends only on seed, index and what was learnt before its round. So the
/// workers of a round may run in any order, and the number of workers never shows.
enum Rounds {
  /// Consecutive specimens that are made from one base.
  static let group: UInt64 = 4

  /// The first specimen of the round behind the one that `index` is in: rounds of 64 specimens, of 256 from the 1,024th
  /// on, of 1,024 from the 16,384th.
  static func end(after index: UInt64) -> UInt64 {
    let size: UInt64 = index < 1 << 10 ? 64 : index < 1 << 14 ? 256 : 1024
    return (index / size + 1) * size
  }
}
