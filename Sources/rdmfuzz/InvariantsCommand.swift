import ArgumentParser
import Replaying

struct InvariantsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invariants", abstract: "Lists what is checked after every event, and where it comes from.")

  func run() throws {
    for property in Property.all {
      if property.id == Metamorphosis.all.first?.id {
        StandardOutput.line()
        StandardOutput.line("Of whole runs, compared with others that must come out the same:")
      }
      StandardOutput.line(property.id)
      StandardOutput.line("    \(property.sentence)")
      StandardOutput.line("    \(property.source)")
    }
  }
}
