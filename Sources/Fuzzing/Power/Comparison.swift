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

  /// The probability that a standard normal variable exceeds `z`, which is not negative: to 7 digits and more.
  ///
  /// Continued fraction of Laplace for large `z`, the power series of the distribution for small ones.
  static func tail(_ z: Double) -> Double {
    let density = exponential(-z * z / 2) / 2.506628274631000502
    if z > 3 {
      var fraction = z
      for step in stride(from: 60.0, to: 0, by: -1) { fraction = z + step / fraction }
      return density / fraction
    }
    var term = z
    var sum = z
    var step = 1.0
    while step < 200 {
      step += 2
      term *= z * z / step
      sum += term
    }
    return max(0, 0.5 - density * sum)
  }

  /// e to the `x`, which is not positive, without a library: halved until the series is short.
  private static func exponential(_ x: Double) -> Double {
    if x < -745 { return 0 }
    var x = x
    var halvings = 0
    while x < -0.5 {
      x /= 2
      halvings += 1
    }
    var term = 1.0
    var sum = 1.0
    for step in 1...20 {
      term *= x / Double(step)
      sum += term
    }
    for _ in 0..<halvings { sum *= sum }
    return sum
  }

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
