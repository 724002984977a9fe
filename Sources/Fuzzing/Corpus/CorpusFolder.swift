import Storage

/// Where a campaign keeps the specimens that showed something new: a plain folder that others may read and write too.
///
/// A specimen lies in `<hash>.trace.gz`, by the hash of its canonical text. Files appear whole; one that is there stays.
public struct CorpusFolder<Text: SpecimenText> {
  private let path: String
  private let text: Text

  /// The folder at `path`, made when the first specimen comes.
  public init(path: String, text: Text) {
    self.path = path
    self.text = text
  }

  /// Keeps `specimen`.
  func keep(_ specimen: Specimen) throws(CampaignFailure) {
    let text = text.text(of: specimen)
    let place = "\(path)/\(self.text.hash(of: text)).trace.gz"
    do {
      if Folder.holds(place) { return }
      try Folder.make(path)
      var file = try AtomicFile(path: place, gzip: true)
      try file.write(text)
      try file.commit()
    } catch { throw .storage(error) }
  }
}
