import Storage

/// An hvmloader binary as its ELF file describes it: what lies where in guest memory, and where it is entered.
public struct LoaderImage: Hashable, Sendable {
  /// First byte in the guest.
  public let start: UInt32
  /// The bytes from `start` on, uninitialised data as zeros.
  public let bytes: [UInt8]
  /// Where it is entered.
  public let entry: UInt32
  /// Instructions: offsets into `bytes`, half open. Without section headers everything that the file holds.
  public let code: [Range<Int>]

  /// Twice what any build has; behind it the emulated machine has the BIOS image.
  static let sizeLimit = 0x5_F000
  /// Where every build is linked to (LD-79).
  static let address: UInt32 = 0x10_0000
  /// A file larger than that is no hvmloader, symbols and all.
  private static let fileLimit = 1 << 26

  /// Reads the file at `path`.
  public init(path: String) throws {
    let source = try ByteSource(path: path)
    var file: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = try source.read(into: &chunk)
      if count == 0 { break }
      file += chunk[..<count]
      if file.count > LoaderImage.fileLimit {
        throw StorageError(.malformed, path: path, "expected an hvmloader binary, found a file of more than 64 MiB")
      }
    }
    try self.init(file: file, path: path)
  }

  /// Reads the contents of the file at `path`.
  init(file: [UInt8], path: String) throws(StorageError) {
    func malformed(_ what: String) -> StorageError {
      StorageError(.malformed, path: path, "expected an hvmloader binary (ELF32 for i386), found \(what)")
    }
    let elf = ELFReader(file)
    guard file.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { throw malformed("no ELF file") }
    guard file.count > 52, file[4] == 1, file[5] == 1, elf.half(18) == 3 else {
      throw malformed("an ELF file for another machine")
    }
    guard elf.half(16) == 2, let entry = elf.word(24) else { throw malformed("no executable") }
    let headers = elf.table(at: elf.word(28), entryBytes: elf.half(42), count: elf.half(44), least: 32)
    guard let headers else { throw malformed("program headers beyond its end") }

    var image: [UInt8] = []
    for header in headers where elf.word(header) == 1 {
      guard let offset = elf.word(header + 4), let address = elf.word(header + 8),
        let fileBytes = elf.word(header + 16), let memoryBytes = elf.word(header + 20)
      else { throw malformed("a program header beyond its end") }
      guard address >= LoaderImage.address,
        UInt64(address) + UInt64(memoryBytes) <= UInt64(LoaderImage.address) + UInt64(LoaderImage.sizeLimit)
      else { throw malformed("a segment outside 0x100000-0x15f000") }
      guard fileBytes <= memoryBytes, UInt64(offset) + UInt64(fileBytes) <= UInt64(file.count) else {
        throw malformed("a segment beyond its end")
      }
      let place = Int(address - LoaderImage.address)
      if image.count < place + Int(memoryBytes) {
        image += [UInt8](repeating: 0, count: place + Int(memoryBytes) - image.count)
      }
      image.replaceSubrange(place..<place + Int(fileBytes), with: file[Int(offset)..<Int(offset) + Int(fileBytes)])
    }
    guard !image.isEmpty else { throw malformed("nothing to load") }
    guard entry >= LoaderImage.address, Int(entry - LoaderImage.address) < image.count else {
      throw malformed("an entry outside of what it loads")
    }
    start = LoaderImage.address
    bytes = image
    self.entry = entry

    var code: [Range<Int>] = []
    let sections = elf.table(at: elf.word(32), entryBytes: elf.half(46), count: elf.half(48), least: 40)
    // Allocated and executable.
    for section in sections ?? [] where (elf.word(section + 8) ?? 0) & 6 == 6 {
      guard let address = elf.word(section + 12), let size = elf.word(section + 20), address >= start,
        UInt64(address) + UInt64(size) <= UInt64(start) + UInt64(image.count)
      else { continue }
      code.append(Int(address - start)..<Int(address - start) + Int(size))
    }
    let holdsEntry = code.contains { $0.contains(Int(entry - LoaderImage.address)) }
    self.code = holdsEntry ? code : [0..<image.count]
  }
}

/// Little-endian numbers in a file of any length.
private struct ELFReader {
  private let file: [UInt8]

  init(_ file: [UInt8]) { self.file = file }

  func half(_ offset: Int) -> UInt16? {
    offset + 2 <= file.count ? UInt16(file[offset]) | UInt16(file[offset + 1]) << 8 : nil
  }

  func word(_ offset: Int) -> UInt32? {
    guard let low = half(offset), let high = half(offset + 2) else { return nil }
    return UInt32(high) << 16 | UInt32(low)
  }

  /// Offsets of a table's entries; nil if it is not all in the file.
  func table(at offset: UInt32?, entryBytes: UInt16?, count: UInt16?, least: Int) -> [Int]? {
    guard let offset, let entryBytes, let count, count == 0 || Int(entryBytes) >= least,
      Int(offset) + Int(entryBytes) * Int(count) <= file.count
    else { return nil }
    return (0..<Int(count)).map { Int(offset) + $0 * Int(entryBytes) }
  }
}
