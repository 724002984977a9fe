import Storage
import Testing

@testable import Oracles

/// A small ELF file: one segment at 0x100000 with some code.
func smallLoader(code: [UInt8] = [0xF4], machine: UInt16 = 3, address: UInt32 = 0x10_0000, memory: UInt32 = 0x2000)
  -> [UInt8]
{
  var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
  func half(_ value: UInt16) { file += [UInt8(value & 0xFF), UInt8(value >> 8)] }
  func word(_ value: UInt32) {
    half(UInt16(value & 0xFFFF))
    half(UInt16(value >> 16))
  }
  half(2)
  half(machine)
  word(1)
  word(0x10_0000)  // entry
  word(52)  // program headers
  word(0)  // section headers
  word(0)
  for value: UInt16 in [52, 32, 1, 40, 0, 0] { half(value) }
  word(1)
  word(84)
  word(address)
  word(address)
  word(UInt32(code.count))
  word(memory)
  word(7)
  word(16)
  return file + code
}

@Suite("Loader image")
struct LoaderImageTests {
  @Test("a segment lies where the file says, with zeros behind it")
  func segment() throws {
    let image = try LoaderImage(file: smallLoader(code: [0x90, 0xF4]), path: "loader")
    #expect(image.start == 0x10_0000 && image.entry == 0x10_0000)
    #expect(image.bytes.count == 0x2000 && image.bytes.prefix(3) == [0x90, 0xF4, 0])
    #expect(image.code == [0..<0x2000])
  }

  @Test(
    "what is no hvmloader is said so in one line",
    arguments: [
      ([], "no ELF file"), (Array("#!/bin/sh".utf8), "no ELF file"),
      (smallLoader(machine: 62), "an ELF file for another machine"),
      (smallLoader(address: 0x1000), "a segment outside 0x100000-0x15f000"),
      (smallLoader(memory: 0x20_0000), "a segment outside 0x100000-0x15f000"),
      (smallLoader(code: [1, 2, 3, 4], memory: 3), "a segment beyond its end"),
      (Array(smallLoader().prefix(60)), "program headers beyond its end"),
    ] as [([UInt8], String)])
  func malformed(_ file: [UInt8], _ what: String) {
    let error = #expect(throws: StorageError.self) { try LoaderImage(file: file, path: "loader") }
    #expect(error?.description == "loader: expected an hvmloader binary (ELF32 for i386), found \(what)")
  }

  @Test("no prefix and no flipped byte of a file traps")
  func spoiled() {
    let file = smallLoader(code: [UInt8](repeating: 0x90, count: 64))
    for length in 0..<file.count { _ = try? LoaderImage(file: Array(file.prefix(length)), path: "") }
    for place in file.indices {
      for value: UInt8 in [0, 1, 0x7F, 0xFF] {
        var spoiled = file
        spoiled[place] = value
        _ = try? LoaderImage(file: spoiled, path: "")
      }
    }
  }
}
