import Testing

@testable import Sharing

/// Something to be let go of.
private final class Witness: Sendable {
  let number: Int

  init(_ number: Int) { self.number = number }
}

@Suite("Sharing")
struct SharingTests {
  @Test("copies share a box until one of them changes, and the other keeps its value")
  func copies() {
    var one = Shared([1, 2, 3])
    let other = one
    #expect(one.isSame(as: other) && one == other)
    one.value.append(4)
    #expect(!one.isSame(as: other))
    #expect(one.value == [1, 2, 3, 4] && other.value == [1, 2, 3])
    let before = one
    one.value[0] = 1
    #expect(!one.isSame(as: before) && one == before, "equal values in two boxes")
  }

  @Test("an owner of its own is changed in place")
  func inPlace() {
    // Not a literal: those lie in the program's own image, and are copied when they change.
    var one = Shared(Array(repeating: 1, count: .random(in: 3...4)))
    let address = one.value.withUnsafeBufferPointer { $0.baseAddress }
    one.value[0] = 2
    #expect(one.value.withUnsafeBufferPointer { $0.baseAddress } == address)
  }

  @Test("a box lets go of its value with its last owner")
  func release() {
    weak var seen: Witness?
    do {
      let witness = Witness(7)
      seen = witness
      var one = Shared(witness)
      let other = one
      one.value = Witness(8)
      #expect(other.value.number == 7 && one.value.number == 8)
    }
    #expect(seen == nil)
  }

  /// What a script of changes makes of a shared array and of an ordinary one, with a copy taken before each change.
  private func agree(_ script: [Int]) -> Bool {
    var shared: SharedArray<[Int]> = []
    var plain: [[Int]] = []
    var copies: [(SharedArray<[Int]>, [[Int]])] = []
    for (step, move) in script.enumerated() {
      copies.append((shared, plain))
      switch move {
      case 0:
        shared.append([step])
        plain.append([step])
      case 1:
        shared.insert([step, step], at: 0)
        plain.insert([step, step], at: 0)
      case 2 where !plain.isEmpty:
        shared[plain.count - 1].append(step)
        plain[plain.count - 1].append(step)
      case 3 where !plain.isEmpty:
        shared.remove(at: 0)
        plain.remove(at: 0)
      case 4:
        shared.removeAll { $0.count == 1 }
        plain.removeAll { $0.count == 1 }
      default: break
      }
    }
    copies.append((shared, plain))
    return copies.allSatisfy { shared, plain in
      Array(shared) == plain && shared == SharedArray(plain)
        && shared.firstIndex { $0.count == 2 } == plain.firstIndex { $0.count == 2 }
        && shared.first { $0.count == 2 } == plain.first { $0.count == 2 }
    }
  }

  @Test("a shared array is an array, whatever is done to it and to copies of it")
  func arrays() {
    var scripts = 0
    for number in 0..<5 * 5 * 5 * 5 * 5 * 5 {
      var script: [Int] = []
      var rest = number
      for _ in 0..<6 {
        script.append(rest % 5)
        rest /= 5
      }
      #expect(agree(script), "\(script)")
      scripts += 1
    }
    #expect(scripts == 15_625)
  }

  @Test("a change of one element leaves the others in their boxes")
  func elements() {
    var one: SharedArray<[Int]> = [[1], [2], [3]]
    let other = one
    #expect(one.isSame(as: other))
    one[1].append(2)
    #expect(!one.isSame(as: other))
    #expect((0..<3).map { one.shared(at: $0).isSame(as: other.shared(at: $0)) } == [true, false, true])
  }

  @Test(
    "an array that catches up is the same as the later one; few elements lie in a list of its own then",
    arguments: [0, 1, 3, 8, 9, 128, 129, 300])
  func catchingUp(size: Int) {
    let first = SharedArray((0..<size).map { [$0] })
    for length in [size - 1, size, size + 1] where length >= 0 {
      var later = first
      if length < size { later.remove(at: size / 2) }
      if length > size { later.insert([-1], at: size / 2) }
      for place in stride(from: 0, to: length, by: 3) { later[place].append(7) }
      let kept = first
      var earlier = first
      withUnsafePointer(to: later) { earlier.catchUp(with: $0) }
      #expect(earlier.isSame(as: later) && earlier == later)
      let isApart = length == size && (1...8).contains(size)
      #expect(earlier.boxes.isSame(as: later.boxes) != isApart)
      // Neither changes with the other, nor what was kept.
      for place in later.indices {
        later[place].append(8)
        #expect(!earlier.isSame(as: later) && earlier[place] + [8] == later[place])
        withUnsafePointer(to: later) { earlier.catchUp(with: $0) }
        #expect(earlier.isSame(as: later) && earlier[place] == later[place])
      }
      #expect(kept == SharedArray((0..<size).map { [$0] }))
    }
  }

  @Test("arrays are the same while they share their memory")
  func arrayIdentity() {
    var one = [1, 2, 3]
    let other = one
    #expect(one.isSame(as: other) && [Int]().isSame(as: []))
    one[0] = 1
    #expect(!one.isSame(as: other) && one == other)
  }

  @Test("what was replaced, put in or taken out is told by position", arguments: [1, 3, 127, 128, 129, 300])
  func replaced(size: Int) {
    let earlier = SharedArray((0..<size).map { [$0] })
    /// What a look at every box tells.
    func plainly(_ new: SharedArray<[Int]>, _ old: SharedArray<[Int]>) -> Set<Int> {
      Set(new.indices.filter { $0 >= old.count || !new.shared(at: $0).isSame(as: old.shared(at: $0)) })
    }
    func told(_ new: SharedArray<[Int]>, _ old: SharedArray<[Int]>) -> [Int] {
      var places: [Int] = []
      new.forEachReplaced(since: old) { places.append($0) }
      return places
    }
    #expect(told(earlier, earlier).isEmpty)
    for place in stride(from: 0, to: size, by: max(1, size / 7)) {
      var changed = earlier
      changed[place].append(0)
      #expect(told(changed, earlier) == [place] && told(earlier, changed) == [place])
      var longer = earlier
      longer.insert([-1], at: place)
      var shorter = earlier
      shorter.remove(at: place)
      // What only moved is not told.
      #expect(told(longer, earlier) == [place] && told(earlier, longer).isEmpty)
      #expect(told(earlier, shorter) == [place] && told(shorter, earlier).isEmpty)
      for other in [longer, shorter] {
        for (new, old) in [(other, earlier), (earlier, other)] {
          let places = told(new, old)
          #expect(places == places.sorted() && plainly(new, old).isSuperset(of: places))
          // Elements behind the last told one are at the same distance from the end in both.
          let untold = new.indices.filter { !places.contains($0) }.map { new[$0] }
          #expect(Set(untold).isSubset(of: Set(old)))
        }
      }
    }
  }

  @Test(
    "a look at each element where it lies sees all, in order, until it is told to end",
    arguments: [0, 1, 128, 129, 700])
  func places(size: Int) {
    let array = SharedArray((0..<size).map { [$0, $0 * $0] })
    var seen: [Int] = []
    let all = array.contains { place, element in
      seen.append(place)
      return element.pointee != [place, place * place]
    }
    #expect(!all && seen == Array(0..<size))
    for sought in stride(from: 0, to: size, by: 50) {
      var looks = 0
      let found = array.contains { _, element in
        looks += 1
        return element.pointee[0] == sought
      }
      #expect(found && looks == sought + 1)
    }
  }
}
