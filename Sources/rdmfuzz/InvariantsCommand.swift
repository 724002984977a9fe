import ArgumentParser
import Invariants

struct InvariantsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invariants", abstract: "Lists what is checked after every event, and where it comes from.")

  func run() throws {
    for invariant in Invariant.all {
      StandardOutput.line(invariant.id)
      StandardOutput.line("    \(invariant.sentence)")
      StandardOutput.line("    \(invariant.source)")
    }
  }
}
