#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Two samples of times to an event, compared by ranks: which has the smaller times, and could that be chance?
///
/// A trial without the event counts as later than every trial with it, and equal to every other without it: both samples
/// are cut at the same budget. Vargha and Delaney's measure and the test of Mann and Whitney with the correction for ties,
/// normal approximation with continuity correction.
public struct RankComparison: Hashable, Sendable {
  /// The chance that a trial of the first sample is earlier than one of the second, ties counted half: A12.
  ///
  /// 0.5 says that there is no difference; 0.56, 0.64 and 0.71 are called small, medium and large.
  public let superiority: Double
  /// The two-sided probability of samples as far apart or farther, were there no difference.
  public let significance: Double

  /// Compares `one` with `other`; 0.5 and 1 if either is empty.
  public init(_ one: [TimesToEvent.Trial], _ other: [TimesToEvent.Trial]) {
    let ours = one.map { $0.happened ? $0.time : .max }
    let theirs = other.map { $0.happened ? $0.time : .max }
    guard !ours.isEmpty, !theirs.isEmpty else {
      superiority = 0.5
      significance = 1
      return
    }
    // Pairs that are won, a tie half.
    var won = 0.0
    for time in ours {
      for rival in theirs { won += time < rival ? 1 : time == rival ? 0.5 : 0 }
    }
    let (n, m) = (Double(ours.count), Double(theirs.count))
    superiority = won / (n * m)
    let all = (ours + theirs).sorted()
    var ties = 0.0
    var index = 0
    while index < all.count {
      var next = index
      while next < all.count, all[next] == all[index] { next += 1 }
      let tied = Double(next - index)
      ties += tied * tied * tied - tied
      index = next
    }
    let count = n + m
    let variance = n * m / 12 * (count + 1 - ties / (count * max(1, count - 1)))
    guard variance > 0 else {
      significance = 1
      return
    }
    let distance = max(0, abs(won - n * m / 2) - 0.5)
    significance = min(1, RankComparison.tail(distance / variance.squareRoot()) * 2)
  }

  /// The probability that a standard normal variable exceeds `z`.
  static func tail(_ z: Double) -> Double { erfc(z / 2.0.squareRoot()) / 2 }

  /// Holm's correction: probabilities of one family of tests, each multiplied so that the chance of a single false alarm
  /// in the whole family stays what it is for one.
  public static func holm(_ probabilities: [Double]) -> [Double] {
    let order = probabilities.indices.sorted { (probabilities[$0], $0) < (probabilities[$1], $1) }
    var corrected = probabilities
    var least = 0.0
    for (rank, index) in order.enumerated() {
      least = max(least, min(1, probabilities[index] * Double(order.count - rank)))
      corrected[index] = least
    }
    return corrected
  }
}
