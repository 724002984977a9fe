import Editions

/// The edition written on the command line, or a usage error that lists those there are.
func parsedEdition(_ text: String) throws -> Edition {
  do { return try Edition(parsing: text) } catch .unknownEdition(let name) {
    let known = Edition.Name.allCases.map(\.text).joined(separator: ", ")
    throw fail(.usage, "unknown edition \"\(name)\", expected one of \(known)")
  } catch .unknownQuirk(let word) {
    throw fail(.usage, "unknown quirk \"\(word)\", expected + or - and a name that 'rdmfuzz editions' lists")
  }
}
