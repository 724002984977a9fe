import Firmware
import Platform

/// Configuration space of a guest's bus 0, behind the ports CF8 and CFC: plain registers with bits that can be written.
///
/// Sizing a register works because only the bits above its size can be written; what a register decodes plays no part.
struct ConfigurationSpace {
  /// One register of a function, as its device describes it.
  private struct Register {
    var bar: BAR
    var romEnabled: Bool
  }

  private struct Function {
    var devfn: UInt8
    var vendor: UInt16
    var classCode: UInt16
    var registers: [Register]
  }

  private static let words = 64
  private var functions: [Function] = []
  /// The function at each devfn, 255 = none.
  private var places = [UInt8](repeating: 255, count: 256)
  private var values: [UInt32] = []
  private var masks: [UInt32] = []
  /// Words that ones were written to: registers whose size somebody asked for.
  private var asked: [Bool] = []
  /// What was last written to CF8.
  var address: UInt32 = 0
  /// Registers that answered at a place while only half of them was written (H-6).
  private(set) var passing: [PlacedBAR] = []

  /// The functions of `input` after a reset, but for its entry states; of two at one devfn the first counts.
  init(of input: FirmwareInput) {
    let sorted = input.functions.enumerated().sorted {
      ($0.element.devfn, $0.offset) < ($1.element.devfn, $1.offset)
    }
    for (_, function) in sorted {
      if functions.last?.devfn == function.devfn { continue }
      if function.vendor == 0xFFFF, function.device == 0xFFFF { continue }
      let states = input.entryStates.filter { $0.devfn == function.devfn }
      add(function, states)
    }
  }

  private mutating func add(_ function: GuestFunction, _ states: [BAREntryState]) {
    places[Int(function.devfn)] = UInt8(functions.count)
    let base = values.count
    values += [UInt32](repeating: 0, count: ConfigurationSpace.words)
    masks += [UInt32](repeating: 0, count: ConfigurationSpace.words)
    asked += [Bool](repeating: false, count: ConfigurationSpace.words)
    values[base] = UInt32(function.device) << 16 | UInt32(function.vendor)
    masks[base + 1] = 0x07FF
    values[base + 2] = UInt32(function.classCode) << 16
    values[base + 15] = UInt32(function.interruptPin) << 8
    masks[base + 15] = 0xFF
    // Registers of the device itself.
    for word in 16..<ConfigurationSpace.words { masks[base + word] = .max }

    var registers: [Register] = []
    var free: UInt8 = 0
    for index: UInt8 in 0...6 where index >= free {
      guard let bar = function.bars.first(where: { $0.index == index }) else { continue }
      let isROM = index == 6
      let isIO = bar.kind == .io && !isROM
      let is64 = bar.kind.is64Bit && !isROM
      let fixed: UInt64 = isROM ? 0xFFFF_F800 : isIO ? 0xFFFC : is64 ? ~0xF : 0xFFFF_FFF0
      let writable = (0 &- bar.size) & fixed
      if writable == 0 { continue }
      let state = states.first { $0.index == index }
      let word = base + Int(bar.index == 6 ? 0x30 : 0x10 + 4 * bar.index) / 4
      masks[word] = UInt32(truncatingIfNeeded: writable) | (isROM ? 1 : 0)
      values[word] = isROM ? (state?.romEnabled == true ? 1 : 0) : bar.kind.lowBits
      if is64 {
        masks[word + 1] = UInt32(truncatingIfNeeded: writable >> 32)
        values[word + 1] = state?.upperHalf ?? 0
        free = index + 2
      }
      var described = bar
      described.size = writable & (0 &- writable)
      registers.append(Register(bar: described, romEnabled: isROM && state?.romEnabled == true))
    }
    functions.append(
      Function(
        devfn: function.devfn, vendor: function.vendor, classCode: function.classCode, registers: registers))
  }

  // MARK: Ports

  /// Reads `size` bytes, 1, 2 or 4, `offset` bytes behind CFC.
  func read(offset: UInt32, size: Int) -> UInt32 {
    guard let word = word else { return .max }
    return values[word] >> (8 * offset)
  }

  /// Writes them.
  mutating func write(offset: UInt32, size: Int, value: UInt32) {
    guard let word = word else { return }
    let shift = 8 * offset
    let lanes = (size == 4 ? UInt32.max : UInt32(1) << UInt32(8 * size) &- 1) << shift
    let mask = masks[word] & lanes
    values[word] = values[word] & ~mask | (value << shift) & mask
    if value >> 11 == UInt32.max >> 11 { asked[word] = true }
    noteHalf(word, value)
  }

  /// The addressed word's place, nil where nothing answers.
  private var word: Int? {
    guard address >> 31 == 1, address >> 16 & 0xFF == 0 else { return nil }
    let place = places[Int(address >> 8 & 0xFF)]
    return place == 255 ? nil : Int(place) * ConfigurationSpace.words + Int(address >> 2 & 63)
  }

  /// A 64-bit register whose lower half is written while its function decodes memory answers where it then stands.
  private mutating func noteHalf(_ word: Int, _ value: UInt32) {
    let base = word / ConfigurationSpace.words * ConfigurationSpace.words
    guard values[base + 1] & 2 != 0, value != .max, value & ~0xF != 0 else { return }
    let function = functions[word / ConfigurationSpace.words]
    guard
      let register = function.registers.first(where: {
        $0.bar.kind.is64Bit && $0.bar.index < 6 && Int($0.bar.register) / 4 == word - base
      })
    else { return }
    let address = UInt64(values[word + 1]) << 32 | UInt64(values[word] & ~0xF)
    passing.append(PlacedBAR(devfn: function.devfn, bar: register.bar, address: address, decodes: true))
  }

  // MARK: What is left behind

  /// Every register that was sized, ascending by devfn and index, where it stands now.
  var bars: [PlacedBAR] {
    var bars: [PlacedBAR] = []
    for (place, function) in functions.enumerated() {
      let base = place * ConfigurationSpace.words
      let command = values[base + 1]
      for register in function.registers {
        let bar = register.bar
        let word = base + Int(bar.register) / 4
        if !asked[word] { continue }
        let isROM = bar.index == 6
        let isIO = bar.kind == .io && !isROM
        var address = UInt64(values[word] & (isROM ? 0xFFFF_F800 : isIO ? 0xFFFC : ~0xF))
        if bar.kind.is64Bit, !isROM { address |= UInt64(values[word + 1]) << 32 }
        // Of a ROM at reset its own enable bit is clear; once it has an address the BIOS turns it on.
        let answers = !isROM || address != 0 || register.romEnabled
        bars.append(
          PlacedBAR(
            devfn: function.devfn, bar: bar, address: address, decodes: answers && command & (isIO ? 1 : 2) != 0))
      }
    }
    return bars
  }

  /// The command words of all functions, ascending.
  var commands: [CommandWord] {
    functions.enumerated().map {
      CommandWord(
        devfn: $1.devfn, value: UInt16(truncatingIfNeeded: values[$0 * ConfigurationSpace.words + 1]))
    }
  }

  /// What register FC of the first Intel VGA function that has something there holds: its OpRegion (LD-21).
  var opRegionStart: UInt32? {
    for (place, function) in functions.enumerated() where function.classCode == 0x0300 && function.vendor == 0x8086 {
      let value = values[place * ConfigurationSpace.words + 63]
      if value != 0 { return value }
    }
    return nil
  }
}
