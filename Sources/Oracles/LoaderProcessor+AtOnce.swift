#if Unicorn
  import CUnicorn

  /// What a processor does at once that its instructions do step by step, with the same result.
  extension LoaderProcessor {
    /// Fewer are as quick step by step.
    private static let fewest: UInt32 = 16
    private static let longest = 1 << 20
    private static let directionFlag: UInt32 = 0x400

    /// General registers, as instructions number them.
    private static let registers = [
      UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX, UC_X86_REG_ESP, UC_X86_REG_EBP, UC_X86_REG_ESI,
      UC_X86_REG_EDI,
    ]

    /// `REP MOVSB` and `REP MOVSD` in one go. What may hold code, or lies across areas, is left to the CPU.
    static let onCopy: uc_cb_hookcode_t = { _, address, _, context in
      let processor = LoaderProcessor.of(context)
      let memory = processor.machine.memory
      let place = UInt32(truncatingIfNeeded: address)
      let unit: UInt32 = memory.bytes(at: place &+ 1, count: 1)?.load(as: UInt8.self) == 0xA4 ? 1 : 4
      let count = processor.register(UC_X86_REG_ECX)
      let (source, target) = (processor.register(UC_X86_REG_ESI), processor.register(UC_X86_REG_EDI))
      let bytes = Int(count) * Int(unit)
      guard count >= fewest, processor.register(UC_X86_REG_EFLAGS) & directionFlag == 0, bytes <= longest,
        processor.holdsNoCode(target, bytes), let from = memory.bytes(at: source, count: bytes),
        let to = memory.bytes(at: target, count: bytes), from + bytes <= to || to + bytes <= from
      else { return }
      to.copyMemory(from: from, byteCount: bytes)
      processor.set(UC_X86_REG_ECX, 0)
      processor.set(UC_X86_REG_ESI, source &+ unit &* count)
      processor.set(UC_X86_REG_EDI, target &+ unit &* count)
      processor.set(UC_X86_REG_EIP, place &+ 2)
    }

    /// `REP STOSB` and `REP STOSD` in one go.
    static let onFill: uc_cb_hookcode_t = { _, address, _, context in
      let processor = LoaderProcessor.of(context)
      let place = UInt32(truncatingIfNeeded: address)
      let isByte = processor.machine.memory.bytes(at: place &+ 1, count: 1)?.load(as: UInt8.self) == 0xAA
      let (count, target) = (processor.register(UC_X86_REG_ECX), processor.register(UC_X86_REG_EDI))
      let value = processor.register(UC_X86_REG_EAX)
      let bytes = Int(count) * (isByte ? 1 : 4)
      // Doublewords of four equal bytes are most there are.
      guard count >= fewest, processor.register(UC_X86_REG_EFLAGS) & directionFlag == 0, bytes <= longest,
        isByte || value == (value & 0xFF) &* 0x0101_0101,
        processor.fill(target, bytes, UInt8(truncatingIfNeeded: value), besides: place)
      else { return }
      processor.set(UC_X86_REG_ECX, 0)
      processor.set(UC_X86_REG_EDI, target &+ UInt32(bytes))
      processor.set(UC_X86_REG_EIP, place &+ 2)
    }

    /// All but the last turn of a loop that fills; the CPU takes that one, so that flags are as they would be.
    static let onFillLoop: uc_cb_hookcode_t = { _, address, _, context in
      let processor = LoaderProcessor.of(context)
      let place = UInt32(truncatingIfNeeded: address)
      guard let loop = processor.fillLoops[place] else { return }
      let cursor = processor.register(registers[Int(loop.cursor)])
      let last = processor.register(registers[Int(loop.end)]) &- 1
      let value = processor.register(registers[Int(loop.value & 3)]) >> (loop.value > 3 ? 8 : 0)
      guard last > cursor, last - cursor >= fewest, Int(last - cursor) <= longest,
        processor.fill(cursor, Int(last - cursor), UInt8(truncatingIfNeeded: value), besides: place)
      else { return }
      processor.set(registers[Int(loop.cursor)], last)
    }

    /// A call of the function that prints.
    static let onPrint: uc_cb_hookcode_t = { _, _, _, context in
      let processor = LoaderProcessor.of(context)
      let memory = processor.machine.memory
      let stack = processor.register(UC_X86_REG_ESP)
      guard let console = processor.machine.console, memory.bytes(at: stack, count: 8) != nil,
        let text = console.text(calledAt: stack, memory)
      else { return }
      processor.machine.session?.printed(text)
      // To go on elsewhere would undo that it is to stop.
      if processor.machine.session?.end != nil { return processor.stopIfOver() }
      processor.set(UC_X86_REG_EAX, console.result)
      processor.set(UC_X86_REG_ESP, stack &+ 4)
      processor.set(UC_X86_REG_EIP, memory.word(stack))
    }

    /// Fills memory; false where it is none, or holds the instructions at `place`.
    private func fill(_ start: UInt32, _ count: Int, _ value: UInt8, besides place: UInt32) -> Bool {
      guard let bytes = machine.memory.bytes(at: start, count: count) else { return false }
      if holdsNoCode(start, count) {
        bytes.initializeMemory(as: UInt8.self, repeating: value, count: count)
        return true
      }
      if Int(start) < Int(place) + 0x1000, Int(start) + count > Int(place) - 0x1000 { return false }
      // Unicorn has to forget what it translated there.
      let filling = [UInt8](repeating: value, count: count)
      return uc_mem_write(engine, UInt64(start), filling, count) == UC_ERR_OK
    }

    /// True where nothing can have been translated.
    private func holdsNoCode(_ start: UInt32, _ count: Int) -> Bool {
      // Further processors have engines of their own, which begin at a page below the hypercalls.
      !codePages.contains { Int(start) < Int($0.upperBound) && Int(start) + count > Int($0.lowerBound) }
        && !(UInt64(start) < LoaderProcessor.startPage + 0x1000
          && UInt64(start) + UInt64(count) > LoaderProcessor.startPage)
    }
  }
#endif
