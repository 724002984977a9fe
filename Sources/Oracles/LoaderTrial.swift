#if Unicorn
  import AddressSpace
  import Editions
  import Firmware
  import Hypercalls
  import Platform

  /// What of the accelerators a binary can have: looked for in its instructions, then held to what the emulated CPU does
  /// step by step.
  struct LoaderTrial {
    /// Those that come to the same.
    private(set) var accelerators: Set<LoaderAccelerator> = []
    /// The binary's `printf`.
    private(set) var console: ConsoleFunction?

    /// Tries those of `wanted` that `image` has a use for.
    init(of image: LoaderImage, with wanted: Set<LoaderAccelerator>) throws(OracleError) {
      var found: Set<LoaderAccelerator> = []
      for range in image.code {
        for offset in range.dropLast() {
          switch (image.bytes[offset], image.bytes[offset + 1]) {
          case (0xF3, 0xA4...0xA5): found.insert(.copies)
          case (0xF3, 0xAA...0xAB): found.insert(.fills)
          case (0x88, _) where FillLoop(at: offset, in: image.bytes) != nil: found.insert(.fills)
          default: break
          }
        }
      }
      if wanted.contains(.prints) {
        console = try LoaderTrial.console(of: image)
        if console != nil { found.insert(.prints) }
      }
      found.formIntersection(wanted)
      if found.isEmpty { return }
      let plain = Outcome(of: try LoaderMachine(image))
      func agrees(_ some: Set<LoaderAccelerator>) throws(OracleError) -> Bool {
        Outcome(of: try LoaderMachine(image, accelerators: some, console: console)) == plain
      }
      if try agrees(found) {
        accelerators = found
      } else {
        for one in LoaderAccelerator.allCases where found.contains(one) {
          if try agrees(accelerators.union([one])) { accelerators.insert(one) }
        }
      }
    }

    /// Everything that a run of the trial's guest leaves behind, but for the loader's own variables and its stack.
    private struct Outcome: Equatable {
      let report: FirmwareReport
      let exits: Int
      let memory: [[UInt8]]

      init(of machine: LoaderMachine) {
        (report, exits) = LoaderTrial.withSession { session in
          let after = machine.run(session)
          return (after.report(machine.memory), after.exits)
        }
        var memory = machine.memory.contents
        let own = Int(LoaderImage.address)..<Int(LoaderImage.address) + LoaderImage.sizeLimit
        memory[0].replaceSubrange(own, with: repeatElement(0, count: own.count))
        self.memory = memory
      }
    }

    /// Calls `body` with a session of a guest that has a bit of everything, under a hypervisor that agrees to everything.
    private static func withSession<Result>(_ body: (LoaderSession) -> Result) -> Result {
      var input = FirmwareInput(
        hvmInfo: HVMInfo(lowMemoryEnd: 0xF_0000, highMemoryEnd: 0x11_0000, reservedStart: 0xF_EFF8).bytes,
        functions: [
          GuestFunction(devfn: 0x00, vendor: 0x8086, device: 0x1237, classCode: 0x0600),
          GuestFunction(devfn: 0x08, vendor: 0x8086, device: 0x7000, classCode: 0x0601),
          GuestFunction(devfn: 0x0B, vendor: 0x8086, device: 0x7113, classCode: 0x0680, interruptPin: 1),
          GuestFunction(
            devfn: 0x10, vendor: 0x1013, device: 0x00B8, classCode: 0x0300,
            bars: [BAR(0, .m32p, size: 0x200_0000), BAR(1, .m32, size: 0x1000), BAR(6, .rom, size: 0x1_0000)]),
          GuestFunction(
            devfn: 0x20, vendor: 0x10DE, device: 0x1000, classCode: 0x0302, interruptPin: 2,
            bars: [BAR(0, .m64p, size: 1 << 32), BAR(2, .io, size: 0x20), BAR(3, .m32, size: 1 << 31)]),
        ])
      input.keys.allowMemoryRelocate = "1"
      let map = [
        E820Entry(AddressRange(0x10_0000, 0xF000_0000), .ram),
        E820Entry(AddressRange(0xF100_0000, 0xF110_0000), .reserved),
        E820Entry(AddressRange(0x1_0000_0000, 0x1_1000_0000), .ram),
      ]
      var port = GrantingPort(memoryMap: map, keepsRAM: false)
      var buffer = HypercallBuffer()
      return withUnsafeMutablePointer(to: &buffer) { buffer in
        body(LoaderSession(input, buffer) { port.perform($0, by: DomainID(1), &buffer.pointee) })
      }
    }

    // MARK: What prints

    /// The function of `image` that prints, nil if none is recognised: called as one, it prints what it should, does nothing
    /// else and always returns the same. Of the conversions in the binary's formats those count that come out as here.
    private static func console(of image: LoaderImage) throws(OracleError) -> ConsoleFunction? {
      let candidates = ConsoleFunction.candidates(in: image)
      if candidates.isEmpty { return nil }
      let machine = try LoaderMachine(image)
      for address in candidates {
        guard let result = printed("*** ", [], by: address, on: machine)?.result,
          printed("[%s] %x\n", [0xABCD], by: address, on: machine).map({ $0.text == "[*** ] abcd\n" }) == true
        else { continue }
        var console = ConsoleFunction(address: address, result: result, conversions: [])
        // What it was seen to leave alone twice it leaves alone.
        for conversion in ConsoleFormat.conversions(in: image.bytes) {
          if agrees(conversion, result, by: address, on: machine) { console.conversions.insert(conversion) }
        }
        return console
      }
      return nil
    }

    private static let formatPlace: UInt32 = 0x1C_1000
    private static let stringPlace: UInt32 = 0x1C_2000

    /// What `function` prints of `format`, whose first `%s` is `*** `, and what it returns; nil unless it does only that.
    private static func printed(
      _ format: String, _ words: [UInt32], by function: UInt32, on machine: LoaderMachine
    ) -> (text: String, result: UInt32)? {
      let arguments = [formatPlace] + (format.contains("%s") ? [stringPlace] : []) + words
      return withSession { session in
        guard
          let (after, result) = machine.call(
            function, arguments,
            with: [(formatPlace, Array(format.utf8)), (stringPlace, Array("*** ".utf8))], on: session,
            again: false),
          // Each byte is one access to a port; hypercalls go through ports, too.
          after.exits == after.log.count, after.moves.isEmpty, after.writtenMSRs.isEmpty
        else { return nil }
        return (String(decoding: after.log, as: UTF8.self), result)
      }
    }

    private static func agrees(
      _ conversion: ConsoleFormat.Conversion, _ expected: UInt32, by function: UInt32, on machine: LoaderMachine
    ) -> Bool {
      let format = Array("<".utf8) + conversion.text + Array("|%x>".utf8)
      let strings = ["", "a", "SeaBIOS", "a text of some length"]
      let numbers: [UInt32] =
        conversion.letter == UInt8(ascii: "c") ? [0x20, 0x41, 0x7E] : [0, 1, 9, 10, 0x1234_ABCD, 0x8000_0000, .max]
      let isString = conversion.letter == UInt8(ascii: "s")
      for index in 0..<(isString ? strings.count : numbers.count) {
        let string = isString ? Array(strings[index].utf8) : []
        var words = [isString ? stringPlace : numbers[index]]
        if conversion.words == 2 { words.append(numbers[(index + 3) % numbers.count]) }
        let value = UInt64(words.last!) << 32 | UInt64(words[0])
        let wanted =
          Array("<".utf8) + conversion.printed(conversion.words == 2 ? value : UInt64(words[0]), string: string)
          + Array("|5a>".utf8)
        let outcome: ([UInt8], UInt32)? = withSession { session in
          guard
            let (after, result) = machine.call(
              function, [formatPlace] + words + [0x5A], with: [(formatPlace, format), (stringPlace, string)],
              on: session, again: true),
            after.exits == after.log.count, after.moves.isEmpty, after.writtenMSRs.isEmpty
          else { return nil }
          return (after.log, result)
        }
        guard let outcome, outcome.0 == wanted, outcome.1 == expected else { return false }
      }
      return true
    }
  }
#endif
