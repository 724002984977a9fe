import ArgumentParser
import Catalogue
import Editions
import Replaying
import Reporting

struct Quirks: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists every known bug, or explains one and draws the trace that shows it.",
    discussion: """
      A quirk is a known deviation of one stage from the edition repaired: a bug that lives, a bug fixed long ago, or \
      a rule of an older release. Each that a life of a host can show has a minimal trace in Traces/quirks, which \
      breaks the invariants named here with the quirk and none without. With NAME that trace is run both ways, event by event.
      """)

  @Argument(help: ArgumentHelp("A quirk.", valueName: "name"))
  var name: String?

  @Option(help: ArgumentHelp("Where the traces are.", valueName: "folder"))
  var traces = "Traces/quirks"

  func run() throws {
    let catalogue: QuirkCatalogue
    do { catalogue = try QuirkCatalogue.read(folder: traces) } catch { throw fail(error) }
    guard let name else {
      for quirk in Quirk.all { list(quirk, catalogue.exhibit(of: quirk)) }
      return
    }
    guard let quirk = Quirk(name: name) else {
      throw fail(.usage, "unknown quirk \"\(name)\", expected a name that 'rdmfuzz quirks' lists")
    }
    let exhibit = catalogue.exhibit(of: quirk)
    list(quirk, exhibit)
    for id in exhibit?.announced ?? [] {
      if let invariant = Property.named(id) { StandardOutput.line("    \(id): \(invariant.sentence)") }
    }
    StandardOutput.line()
    for line in exhibit?.story ?? ["no trace in \(traces) shows it"] { StandardOutput.line(line) }
  }

  private func list(_ quirk: Quirk, _ exhibit: Exhibit?) {
    StandardOutput.line("\(quirk.name) (\(quirk.stage), \(quirk.entry.citation))")
    StandardOutput.line("    \(quirk.entry.sentence)")
    StandardOutput.line("    in \(quirk.spans)")
    if let unreachable = quirk.entry.unreachable { StandardOutput.line("    in no trace: \(unreachable)") }
    guard let exhibit else { return }
    if let unseen = exhibit.unseen {
      StandardOutput.line("    seen by no invariant: \(unseen)")
    } else {
      StandardOutput.line("    breaks \(exhibit.announced.joined(separator: ", "))")
    }
  }
}
