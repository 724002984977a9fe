import AddressSpace
import Testing

/// A page bitmap: the obvious implementation the range map is held to.
private struct Bitmap {
  var pages: [UInt8?]

  mutating func set(_ range: FrameRange, to value: UInt8?) {
    for frame in range.start..<range.end { pages[Int(frame)] = value }
  }
}

private func ranges(below limit: UInt64) -> [FrameRange] {
  (0...limit).flatMap { start in (start...limit).map { FrameRange(start, $0) } }
}

private func expectAgreement(_ map: RangeMap<UInt8>, _ bitmap: Bitmap, _ story: @autoclosure () -> String) {
  if let broken = map.brokenRule { Issue.record("\(broken) after \(story())") }
  for (frame, value) in bitmap.pages.enumerated() where map[UInt64(frame)] != value {
    Issue.record("frame \(frame) after \(story())")
  }
}

@Suite("Range map against a page bitmap")
struct RangeMapTests {
  @Test("every three writes in a world of six pages")
  func exhaustiveWrites() {
    let world: UInt64 = 6
    let values: [UInt8?] = [nil, 1, 2]
    let writes = ranges(below: world).filter { !$0.isEmpty }.flatMap { range in values.map { (range, $0) } }
    for first in writes {
      for second in writes {
        for third in writes {
          var map = RangeMap<UInt8>()
          var bitmap = Bitmap(pages: Array(repeating: nil, count: Int(world)))
          for (range, value) in [first, second, third] {
            map.set(range, to: value)
            bitmap.set(range, to: value)
          }
          if map.brokenRule != nil || (0..<Int(world)).contains(where: { map[UInt64($0)] != bitmap.pages[$0] }) {
            expectAgreement(map, bitmap, "\(first) \(second) \(third)")
            return
          }
        }
      }
    }
  }

  @Test("every query of every pair of writes")
  func exhaustiveQueries() {
    let world: UInt64 = 5
    let all = ranges(below: world)
    for first in all {
      for second in all {
        var map = RangeMap<UInt8>()
        var bitmap = Bitmap(pages: Array(repeating: nil, count: Int(world)))
        map.set(first, to: 1)
        bitmap.set(first, to: 1)
        map.set(second, to: 2)
        bitmap.set(second, to: 2)
        #expect(map.frameCount == UInt64(bitmap.pages.count { $0 != nil }))
        for query in all {
          var pieces: [UInt8?] = []
          var cursor = query.start
          map.forEachPiece(in: query) { frames, value in
            #expect(frames.start == cursor && !frames.isEmpty)
            cursor = frames.end
            pieces += Array(repeating: value, count: Int(frames.count))
            return true
          }
          let expected = Array(bitmap.pages[Int(query.start)..<Int(query.end)])
          #expect(pieces == expected)
          #expect(map.allSatisfy(in: query) { $0 == 1 } == expected.allSatisfy { $0 == 1 })
          #expect(map.contains(in: query) { $0 == 2 } == expected.contains(2))
          #expect(map.firstRun(in: query)?.value == expected.compactMap { $0 }.first)
        }
      }
    }
  }

  @Test("the difference of every two maps of two writes names the frames outside which they are the same, and no more")
  func exhaustiveDifferences() {
    let world: UInt64 = 4
    let values: [UInt8?] = [nil, 1, 2]
    let writes = ranges(below: world).filter { !$0.isEmpty }.flatMap { range in values.map { (range, $0) } }
    var maps: [RangeMap<UInt8>] = []
    for first in writes {
      for second in writes {
        var map = RangeMap<UInt8>()
        for (range, value) in [first, second] { map.set(range, to: value) }
        if !maps.contains(map) { maps.append(map) }
      }
    }
    #expect(maps.count > 50)
    for one in maps {
      for other in maps {
        let (gone, come, frames) = one.difference(from: other)
        let changed = (0..<world).filter { one[$0] != other[$0] }
        #expect(frames.isEmpty == changed.isEmpty)
        #expect(changed.allSatisfy { frames.contains($0) })
        // What is named begins and ends with runs that are not in both.
        let (lost, won) = (gone.map { other.runs[$0] }, come.map { one.runs[$0] })
        #expect(lost.first.map { $0 != won.first } ?? true && lost.last.map { $0 != won.last } ?? true)
        #expect((lost + won).map(\.frames.start).min() ?? 0 == frames.start)
        #expect((lost + won).map(\.frames.end).max() ?? 0 == frames.end)
      }
    }
  }

  @Test("equal contents compare equal whatever the order of writes")
  func canonicalForm() {
    var split = RangeMap<UInt8>()
    split.set(FrameRange(4, 8), to: 1)
    split.set(FrameRange(0, 4), to: 1)
    var whole = RangeMap<UInt8>()
    whole.set(FrameRange(0, 8), to: 1)
    #expect(split == whole)
    #expect(split.runs.count == 1)
  }

  @Test("a stopped walk visits no more")
  func stoppedWalk() {
    var map = RangeMap<UInt8>()
    map.set(FrameRange(1, 2), to: 1)
    var visited = 0
    map.forEachPiece(in: FrameRange(0, 5)) { _, _ in
      visited += 1
      return visited < 2
    }
    #expect(visited == 2)
  }

  @Test("thousands of runs: single frames, long ranges and holes, put in and taken out", arguments: 1...4)
  func manyRuns(seed: UInt64) {
    var state = seed
    func draw(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    let world: UInt64 = 6_000
    var map = RangeMap<UInt8>()
    var bitmap = Bitmap(pages: Array(repeating: nil, count: Int(world)))
    var most = 0
    for step in 0..<12_000 {
      // Mostly single frames, so that runs grow many; a long write now and then takes many away.
      let start = draw(world)
      let length = draw(400) == 0 ? draw(2_000) : 1 + draw(2)
      let range = FrameRange(start, min(world, start + length))
      let value: UInt8? = draw(4) == 0 ? nil : UInt8(draw(3))
      map.set(range, to: value)
      bitmap.set(range, to: value)
      most = max(most, map.runs.count)
      let probe = draw(world)
      if map[probe] != bitmap.pages[Int(probe)] { Issue.record("frame \(probe) at step \(step)") }
      if step % 499 == 0 {
        expectAgreement(map, bitmap, "step \(step)")
        var copy = RangeMap<UInt8>()
        for run in map.runs { copy.set(run.frames, to: run.value) }
        #expect(copy == map)
      }
    }
    #expect(most > 1_000 && map.runs.blockCount > 10)
  }
}
