import Invariants
import Tracing

@testable import Replaying

/// One change of what a trace says was observed, and what a verdict about it must show.
struct ChangedObservation {
  var observation: Observation
  var shows: [String]
  /// True if it says something else of the run as a whole.
  var isOfWholeRun = false

  /// Every change of one word or one field of `observation`, which is what came, with `broken` broken.
  static func all(of observation: Observation, actual: Observation, broken: [Violation]) -> [ChangedObservation] {
    var changes: [ChangedObservation] = []
    func change(_ shows: [String], _ edit: (inout Observation) -> Void) {
      var changed = observation
      edit(&changed)
      changes.append(ChangedObservation(observation: changed, shows: shows))
    }
    func changeWords(_ edit: (inout [String]) -> Void) {
      var words = observation.words
      edit(&words)
      let expected = "expected \(words.joined(separator: " ")), got \(actual.words.joined(separator: " "))"
      change([expected]) { $0.words = words }
    }
    for index in observation.words.indices {
      changeWords { $0[index] = altered($0[index]) }
      changeWords { $0.insert($0[index], at: index) }
      // Without any word a line observes its fields only.
      if observation.words.count > 1 { changeWords { $0.remove(at: index) } }
      if index > 0, observation.words[index] != observation.words[index - 1] {
        changeWords { $0.swapAt(index, index - 1) }
      }
    }
    for (index, field) in observation.fields.enumerated() where field.key != Replay.violates {
      let other = altered(field.value)
      change(["expected \(field.key)=\(other), got \(field.key)=\(field.value)"]) { $0.fields[index].value = other }
      let key = field.key + "s"
      change(["expected \(key)=\(field.value), got no \(key)"]) { $0.fields[index].key = key }
    }
    for (index, field) in observation.fields.enumerated() where field.key == Replay.violates {
      change(["invariant \(field.value) broke", "broken: "]) { $0.fields.remove(at: index) }
      changes[changes.count - 1].isOfWholeRun = Metamorphosis.named(field.value) != nil
    }
    for invariant in Invariant.all where !broken.contains(where: { $0.invariant == invariant.id }) {
      change(["expected violates=\(invariant.id), but it holds"]) {
        $0.fields.append(.init(Replay.violates, invariant.id))
      }
    }
    return changes
  }

  /// A word that differs from `word` in one digit, or in its meaning.
  private static func altered(_ word: String) -> String {
    if word == "ok" { return "refused" }
    var characters = Array(word.utf8)
    guard let index = characters.lastIndex(where: { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return word + "x"
    }
    characters[index] ^= 1
    return String(decoding: characters, as: UTF8.self)
  }
}
