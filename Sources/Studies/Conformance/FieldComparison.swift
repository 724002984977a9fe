/// Collects the fields that differ.
struct FieldComparison {
  var disagreements: [Disagreement] = []

  mutating func check<Value: Equatable>(_ field: String, _ recorded: Value, _ modelled: Value) {
    if recorded == modelled { return }
    disagreements.append(Disagreement(field, recorded: "\(recorded)", modelled: "\(modelled)"))
  }

  mutating func checkList(_ field: String, _ recorded: [String], _ modelled: [String]) {
    for index in 0..<max(recorded.count, modelled.count) {
      check(
        "\(field)[\(index)]", index < recorded.count ? recorded[index] : "nothing",
        index < modelled.count ? modelled[index] : "nothing")
    }
  }
}
