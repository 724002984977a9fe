import Editions
import Platform
import Testing
import Toolstack

@testable import Tracing

@Suite("Words")
struct VocabularyTests {
  private func word(_ bytes: [UInt8]) -> Word? { bytes.withUnsafeBytes { Word($0) } }

  private func check<Meaning: RawRepresentable & CaseIterable & Equatable>(_ vocabulary: Vocabulary<Meaning>)
  where Meaning.RawValue == String {
    let words = Meaning.allCases.map { Array($0.rawValue.utf8) }
    for (meaning, bytes) in zip(Meaning.allCases, words) {
      #expect(word(bytes).flatMap(vocabulary.meaning(of:)) == meaning)
      // Everything one step away is no word, or another one.
      var near = [bytes + [0], bytes + [UInt8(ascii: "x")], Array(bytes.dropLast()), Array(bytes.dropFirst())]
      for index in bytes.indices {
        var changed = bytes
        changed[index] ^= 0x20
        near.append(changed)
      }
      for other in near where !words.contains(other) {
        #expect(word(other).flatMap(vocabulary.meaning(of:)) == nil, "\(other)")
      }
    }
  }

  @Test("each word is found and nothing that is near it")
  func found() {
    check(EventKeyword.vocabulary)
    check(HypercallOperation.vocabulary)
    check(HeaderKeyword.vocabulary)
    check(RDMPolicy.vocabulary)
    check(GuestConfiguration.Passthrough.vocabulary)
    check(PCIFunction.Kind.vocabulary)
    check(BAR.Kind.vocabulary)
    check(Machine.Quarantine.vocabulary)
  }

  @Test("words are equal when their bytes are, up to 31 of them")
  func equality() {
    for count in 0...40 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + 1) }
      #expect((word(bytes) == nil) == (count > 31))
      guard let whole = word(bytes) else { continue }
      #expect(whole == word(Array(bytes)))
      for index in bytes.indices {
        for bit in 0..<8 {
          var changed = bytes
          changed[index] ^= 1 << UInt8(bit)
          #expect(word(changed) != whole)
        }
        #expect(word(Array(bytes[..<index])) != whole)
      }
    }
  }

  @Test("numbers are written as the standard library writes them")
  func numbers() {
    var values: [UInt64] = [0, .max, 9_999_999_999_999_999, 10_000_000_000_000_000, 10_000_000_000_000_001]
    for bit in UInt64(0)..<64 { values += [1 << bit, (1 << bit) &- 1, (1 << bit) &+ 1, 0xFEDC_BA98_7654_3210 >> bit] }
    var power: UInt64 = 1
    for _ in 0..<19 {
      values += [power - 1, power, power + 1, power &* 9]
      power &*= 10
    }
    for value in values {
      var text = CanonicalText()
      text.put(decimal: value)
      #expect(text.string == String(value))
      text.removeAll()
      text.put(hex: value)
      #expect(text.string == "0x" + String(value, radix: 16))
      for width in [1, 2, 4, 16] {
        text.removeAll()
        text.put(digits: value, width: width)
        let digits = String(value, radix: 16)
        #expect(text.string == String(repeating: "0", count: max(0, width - digits.count)) + digits)
      }
    }
    for raw in stride(from: UInt32(0), through: UInt32(0xFFFF_0000), by: 0x1_2345) {
      let sbdf = SBDF(rawValue: raw)
      var text = CanonicalText()
      text.put(sbdf)
      #expect(text.string == sbdf.description)
      #expect((try? TraceStep(parsing: "unplug \(sbdf)"))?.event == .unplug(sbdf))
    }
  }

  @Test("an address that is not one is refused at its place, whatever follows")
  func addresses() {
    for (text, column) in [
      ("0000:00:20.0", 8), ("0000:00:02.8", 8), ("0000:00:02.00", 8), ("0000:00:02.g", 8), ("000:00:02.0", 8),
      ("0000:00:2.00", 8), ("0000-00:02.0", 8), ("0000:00:02,0", 8),
    ] {
      let error = #expect(throws: TraceError.self) { try TraceStep(parsing: "unplug \(text)") }
      #expect(error?.column == column && error?.message.hasPrefix("expected a PCI address such as") == true)
    }
    #expect(throws: TraceError.self) { try TraceStep(parsing: "unplug 0000:00:02.0x") }
    #expect((try? TraceStep(parsing: "unplug 02:1f.7"))?.event == .unplug(SBDF(0, 2, 31, 7)))
  }

  @Test("an arrow stands between blanks or at an end, at any place of the line")
  func arrows() throws {
    for blanks in 0..<24 {
      let gap = String(repeating: " ", count: blanks)
      let step = try TraceStep(parsing: "iommu \(gap)-> a>b -x> ->c d->")
      #expect(step.observation?.words == ["a>b", "-x>", "->c", "d->"])
      #expect(try TraceStep(parsing: "iommu\(gap) -> ok\(gap)").observation == Observation(["ok"]))
      #expect(try TraceStep(parsing: "iommu -> ok \(gap)x").observation?.words == ["ok", "x"])
      #expect(throws: TraceError.self) { try TraceStep(parsing: "iommu \(gap)->") }
    }
  }
}
