import Editions

/// A place where hvmloader gives up. File and line are those of 4.17.7, in all editions.
public enum LoaderBug: String, CaseIterable, Sendable {
  case memoryMapUnavailable
  case dynamicAreaConflict
  case mapRefused
  case storeFrame
  case storeEventChannel
  case unknownBIOS
  case noBIOSImage
  case sharedInfo
  case isaBridge
  case powerManagement
  case relocation
  case pageDonation
  case holeExhausted
  case arenaExhausted
  case acpiArenaExhausted
  case hvmInfoSignature
  case hvmInfoLength
  case hvmInfoChecksum
  case seabiosTooLarge
  case ovmfTooLarge
  case biosBase
  case lowMemory
  case highMemory

  /// The rule that stops.
  public var rule: Rule {
    switch self {
    case .memoryMapUnavailable: .ld(7)
    case .dynamicAreaConflict: .ld(8)
    case .mapRefused: .ld(10)
    case .storeFrame, .storeEventChannel: .ld(1)
    case .unknownBIOS: .ld(86)
    case .noBIOSImage: .ld(80)
    case .sharedInfo: .ld(62)
    case .isaBridge: .ld(20)
    case .powerManagement: .ld(21)
    case .relocation: .ld(32)
    case .pageDonation: .ld(54)
    case .holeExhausted: .ld(52)
    case .arenaExhausted: .ld(53)
    case .acpiArenaExhausted: .ld(55)
    case .hvmInfoSignature, .hvmInfoLength, .hvmInfoChecksum: .ld(71)
    case .ovmfTooLarge: .ld(57)
    case .seabiosTooLarge, .biosBase, .lowMemory: .ld(63)
    case .highMemory: .ld(13)
    }
  }

  /// Source file.
  var file: String {
    switch self {
    case .memoryMapUnavailable, .dynamicAreaConflict, .mapRefused, .biosBase, .lowMemory, .highMemory: "e820.c"
    case .storeFrame, .storeEventChannel: "xenbus.c"
    case .unknownBIOS, .noBIOSImage: "hvmloader.c"
    case .isaBridge, .powerManagement, .relocation: "pci.c"
    case .seabiosTooLarge: "seabios.c"
    case .ovmfTooLarge: "ovmf.c"
    case .sharedInfo, .pageDonation, .holeExhausted, .arenaExhausted, .acpiArenaExhausted, .hvmInfoSignature,
      .hvmInfoLength, .hvmInfoChecksum:
      "util.c"
    }
  }

  /// Line in it.
  var line: Int {
    switch self {
    case .memoryMapUnavailable: 39
    case .dynamicAreaConflict, .mapRefused: 52
    case .storeFrame: 60
    case .storeEventChannel: 65
    case .unknownBIOS: 255
    case .noBIOSImage: 388
    case .sharedInfo: 797
    case .isaBridge: 170
    case .powerManagement: 206
    case .relocation: 408
    case .pageDonation: 437
    case .holeExhausted: 450
    case .arenaExhausted: 465
    case .acpiArenaExhausted: 894
    case .hvmInfoSignature: 747
    case .hvmInfoLength: 753
    case .hvmInfoChecksum: 762
    case .seabiosTooLarge: 127
    case .ovmfTooLarge: 113
    case .biosBase: 168
    case .lowMemory: 260
    case .highMemory: 269
    }
  }

  /// What an assertion states, nil for a BUG.
  var assertion: String? {
    switch self {
    case .isaBridge: "(devfn != PCI_ISA_DEVFN) || ((vendor_id == 0x8086) && (device_id == 0x7000))"
    case .powerManagement: "(vendor_id == 0x8086) && (device_id == 0x7113)"
    case .biosBase: "bios_image_base < 0x100000"
    default: nil
    }
  }
}

extension LoaderBug {
  /// The place at which a binary gives up that printed `lines` last: by the assertion it states, by what it said before,
  /// or by file and line where it is the build whose lines are known here. Nil if it is none of them.
  public init?(printed lines: [String]) {
    guard
      let end = lines.lastIndex(where: {
        $0.hasPrefix("*** HVMLoader bug at ") || $0.hasPrefix("*** HVMLoader assertion ")
      })
    else { return nil }
    let line = lines[end] + "\n"
    let before = end > 0 ? lines[end - 1] : ""
    func said(_ beginnings: [String]) -> Bool { beginnings.contains { before.hasPrefix($0) } }
    if let known = LoaderBug.allCases.first(where: { bug in
      bug.assertion.map { line.contains("assertion '\($0)' failed") } ?? false
    }) {
      self = known
    } else if said(["Get guest memory maps["]) {
      self = .memoryMapUnavailable
    } else if said(["Fail to setup memory map due to conflict on dynamic reserved memory range."]) {
      self = .dynamicAreaConflict
    } else if said(["Bad hvm info signature"]) {
      self = .hvmInfoSignature
    } else if said(["Bad hvm info length"]) {
      self = .hvmInfoLength
    } else if said(["Bad hvm info checksum"]) {
      self = .hvmInfoChecksum
    } else if said(["Unknown BIOS "]) {
      self = .unknownBIOS
    } else if said(["no BIOS ROM image found"]) {
      self = .noBIOSImage
    } else if let known = LoaderBug.allCases.first(where: { LogRecord.bug($0).text == line }) {
      self = known
    } else {
      return nil
    }
  }
}

/// Thrown where the loader crashes the guest.
struct LoaderCrash: Error {
  var bug: LoaderBug
  /// The line printed before, where there is one.
  var reason: LogRecord?

  init(_ bug: LoaderBug, _ reason: LogRecord? = nil) {
    self.bug = bug
    self.reason = reason
  }
}
