import Platform
import TestSupport
import Testing

/// An IOMMU with everything behind it but itself.
private let hardware = IVRSBlock.ivhd(IVHDRecord(registerBase: 0xFEB8_0000, entries: [.init(3, through: .max)]))

private func memory(_ target: IVMDRecord.Target, _ flags: IVMDRecord.Flags = [.unity, .read, .write]) -> IVRSBlock {
  .ivmd(IVMDRecord(start: 0xAD00_0000, length: 0x1000, flags: flags, target: target))
}

/// Why `bytes` are no table, nil if they are one.
private func fault(_ bytes: [UInt8]) -> IVRSFault.Kind? {
  do throws(IVRSTable.DecodingError) {
    _ = try IVRSTable(decoding: bytes)
    return nil
  } catch {
    if case .fault(let fault) = error { return fault.kind }
    Issue.record("no table")
    return nil
  }
}

/// The bytes changed, with the checksum put right.
private func changed(_ table: IVRSTable, _ change: (inout [UInt8]) -> Void) throws -> [UInt8] {
  var bytes = try table.encoded()
  change(&bytes)
  bytes[9] = 0
  bytes[9] = 0 &- bytes.reduce(0 as UInt8, &+)
  return bytes
}

@Suite("IVRS tables")
struct IVRSTests {
  /// Where the first block behind the header and the IOMMU begins.
  private static let second = 48 + 40

  @Test("1.8: every kind of block and entry comes back from bytes")
  func roundTrip() throws {
    let table = IVRSTable(
      [
        .ivhd(
          IVHDRecord(
            segment: 1, iommu: 0x102, capability: 0x64, registerBase: 0x1_FEB8_0000,
            entries: [
              .init(8), .init(0x10, through: 0x1F), .init(0x20, alias: 0x10), .init(0x30, through: 0x37, alias: 0x10),
            ])), hardware, memory(.all), memory(.device(0x10), [.exclusion]), memory(.devices(0x10, 0x18), .unity),
        memory(.iommu(2, capability: 0x40), []),
      ], physicalBits: 40, virtualBits: 48)
    #expect(try IVRSTable(decoding: table.encoded()) == table)
    #expect(table.addressBits == 40)
  }

  @Test("HV-37: an IVMD block of less than 32 bytes is a fault, one of 32 is none")
  func memoryLength() throws {
    let table = IVRSTable([hardware, memory(.all)])
    #expect(fault(try changed(table) { _ in }) == nil)
    for length in [7, 24, 31] as [UInt8] {
      let bytes = try changed(table) {
        $0[IVRSTests.second + 2] = length
        $0[4] = UInt8(IVRSTests.second) + length
        $0.removeLast(32 - Int(length))
      }
      #expect(fault(bytes) == .blockLength, "\(length)")
    }
  }

  @Test("HV-41: checksum, blocks beyond the table, blocks without a byte, no IOMMU")
  func wholeTable() throws {
    let table = IVRSTable([hardware, memory(.all)])
    var bytes = try table.encoded()
    bytes[9] ^= 1
    #expect(fault(bytes) == .checksum)
    #expect(fault(try changed(table) { $0[IVRSTests.second + 2] = 33 }) == .beyondTable)
    #expect(fault(try changed(table) { $0[IVRSTests.second + 2] = 0 }) == .emptyBlock)
    #expect(fault(try IVRSTable([memory(.all)]).encoded()) == .noHardware)
    // Type 0x11 counts only where the table has the features; other types are passed over.
    #expect(fault(try changed(table) { $0[48] = 0x11 }) == .noHardware)
    #expect(fault(try changed(table) { $0[48] = 0x40 }) == .noHardware)
    let skipped = try IVRSTable(decoding: changed(table) { $0[IVRSTests.second] = 0x30 })
    #expect(skipped.blocks == [hardware])
    #expect(throws: IVRSTable.DecodingError.noTable) { try IVRSTable(decoding: [1, 2, 3]) }
  }

