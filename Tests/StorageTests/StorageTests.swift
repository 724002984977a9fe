import Storage
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

private func bytes(of path: String) throws -> [UInt8] {
  let source = try ByteSource(path: path)
  return try drain(source)
}

private func drain(_ source: ByteSource) throws -> [UInt8] {
  var all: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1000)
  while true {
    let count = try source.read(into: &chunk)
    if count == 0 { return all }
    all += chunk[0..<count]
  }
}

/// The file as it lies on disk, gzip or not.
private func raw(_ path: String) -> [UInt8] {
  let file = fopen(path, "r")!
  defer { fclose(file) }
  var all = [UInt8](repeating: 0, count: 1 << 20)
  return Array(all[0..<fread(&all, 1, all.count, file)])
}

private let sample: [UInt8] = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

@Suite("Storage")
struct StorageTests {
  @Test("what is written reads back, plain and gzip", arguments: [false, true])
  func roundTrip(gzip: Bool) throws {
    let path = temporaryFolder() + "/file"
    for contents in [[], [7], sample] as [[UInt8]] {
      var file = try AtomicFile(path: path, gzip: gzip)
      try file.write(contents)
      try file.commit()
      #expect(try bytes(of: path) == contents)
    }
  }

  @Test("equal contents make equal gzip files")
  func stableBytes() throws {
    let folder = temporaryFolder()
    for name in ["a", "b"] {
      var file = try AtomicFile(path: folder + "/" + name, gzip: true)
      try file.write(sample)
      try file.commit()
    }
    #expect(raw(folder + "/a") == raw(folder + "/b"))
  }

  @Test("a file that is not committed leaves nothing, and an old one as it was")
  func abandoned() throws {
    let folder = temporaryFolder()
    let path = folder + "/file"
    var kept = try AtomicFile(path: path, gzip: false)
    try kept.write("old")
    try kept.commit()
    do {
      var file = try AtomicFile(path: path, gzip: false)
      try file.write("new")
    }
    #expect(try bytes(of: path) == Array("old".utf8))
    var names: [String] = []
    let listing = opendir(folder)!
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    closedir(listing)
    #expect(names == ["file"])
  }

  @Test("what a killed writer left is swept away; a writer at work, and all else, stays")
  func sweep() throws {
    let folder = temporaryFolder()
    func leave(_ path: String) { fclose(fopen("\(folder)/\(path)", "w")!) }
    try Folder.make("\(folder)/inner")
    for path in [".a.7.tmp", "inner/.b.8.tmp", "c.tmp", ".d", "e"] { leave(path) }
    var atWork = try AtomicFile(path: "\(folder)/inner/f", gzip: false)
    try atWork.write("whole")
    Folder.sweep(folder)
    Folder.sweep(folder + "/none")
    for (path, stays) in [(".a.7.tmp", false), ("inner/.b.8.tmp", false), ("c.tmp", true), (".d", true), ("e", true)] {
      #expect((access("\(folder)/\(path)", F_OK) == 0) == stays, "\(path)")
    }
    try atWork.commit()
    #expect(try bytes(of: folder + "/inner/f") == Array("whole".utf8))
  }

  @Test("two writers of one file do not meet: the later one's contents stay")
  func writers() throws {
    let path = temporaryFolder() + "/x"
    var first = try AtomicFile(path: path, gzip: false)
    var second = try AtomicFile(path: path, gzip: false)
    try first.write("first")
    try second.write("second")
    try first.commit()
    #expect(try bytes(of: path) == Array("first".utf8))
    try second.commit()
    #expect(try bytes(of: path) == Array("second".utf8))
  }

  @Test("every truncation of a gzip file is an error, never a short file")
  func truncations() throws {
    let path = temporaryFolder() + "/file"
    var file = try AtomicFile(path: path, gzip: true)
    try file.write(sample.prefix(3000))
    try file.commit()
    let whole = raw(path)
    for length in 2..<whole.count {
      let source = ByteSource(bytes: Array(whole[0..<length]), name: "cut")
      #expect(throws: StorageError.self, "cut at \(length)") { try drain(source) }
    }
    #expect(try drain(ByteSource(bytes: whole + whole, name: "twice")).count == 6000)
    #expect(throws: StorageError.self) { try drain(ByteSource(bytes: whole + [1, 2], name: "tail")) }
  }

  @Test("spoiled gzip files are read or refused; reading takes no more memory than the chunk")
  func spoiledArchives() throws {
    let path = temporaryFolder() + "/file"
    // The last one unpacks to a thousand times its size.
    let contents: [[UInt8]] = [[], [7], Array(sample.prefix(500)), [UInt8](repeating: 0, count: 1 << 16)]
    let samples = try contents.map {
      var file = try AtomicFile(path: path, gzip: true)
      try file.write($0)
      try file.commit()
      return raw(path)
    }
    var spoiler = Spoiler(seed: 1, samples: samples)
    spoiler.limit = 4_000
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let count = SpoiledInputs.count(usually: 20_000)
    var refused = 0
    for round in 0..<count {
      spoiler.start = round % 4 == 0 ? 0 : 2
      let source = ByteSource(bytes: spoiler.next(), name: "spoiled")
      do throws(StorageError) {
        while try source.read(into: &chunk) > 0 {}
      } catch {
        refused += 1
        if error.kind != .malformed { Issue.record("round \(round): \(error)") }
      }
    }
    #expect(refused > count / 4)
  }

  @Test("lines, their numbers, and the limit")
  func lines() throws {
    var reader = LineReader(bytes: Array("one\r\n\ntwo".utf8), name: "text", limit: 4)
    var line: [UInt8] = []
    var seen: [String] = []
    while try reader.next(into: &line) { seen.append("\(reader.number):\(String(decoding: line, as: UTF8.self))") }
    #expect(seen == ["1:one", "2:", "3:two"])
    var long = LineReader(bytes: Array("four".utf8), name: "text", limit: 3)
    #expect(throws: StorageError.self) { _ = try long.next(into: &line) }
  }

  @Test("lines longer than the buffer, from memory and from gzip, and bytes that only begin like gzip")
  func longLines() throws {
    let path = temporaryFolder() + "/file"
    let long = String(repeating: "x", count: 70_000)
    for gzip in [false, true] {
      var file = try AtomicFile(path: path, gzip: gzip)
      try file.write("\n\(long)\r\n\(long)\n")
      try file.commit()
      for fromMemory in [false, true] {
        var reader =
          fromMemory ? LineReader(bytes: raw(path), name: "memory") : try LineReader(path: path)
        var line: [UInt8] = []
        var lengths: [Int] = []
        while try reader.next(into: &line) { lengths.append(line.count) }
        #expect(lengths == [0, 70_000, 70_000])
      }
    }
    for start in [[0x1F], [0x1F, 0x0A], [0x1F, 0x8C]] as [[UInt8]] {
      #expect(try drain(ByteSource(bytes: start, name: "short")) == start)
    }
  }

  @Test("a missing file and a folder")
  func notAFile() throws {
    let folder = temporaryFolder()
    let missing = #expect(throws: StorageError.self) { _ = try ByteSource(path: folder + "/none") }
    #expect(missing?.kind == .missing)
    let notFile = #expect(throws: StorageError.self) { _ = try ByteSource(path: folder) }
    #expect(notFile?.kind == .system)
  }
}
