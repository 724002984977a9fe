import AddressSpace
import Editions
import Explaining
import Foundation
import Hypervisor
import Platform
import Reporting
import Testing
import Toolstack
import Tracing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The outline of an XML document, as a parser reads it.
private final class Outline: NSObject, XMLParserDelegate {
  private(set) var elements: [String] = []
  private(set) var texts = ""

  /// Nil if `text` is not well formed.
  init?(of text: String) {
    super.init()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = self
    if !parser.parse() { return nil }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    elements.append(name)
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { texts += string }
}

@Suite("Explanations")
struct ExplanationTests {
  @Test(
    "every trace has a story of bounded length and a picture that is well formed",
    arguments: [
      "Traces/design-2014", "Traces/editions", "Traces/hypervisor", "Traces/invariants", "Traces/libxl-2015",
      "Traces/loader", "Traces/quirks", "Traces/reports", "Traces/threads", "Corpus",
    ])
  func everyTrace(_ folder: String) throws {
    let paths = try Stories.paths(in: folder)
    // Of the real machines some.
    for path in folder == "Corpus" ? paths.enumerated().filter({ $0.offset % 10 == 0 }).map(\.element) : paths {
      let trace = try Stories.trace(path)
      let explanation = Explanation(of: trace)
      let text = explanation.text(of: path)
      #expect(text.contains("\nIn short\n") && text.contains("\nThe machine\n"), "\(path)")
      #expect(explanation.chapters.count == min(trace.steps.count, explanation.chapters.count), "\(path)")
      for chapter in explanation.chapters { #expect(text.contains("\n\(chapter.number). "), "\(path)") }
      #expect(text.split(separator: "\n").count < 2500, "\(path)")
      let picture = MemoryPicture(explanation, of: path).svg
      let outline = try #require(Outline(of: picture), "\(path)")
      #expect(outline.elements.first == "svg" && outline.texts.contains(path), "\(path)")
    }
  }

  @Test("the same trace gives the same bytes")
  func deterministic() throws {
    for path in try Stories.paths(in: "Traces/reports") {
      let (one, other) = (try Stories.explanation(path), try Stories.explanation(path))
      #expect(one.text(of: path) == other.text(of: path))
      #expect(MemoryPicture(one, of: path).svg == MemoryPicture(other, of: path).svg)
    }
  }

  @Test("names with characters of XML are escaped in a picture")
  func escaped() throws {
    let explanation = try Stories.explanation("Traces/reports/r05-xcp-ng-usb-relaxed.trace")
    let name = "a<b>&\"c\"'d'\u{1}\t]]>.trace"
    let outline = try #require(Outline(of: MemoryPicture(explanation, of: name).svg))
    #expect(outline.texts.contains("a<b>&\"c\"'d'? ]]>.trace in xen-4.17"))
  }

  @Test("a thousand ranges, devices and events give a bounded story")
  func huge() throws {
    var text = "rdmtrace 1\nedition xen-4.17\nhost memory=64G phys-bits=46\n"
    func name(_ index: Int) -> String {
      let bus = String(index / 8 + 1, radix: 16)
      return "0000:\(bus.count == 1 ? "0" : "")\(bus):00.\(index % 8)"
    }
    for index in 0..<1000 {
      let base = 0x8000_0000 + index * 0x10_0000
      text += "rmrr 0x\(String(base, radix: 16))-0x\(String(base + 0xFFF, radix: 16)) \(name(index))\n"
    }
    for index in 0..<1000 { text += "device \(name(index)) id=8086:1616 class=0c03 bar0=m64:64K\n" }
    text += "create dom1 memory=8192 strategy=host policy=relaxed pci=\(name(3))\n"
    text += "create dom2 memory=8192 pci=\(name(700))\nboot dom2\n"
    for index in 0..<2000 { text += "attach dom2 \(name(index % 1000))\n" }
    text += "end 2003\n"
    let explanation = Explanation(of: try Trace(parsing: text))
    #expect(explanation.chapters.count <= 2 * Explanation.chapterLimit)
    let story = explanation.text(of: "huge")
    #expect(story.contains("and 984 ranges more"))
    #expect(story.utf8.count < 200_000)
    let picture = MemoryPicture(explanation, of: "huge").svg
    #expect(picture.utf8.count < 1_000_000)
    #expect(Outline(of: picture) != nil)
  }

  // MARK: Reasons

  private func facts(_ lines: String) throws -> [[Fact]] {
    let header = """
      rdmtrace 1
      edition xen-4.17
      host memory=16G
      rmrr 0x40000000-0x40001fff 0000:00:02.0
      rmrr 0x90000000-0x90001fff 0000:00:14.0 0000:00:1d.0
      device 0000:00:02.0 id=8086:1616 class=0300
      device 0000:00:14.0 id=8086:9cb1 class=0c03
      device 0000:00:1d.0 id=8086:9cb2 class=0c03

      """
    let count = lines.split(separator: "\n").count
    return Explanation(of: try Trace(parsing: header + lines + "\nend \(count)")).chapters.map(\.facts)
  }

  private func grounds(_ facts: [Fact]) -> [RefusalGround] {
    facts.compactMap { if case .refusedCall(let call) = $0 { call.ground } else { nil } }
  }

  @Test("a refused assignment says which range and which page")
  func grounds() throws {
    let story = try facts(
      """
      create dom1 memory=512 pci=0000:00:14.0
      create dom1 memory=2048 passthrough=enabled
      attach dom1 0000:00:02.0
      attach dom1 0000:00:14.0 policy=relaxed
      create dom2 memory=512 pci=0000:00:14.0,policy=relaxed
      """)
    guard case .sharedRange(let unit, let sbdf, let count)? = grounds(story[0]).first else {
      Issue.record("no ground: \(story[0])")
      return
    }
    #expect(unit.base == 0x9000_0000 && sbdf == SBDF(0, 0, 0x14, 0) && count == 2)
    guard case .occupied(let range, let frames, .ram)? = grounds(story[2]).first else {
      Issue.record("no ground: \(story[2])")
      return
    }
    #expect(range.base == 0x4000_0000 && frames == FrameRange(0x40000, 0x40002))
    #expect(grounds(story[3]).isEmpty)
  }

  @Test("the account of ranges is that of the builder: what moves, what is dropped, what refuses")
  func accounts() throws {
    let story = try facts(
      """
      create dom1 memory=4096 strategy=host policy=relaxed pci=0000:00:02.0
      create dom1 memory=4096 strategy=host policy=relaxed
      """)
    func account(_ facts: [Fact]) -> RangeAccount? {
      for case .ranges(let account, _) in facts { return account }
      return nil
    }
    let refused = try #require(account(story[0]))
    #expect(refused.isRefused)
    #expect(refused.ranges.map(\.verdict).contains(.refused(.lowMemory)))
    let built = try #require(account(story[1]))
    #expect(!built.isRefused && built.boundary == 2 << 30)
    let verdicts = Dictionary(uniqueKeysWithValues: built.ranges.map { ($0.rdm.start, $0.verdict) })
    #expect(verdicts == [0x4000_0000: .dropped(.lowMemory), 0x9000_0000: .clear])
    #expect(built.moves.map(\.from) == [0xF000_0000] && built.moves.map(\.to) == [0x9000_0000])
    #expect(built.layout.lowMemoryEnd == 0x9000_0000)
  }
}
