import Sharing
import Testing

@Suite("Block array against an ordinary one")
struct BlockArrayTests {
  /// What both must agree in.
  private func agree(_ blocks: BlockArray<Int>, _ plain: [Int]) -> String? {
    if let rule = blocks.brokenRule { return rule }
    if blocks.count != plain.count || blocks.isEmpty != plain.isEmpty { return "count" }
    if Array(blocks) != plain { return "walk" }
    if !plain.indices.allSatisfy({ blocks[$0] == plain[$0] }) { return "subscript" }
    if blocks != BlockArray(plain) { return "equality" }
    return nil
  }

  @Test(
    "every replacement of a range in arrays of sizes about the limits, by fewer and by more",
    arguments: [0, 1, 63, 64, 65, 127, 128, 129, 130, 255, 256, 257, 400])
  func replacements(size: Int) {
    let plain = Array(0..<size)
    let blocks = BlockArray(plain)
    let step = max(1, size / 23)
    for low in stride(from: 0, through: size, by: step) {
      for high in stride(from: low, through: size, by: step) {
        for count in [0, 1, 2, 129, 260] {
          var (changed, expected) = (blocks, plain)
          changed.replaceSubrange(low..<high, with: Array(1000..<1000 + count))
          expected.replaceSubrange(low..<high, with: Array(1000..<1000 + count))
          if let fault = agree(changed, expected) { Issue.record("\(fault): \(size) \(low)..<\(high) by \(count)") }
          if let fault = agree(blocks, plain) { Issue.record("the original's \(fault): \(size) \(low)..<\(high)") }
        }
      }
    }
  }

  @Test("long scripts of insertions, removals and changes, with copies that stay as they were", arguments: 1...8)
  func scripts(seed: UInt64) {
    var state = seed
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    var (blocks, plain) = (BlockArray<Int>(), [Int]())
    var kept: [(BlockArray<Int>, [Int])] = []
    for step in 0..<6_000 {
      // Grows first, and shrinks to nothing in the end.
      let grows = draw(10) < (step < 3_000 ? 7 : 3)
      if grows || plain.isEmpty {
        let place = draw(4) == 0 ? plain.count : draw(plain.count + 1)
        if place == plain.count { blocks.append(step) } else { blocks.insert(step, at: place) }
        plain.insert(step, at: place)
      } else {
        let place = draw(plain.count)
        if blocks.remove(at: place) != plain.remove(at: place) { Issue.record("removed another at step \(step)") }
      }
      if !plain.isEmpty {
        let place = draw(plain.count)
        blocks[place] += 1
        plain[place] += 1
      }
      if step % 97 == 0 {
        if let fault = agree(blocks, plain) {
          Issue.record("\(fault) at step \(step)")
          return
        }
        kept.append((blocks, plain))
      }
    }
    for (blocks, plain) in kept { #expect(agree(blocks, plain) == nil) }
  }

  @Test("the first element from which on something holds is found in any array", arguments: [0, 1, 128, 129, 1_000])
  func partition(size: Int) {
    let blocks = BlockArray((0..<size).map { 2 * $0 })
    for bound in -1...2 * size + 1 {
      #expect(blocks.partitionIndex { $0.pointee >= bound } == (0..<size).first { 2 * $0 >= bound } ?? size)
    }
  }

  @Test("outside of what differs both are the same", arguments: [3, 60, 128, 129, 400, 5_000])
  func difference(size: Int) {
    let original = BlockArray(0..<size)
    #expect(original.difference(from: original) == (0..<0, 0..<0))
    for place in stride(from: 0, to: size, by: max(1, size / 37)) {
      for removed in [0, 1, 2, 70] where place + removed <= size {
        for added in [0, 1, 2, 70] {
          var changed = original
          changed.replaceSubrange(place..<place + removed, with: Array(repeating: -1, count: added))
          let (old, new) = changed.difference(from: original)
          #expect(changed[..<new.lowerBound].elementsEqual(original[..<old.lowerBound]))
          #expect(changed[new.upperBound...].elementsEqual(original[old.upperBound...]))
          let isSmall = size <= 128 && changed.count <= 128
          #expect(!isSmall || old.count <= removed && new.count <= added, "\(place) \(removed) \(added)")
          #expect(size < 5_000 || old.count <= 512 && new.count <= 512, "\(place) \(removed) \(added)")
        }
      }
    }
  }

  @Test("elements that differ are told one by one, in ordinary arrays and in blocks", arguments: [1, 128, 129, 1_000])
  func differences(size: Int) {
    let original = BlockArray(0..<size)
    var changed = original
    let places = Set([0, size / 3, size / 2, size - 1])
    for place in places { changed[place] = -1 - place }
    // Of another structure, too.
    var built = BlockArray<Int>()
    for element in changed.reversed() { built.insert(element, at: 0) }
    for array in [changed, built] {
      var told: [Int] = []
      array.forEachDifference(from: original) { place, old, new in
        #expect(old == place && new == -1 - place)
        told.append(place)
      }
      #expect(told == places.sorted())
    }
  }

  @Test("what two arrays do not share is told, and little more")
  func unshared() {
    let original = BlockArray(0..<10_000)
    #expect(original.blockCount > 70)
    func told(_ changed: BlockArray<Int>, since earlier: BlockArray<Int>) -> [Range<Int>] {
      var ranges: [Range<Int>] = []
      changed.forEachUnshared(with: earlier) { ranges.append($0) }
      return ranges
    }
    #expect(told(original, since: original).isEmpty)
    for place in stride(from: 0, to: 10_000, by: 331) {
      var changed = original
      changed[place] = -1
      let ranges = told(changed, since: original)
      #expect(ranges.count == 1 && ranges[0].contains(place) && ranges[0].count <= 128)
      // What is outside is where it was.
      var longer = original
      longer.insert(-1, at: place)
      let added = told(longer, since: original)
      #expect(added.count == 1 && added[0].contains(place) && added[0].count <= 260)
      var shorter = original
      shorter.remove(at: place)
      let rest = told(shorter, since: original)
      #expect(rest.count == 1 && rest[0].count <= 260)
      for (array, ranges) in [(changed, ranges), (longer, added), (shorter, rest)] {
        let inside = ranges[0]
        #expect(array[..<inside.lowerBound].elementsEqual(original[..<inside.lowerBound]))
        #expect(array[inside.upperBound...].elementsEqual(original.suffix(array.count - inside.upperBound)))
      }
    }
    var far = original
    far[5] = -1
    far[9_995] = -1
    #expect(told(far, since: original).count == 2)
  }
}
