import Features

/// Chooses few inputs that together show every feature that any of them shows.
///
/// Inputs are offered one by one, best first, with their features; one that shows nothing new is not taken. At the end
/// those go again whose features all the others show too. Memory grows with what is taken, not with what is offered.
public struct Cover<Input> {
  private struct Member {
    var input: Input
    var features: [UInt16]
    var stays: Bool
  }

  private var members: [Member] = []
  /// How many members show each feature.
  private var holders = [Int32](repeating: 0, count: FeatureSet.count)

  /// Covers nothing.
  public init() {}

  /// How many features the inputs taken so far show.
  public var featureCount: Int { holders.count { $0 > 0 } }

  /// Takes `input` if it shows a feature that none before it shows, or if it `stays` whatever it shows.
  ///
  /// True if it was taken.
  @discardableResult
  public mutating func offer(_ input: Input, showing features: [UInt16], stays: Bool = false) -> Bool {
    guard stays || features.contains(where: { holders[Int($0)] == 0 }) else { return false }
    members.append(Member(input: input, features: features, stays: stays))
    for feature in features { holders[Int(feature)] += 1 }
    return true
  }

  /// What is left, in the order in which it was offered: without any one of them, unless it stays, a feature would be
  /// missing.
  public consuming func minimal() -> [Input] {
    // The last ones first: they were the least good.
    var left: [Input] = []
    for member in members.reversed() {
      if !member.stays, member.features.allSatisfy({ holders[Int($0)] > 1 }) {
        for feature in member.features { holders[Int(feature)] -= 1 }
      } else {
        left.append(member.input)
      }
    }
    return left.reversed()
  }
}
