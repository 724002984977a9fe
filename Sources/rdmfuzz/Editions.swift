import ArgumentParser
import Editions
import Reporting

struct Editions: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the editions and the quirks they are made of.",
    discussion: """
      A quirk is a known deviation of one stage; repaired has none. With an edition as argument, such as \
      "xen-4.17 -last-unit-decides", lists the quirks in force in it.
      """)

  @Argument(help: ArgumentHelp("An edition, in quotes if quirks follow.", valueName: "edition"))
  var edition: String?

  func run() throws {
    if let edition {
      let parsed = try parsedEdition(edition)
      StandardOutput.line(parsed.description)
      for quirk in parsed.quirks { describe(quirk) }
      return
    }
    for name in Edition.Name.allCases {
      let count = Edition(name).quirks.count
      StandardOutput.line("\(name.text): \(count == 0 ? "no quirks" : counted(count, "quirk"))")
    }
    StandardOutput.line()
    for quirk in Quirk.all { describe(quirk) }
  }

  private func describe(_ quirk: Quirk) {
    StandardOutput.line("\(quirk.name) (\(quirk.stage), \(quirk.entry.citation))")
    StandardOutput.line("    \(quirk.entry.sentence)")
  }
}
