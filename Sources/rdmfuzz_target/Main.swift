import CLibFuzzer
import Coverage
import Editions
import Features
import FuzzTarget
import Fuzzing
import Storage
import Tracing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// libFuzzer's target. Options are libFuzzer's own, and
///
///     rdmfuzz_target --dictionary                  writes a dictionary to standard output
///     rdmfuzz_target --seeds FOLDER PATH ...       writes the traces below PATH to FOLDER as seeds
///
/// `RDMFUZZ_EDITION` is the edition everything runs in; without it a trace runs in its own.
@main
enum Main {
  nonisolated(unsafe) fileprivate static var target = FuzzTarget()
  nonisolated(unsafe) private static var observer = FeatureObserver()

  static func main() {
    let arguments = CommandLine.arguments
    // To reproduce or to minimise is to look at everything; only a campaign looks at some runs as a whole and not others.
    let reproduces =
      arguments.contains { $0.hasPrefix("-minimize_crash") }
      || arguments.dropFirst().contains { !$0.hasPrefix("-") && isFile($0) }
    target = FuzzTarget(edition: edition(), comparesAll: reproduces)
    switch arguments.dropFirst().first {
    case "--dictionary": say(1, FuzzTarget.dictionary)
    case "--seeds": writeSeeds(Array(arguments.dropFirst(2)))
    default:
      // Comparisons cost a third, and only this looks at them.
      if arguments.contains("-use_value_profile=1") { Coverage.traceComparisons() }
      libfuzzer_reset_signals()
      var count = CommandLine.argc
      var vector = CommandLine.unsafeArgv
      exit(
        withUnsafeMutablePointer(to: &vector) { pointer in
          pointer.withMemoryRebound(to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.self, capacity: 1) {
            LLVMFuzzerRunDriver(&count, $0) { data, size in Main.test(data, size) }
          }
        })
    }
  }

  private static func edition() -> Edition? {
    guard let text = getenv("RDMFUZZ_EDITION").map({ String(cString: $0) }), !text.isEmpty else { return nil }
    do { return try Edition(parsing: text) } catch { end(64, "RDMFUZZ_EDITION: \(error)") }
  }

  private static func writeSeeds(_ words: [String]) {
    guard words.count >= 2 else { end(64, "expected --seeds FOLDER PATH ...") }
    var seeds = SeedFolder()
    do {
      for path in words.dropFirst() {
        for file in try Folder.files(under: path, endings: [".trace", ".trace.gz"]) {
          try seeds.add(file, to: words[0], for: target)
        }
      }
    } catch {
      end(65, "\(error)")
    }
    if seeds.written == 0 { end(66, "no trace fits") }
    say(1, "\(seeds.written) seeds, \(seeds.leftOut) traces left out\n")
  }

  private static func isFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// One input. libFuzzer forgets what -1 is said of; it needs one input to begin with, and begins with none.
  private static func test(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    let input = Array(UnsafeBufferPointer(start: data, count: size))
    switch target.run(input, &observer) {
    case .illegal: return size <= 1 ? 0 : -1
    case .clean:
      for feature in observer.features.ids { libfuzzer_add_feature(feature) }
      return 0
    case .broken(let failure):
      for line in failure.lines { say(2, "rdmfuzz_target: \(line)\n") }
      failure.crash()
    }
  }

  private static func end(_ code: Int32, _ message: String) -> Never {
    say(2, "rdmfuzz_target: \(message)\n")
    exit(code)
  }

  private static func say(_ descriptor: Int32, _ text: String) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, bytes.count - done) }
      if written < 0, errno == EINTR { continue }
      if written <= 0 { exit(70) }
      done += written
    }
  }
}

/// Copies `text` to where libFuzzer wants it.
private func hand(_ text: [UInt8], to place: UnsafeMutablePointer<UInt8>?, _ most: Int) -> Int {
  guard let place else { return 0 }
  let count = min(text.count, most)
  for index in 0..<count { place[index] = text[index] }
  return count
}

/// libFuzzer's hook for mutations on the text of traces.
@_cdecl("LLVMFuzzerCustomMutator")
public func customMutator(_ data: UnsafeMutablePointer<UInt8>?, _ size: Int, _ most: Int, _ seed: UInt32) -> Int {
  let input = Array(UnsafeBufferPointer(start: data, count: size))
  let text = Main.target.mutated(input, most: most, seed: UInt64(seed)) { text in
    guard text.count <= most else { return nil }
    var bytes = text + [UInt8](repeating: 0, count: most - text.count)
    let count = bytes.withUnsafeMutableBufferPointer { LLVMFuzzerMutate($0.baseAddress!, text.count, most) }
    bytes.removeSubrange(count...)
    return bytes
  }
  return hand(text, to: data, most)
}

/// libFuzzer's hook for putting two traces together.
@_cdecl("LLVMFuzzerCustomCrossOver")
public func customCrossOver(
  _ one: UnsafePointer<UInt8>?, _ oneSize: Int, _ other: UnsafePointer<UInt8>?, _ otherSize: Int,
  _ place: UnsafeMutablePointer<UInt8>?, _ most: Int, _ seed: UInt32
) -> Int {
  let text = Main.target.crossed(
    Array(UnsafeBufferPointer(start: one, count: oneSize)),
    with: Array(UnsafeBufferPointer(start: other, count: otherSize)), most: most, seed: UInt64(seed))
  return hand(text, to: place, most)
}