  @Test("an IOMMU needs function, capability and registers; entries end inside their block and know their type")
  func hardwareBlocks() throws {
    let table = IVRSTable([hardware])
    for place in [52, 54] { #expect(fault(try changed(table) { $0[place] = 0 }) == .hardware) }
    #expect(fault(try changed(table) { for index in 56..<64 { $0[index] = 0 } }) == .hardware)
    #expect(fault(try changed(table) { $0[72] = 1 }) == .entry)
    #expect(fault(try changed(table) { $0[76] = 0 }) == .entry)
    #expect(fault(try changed(table) { $0[80] = 67 }) == .entry)
    #expect(fault(try changed(table) { $0[50] = 39 }) == .blockLength)
  }

  @Test("a range of bytes is rounded outward to pages (HV-37)")
  func pages() {
    let record = IVMDRecord(start: 0x1800, length: 0x1000, target: .all)
    #expect(record.firstPage == 0x1000 && record.lastPage == 0x2000)
  }
}

@Suite("IVRS and ivmd= under spoiled input")
struct IVRSFuzzTests {
  @Test("spoiled tables decode or not, within the input's measure; what decodes survives another round")
  func tables() throws {
    var random = SplitMix64(seed: 21)
    func bdf() -> UInt16 { UInt16(truncatingIfNeeded: random.next() >> UInt64(random.below(64))) }
    let samples = try (0..<300).map { _ in
      try IVRSTable(
        [hardware]
          + (0..<random.below(5)).map { _ in
            memory([.all, .device(bdf()), .devices(bdf(), bdf()), .iommu(2, capability: 0x40)][random.below(4)])
          } + [.ivhd(IVHDRecord(registerBase: 1, entries: [.init(bdf(), through: bdf()), .init(bdf(), alias: bdf())]))]
      ).encoded()
    }
    var spoiler = Spoiler(seed: 22, samples: samples)
    let count = SpoiledInputs.count(usually: 60_000)
    var sound = 0
    var faults = 0
    for round in 0..<count {
      spoiler.start = round % 8 == 0 ? 0 : 4
      var bytes = spoiler.next()
      if round % 2 == 0, bytes.count > 9 {
        bytes[9] = 0
        bytes[9] = 0 &- bytes.reduce(0 as UInt8, &+)
      }
      guard IVRSTable.isTable(bytes) else { continue }
      guard let table = try? IVRSTable(decoding: bytes) else {
        faults += 1
        continue
      }
      sound += 1
      if table.blocks.count > bytes.count / 6 + 1 { Issue.record("\(table.blocks.count) blocks: \(bytes)") }
      if try IVRSTable(decoding: table.encoded()) != table { Issue.record("\(bytes)") }
    }
    #expect(faults > count / 4 && sound > count / 20)
  }

  @Test("HV-43: spoiled options keep the limit of 8 blocks; an error never takes blocks away")
  func options() {
    let samples = ["f0-ff=0:5.0,0:6.0-0:6.7;3e000=1:2.3", "f0;f1-f2", "0xf0=0:1f.0x7-1:0.0,2:3.4"]
    var spoiler = Spoiler(
      seed: 23, samples: samples.map { Array($0.utf8) },
      tokens: ["0x", "-", "=", ";", ",", ":", ".", "ffffffffffffffff", "0xfffffffffffff", "0", "g", "+1", " "])
    spoiler.limit = 2_000
    let count = SpoiledInputs.count(usually: 60_000)
    var refused = 0
    for _ in 0..<count {
      var option = IVMDOption()
      for _ in 0..<2 {
        let before = option.blocks
        let bytes = spoiler.next()
        do {
          try option.read(String(decoding: bytes, as: UTF8.self), kept: spoiler.random.below(150))
        } catch {
          refused += 1
          if ![.EINVAL, .E2BIG].contains(error.error) { Issue.record("\(error)") }
        }
        if !option.blocks.starts(with: before) || option.blocks.count > 8 { Issue.record("\(bytes)") }
      }
    }
    #expect(refused > count / 2)
  }
}

@Suite("The ivmd= option")
struct IVMDOptionTests {
  /// Targets and pages of the blocks, and the error.
  private func read(_ values: String...) -> (blocks: [IVMDRecord], error: String?) {
    var option = IVMDOption()
    var error: String?
    for value in values {
      do { try option.read(value) } catch let refusal { error = "\(refusal.error)" }
    }
    return (option.blocks, error)
  }

  @Test("HV-43: pages, devices, runs of devices; each device item is a block; without devices it is for all")
  func grammar() {
    let (blocks, error) = read("f0-f1=0:5.0,0:6.0-0:6.7;0x1000")
    #expect(error == nil)
    #expect(blocks.map(\.target) == [.device(0x28), .devices(0x30, 0x37), .all])
    #expect(blocks.map(\.start) == [0xF0000, 0xF0000, 0x100_0000])
    #expect(blocks.map(\.length) == [0x2000, 0x2000, 0x1000])
    #expect(blocks.allSatisfy { $0.flags == [.unity, .read, .write] })
  }

  @Test(
    "HV-43: a range of one function is read; the other way round, another segment and an end below the start are not")
  func errors() {
    #expect(read("f0=0:5.0-0:5.0").blocks.map(\.target) == [.devices(0x28, 0x28)])
    for bad in [
      "f0=0:5.1-0:5.0", "f0=1:0:5.0", "f0=0:5.0-1:0:5.1", "f1-f0", "", "g", "f0-", "f0=", "f0=0:20.0", "f0=0:5.8",
    ] {
      let (blocks, error) = read(bad)
      #expect(blocks.isEmpty && error == "EINVAL", "\(bad)")
    }
    // What was complete stays.
    #expect(read("f0;f1 ").blocks.count == 2)
    #expect(read("f0;f1=0:5.0,x").blocks.count == 2)
  }

  @Test("HV-43: at most 8 blocks of all options together")
  func limit() {
    let (blocks, error) = read("1;2;3;4;5;6", "7=0:1.0,0:2.0,0:3.0")
    #expect(blocks.count == 8 && error == "E2BIG")
    #expect(read("1;2;3;4;5;6;7;8").error == nil)
  }
}
