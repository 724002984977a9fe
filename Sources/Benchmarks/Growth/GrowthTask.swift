/// A whole task of a user's whose size is a number, to be measured at sizes over three decades.
public struct GrowthTask: Sendable {
  /// What grows: `ranges`, `functions`, `guests`, `memory`, `runs`, `trace`, `corpus`; a slash; what is done.
  public let name: String
  /// What the size counts, as a noun: `range`, `event`.
  public let item: String
  /// What is done, in a few words.
  public let sentence: String
  /// The sizes it is measured at, ascending; at least two.
  public let sizes: [Int]
  /// Makes the task of a size ready. The times of what it returns are taken; it can be run over and over.
  let prepare: @Sendable (Int, ScratchFolder) throws -> GrowthRun

  init(
    _ name: String, per item: String, _ sentence: String, sizes: [Int],
    _ prepare: @escaping @Sendable (Int, ScratchFolder) throws -> GrowthRun
  ) {
    self.name = name
    self.item = item
    self.sentence = sentence
    self.sizes = sizes
    self.prepare = prepare
  }

  /// All there are, in the order of a table.
  public static let all: [GrowthTask] = hosts + files

  /// Those whose name holds `filter`; the one that is called so, if there is one.
  public static func matching(_ filter: String) -> [GrowthTask] {
    if let exact = all.first(where: { $0.name == filter }) { return [exact] }
    return all.filter { $0.name.contains(filter) }
  }

  /// 1, 2 and 5 times each power of ten from `first`, a power of ten, up to `last`.
  static func sizes(from first: Int, to last: Int) -> [Int] {
    var sizes: [Int] = []
    var power = first
    while power <= last {
      sizes += [power, 2 * power, 5 * power].filter { $0 <= last }
      power *= 10
    }
    return sizes
  }

  /// The same task up to another largest size; nil if fewer than two sizes are left.
  public func limited(to largest: Int) -> GrowthTask? {
    var chosen = sizes.filter { $0 <= largest }
    if let last = sizes.last, last < largest {
      chosen = GrowthTask.sizes(from: sizes[0], to: largest)
    }
    if chosen.count < 2 { return nil }
    return GrowthTask(name, per: item, sentence, sizes: chosen, prepare)
  }
}

/// A task made ready: does it once, and says how many items it did. Throws `Absent` if it did not end as it must.
typealias GrowthRun = () throws -> Int
