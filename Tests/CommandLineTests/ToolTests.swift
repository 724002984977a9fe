import Foundation
import Testing

@Suite("Tools")
struct ToolTests {
  private static let folder = Program.project + "/Tools"

  private static func files(_ match: (String, String) -> Bool) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder).sorted().filter { path in
      var isFolder: ObjCBool = false
      let whole = folder + "/" + path
      guard FileManager.default.fileExists(atPath: whole, isDirectory: &isFolder), !isFolder.boolValue else {
        return false
      }
      let first =
        FileManager.default.contents(atPath: whole).map { String(decoding: $0.prefix(40), as: UTF8.self) } ?? ""
      return match(path, first)
    }
  }

  private func status(_ words: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = words
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  @Test("every shell script parses, can be executed, and says what it is for")
  func scripts() throws {
    let scripts = try Self.files { $1.hasPrefix("#!/usr/bin/env bash") } + ["../.ci/run"]
    #expect(scripts.count >= 9)
    for script in scripts {
      let path = Self.folder + "/" + script
      #expect(try status(["bash", "-n", path]) == 0, "\(script)")
      #expect(FileManager.default.isExecutableFile(atPath: path), "\(script)")
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      #expect(lines[1].hasPrefix("# "), "\(script)")
    }
  }

  @Test("every Python script compiles and every YAML file parses, where there is Python with yaml")
  func python() throws {
    guard try status(["python3", "-c", "import yaml"]) == 0 else { return }
    let scripts = try Self.files { path, _ in path.hasSuffix(".py") }
    let documents = try Self.files { path, _ in path.hasSuffix(".yaml") }
    #expect(!scripts.isEmpty && documents.count >= 2)
    for script in scripts {
      let check = "import ast, sys; ast.parse(open(sys.argv[1]).read())"
      #expect(try status(["python3", "-c", check, Self.folder + "/" + script]) == 0, "\(script)")
    }
    for document in documents {
      let check = "import sys, yaml; assert isinstance(yaml.safe_load(open(sys.argv[1])), dict)"
      #expect(try status(["python3", "-c", check, Self.folder + "/" + document]) == 0, "\(document)")
    }
  }
}
