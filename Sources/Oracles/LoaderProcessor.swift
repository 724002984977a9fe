#if Unicorn
  import CUnicorn
  import Firmware

  /// One processor of the emulated machine: what it executes, and whom it asks.
  final class LoaderProcessor {
    /// Which one.
    enum Role {
      /// The first: starts at the loader's entry, in 32-bit mode.
      case boot
      /// Any other: starts in real mode at a page that the first has filled.
      case application
    }

    let role: Role
    // The machine holds its processors.
    unowned(unsafe) let machine: LoaderMachine
    let engine: OpaquePointer
    /// The CPU as after a reset.
    private let fresh: OpaquePointer
    /// Whether a block that begins at each byte of the image has run, where that is noted.
    private var ran: [Bool] = []
    private let imageStart: UInt32
    /// Basic blocks left to the present run, where they are counted.
    private var blocksLeft = 0
    /// Loops that fill memory, by their addresses, where they are done at once.
    private(set) var fillLoops: [UInt32: FillLoop] = [:]
    /// Pages whose bytes may have been translated, ascending.
    private(set) var codePages: [Range<UInt32>] = []
    /// Where instructions were seen to begin that read and write model-specific registers.
    private(set) var registerReads: Set<UInt32> = []
    private(set) var registerWrites: Set<UInt32> = []

    /// The port behind which hypercalls are, and the page from which they are made.
    private static let hypercallPort: UInt32 = 0xF4
    static let hypercallPage: UInt64 = 0x8_0000
    /// The ports that stand for RDMSR and WRMSR where a further processor meets them, and the instructions that use them.
    private static let readRegisterPort: UInt32 = 0xF6
    private static let writeRegisterPort: UInt32 = 0xF5
    static let readRegister: [UInt8] = [0xE5, 0xF6]
    static let writeRegister: [UInt8] = [0xE7, 0xF5]
    /// The page that holds the first instructions of further processors.
    static let startPage: UInt64 = 0x1000
    private static let apicPage: UInt64 = 0xFEE0_0000
    /// Instructions of a function that is called by itself.
    private static let callLimit = 50_000
    /// Basic blocks that are counted; a whole run has some ten thousand.
    private static let blockLimit = 20_000_000

    init(_ role: Role, of machine: LoaderMachine, _ image: LoaderImage) throws(OracleError) {
      self.role = role
      self.machine = machine
      imageStart = image.start
      var engine: OpaquePointer?
      try require(uc_open(UC_ARCH_X86, role == .boot ? UC_MODE_32 : UC_MODE_16, &engine), "be opened")
      guard let engine else { throw .engine("Unicorn gives no engine") }
      var fresh: OpaquePointer?
      guard uc_context_alloc(engine, &fresh) == UC_ERR_OK, let fresh else {
        uc_close(engine)
        throw .engine("Unicorn cannot keep a state")
      }
      self.engine = engine
      self.fresh = fresh
      try mapMemory(image)
      try addHooks()
      try watchInstructions(image)
      if role == .boot, machine.covers {
        ran = [Bool](repeating: false, count: image.bytes.count)
        var hook: uc_hook = 0
        try require(unicorn_hook_blocks(engine, &hook, LoaderProcessor.onNotedBlock, me, 1, 0), "watch blocks")
      }
      if role == .application {
        var hook: uc_hook = 0
        try require(unicorn_hook_blocks(engine, &hook, LoaderProcessor.onBlock, me, 1, 0), "watch blocks")
      }
      try require(uc_context_save(engine, fresh), "keep its state")
    }

    deinit {
      uc_context_free(fresh)
      uc_close(engine)
    }

    private func mapMemory(_ image: LoaderImage) throws(OracleError) {
      let data = UInt32(UC_PROT_READ.rawValue | UC_PROT_WRITE.rawValue)
      let all = UInt32(UC_PROT_ALL.rawValue)
      for area in machine.memory.areas {
        try require(uc_mem_map_ptr(engine, UInt64(area.start), area.size, data, area.bytes), "map memory")
      }
      try require(
        uc_mmio_map(
          engine, LoaderProcessor.apicPage, 0x1000, LoaderProcessor.onReadAPIC, me, LoaderProcessor.onWriteAPIC, me),
        "map registers")
      // Code alone can be executed, so that a runaway is caught where it leaves it.
      for range in image.code {
        let first = (UInt64(image.start) + UInt64(range.lowerBound)) & ~0xFFF
        let end = (UInt64(image.start) + UInt64(range.upperBound) + 0xFFF) & ~0xFFF
        try require(uc_mem_protect(engine, first, Int(end - first), all), "protect memory")
        codePages.append(UInt32(first)..<UInt32(end))
      }
      for page in [LoaderProcessor.hypercallPage] + (role == .application ? [LoaderProcessor.startPage] : []) {
        try require(uc_mem_protect(engine, page, 0x1000, all), "protect memory")
        codePages.append(UInt32(page)..<UInt32(page) + 0x1000)
      }
    }

    // MARK: A run

    /// Runs from `entry` until the session has an end.
    ///
    /// To count blocks takes longer than to execute them, so that this is done only when the clock asks for it. The clock
    /// decides nothing: a slow run ends as a quick one.
    func start(at entry: UInt32, startInfo: UInt32) {
      uc_context_restore(engine, fresh)
      set(UC_X86_REG_EBX, startInfo)
      let watch = RunWatch.begin(engine)
      var result = uc_emu_start(engine, UInt64(entry), 0, 0, 0)
      let stopped = RunWatch.end(watch)
      if machine.session?.end != nil { return }
      if result == UC_ERR_OK, stopped {
        blocksLeft = LoaderProcessor.blockLimit
        var counter: uc_hook = 0
        guard unicorn_hook_blocks(engine, &counter, LoaderProcessor.onBlock, me, 1, 0) == UC_ERR_OK else {
          return fail(.hang, "it does not come to an end")
        }
        _ = unicorn_forget_code(engine)
        result = uc_emu_start(engine, UInt64(pc), 0, 0, 0)
        uc_hook_del(engine, counter)
        _ = unicorn_forget_code(engine)
        if machine.session?.end != nil { return }
      }
      if result != UC_ERR_OK {
        fail(.exception, "the CPU stops at \(hex(pc)): \(String(cString: uc_strerror(result)))")
      } else {
        fail(.halt, "the CPU halts at \(hex(pc))")
      }
    }

    /// Calls `function` with `words` on the stack that ends at `stack`; what it leaves in EAX, nil unless it comes back and
    /// with the registers that are its caller's as they were.
    func call(_ function: UInt32, _ words: [UInt32], stack: UInt32) -> UInt32? {
      uc_context_restore(engine, fresh)
      let top = stack - UInt32(4 * (words.count + 1))
      for (index, word) in ([UInt32(LoaderProcessor.hypercallPage)] + words).enumerated() {
        machine.memory.store(word, at: top + UInt32(4 * index))
      }
      set(UC_X86_REG_ESP, top)
      let kept: [uc_x86_reg] = [UC_X86_REG_EBX, UC_X86_REG_ESI, UC_X86_REG_EDI, UC_X86_REG_EBP]
      for (index, name) in kept.enumerated() { set(name, 0x5EED_0000 + UInt32(index)) }
      let result = uc_emu_start(
        engine, UInt64(function), LoaderProcessor.hypercallPage, 0, LoaderProcessor.callLimit)
      guard result == UC_ERR_OK, UInt64(pc) == LoaderProcessor.hypercallPage, register(UC_X86_REG_ESP) == top + 4,
        kept.enumerated().allSatisfy({ register($1) == 0x5EED_0000 + UInt32($0) })
      else { return nil }
      return register(UC_X86_REG_EAX)
    }

    /// Runs from the start of page `page`, in real mode, to a halt.
    func start(at page: UInt32) {
      uc_context_restore(engine, fresh)
      blocksLeft = LoaderProcessor.blockLimit
      set(UC_X86_REG_CS, page << 8)
      let result = uc_emu_start(engine, UInt64(page) << 12, 0, 0, 0)
      if result != UC_ERR_OK {
        fail(.exception, "a further CPU stops at \(hex(pc)): \(String(cString: uc_strerror(result)))")
      }
    }

    func register(_ name: uc_x86_reg) -> UInt32 {
      var value: UInt64 = 0
      uc_reg_read(engine, Int32(name.rawValue), &value)
      return UInt32(truncatingIfNeeded: value)
    }

    func set(_ name: uc_x86_reg, _ value: UInt32) {
      var value = UInt64(value)
      uc_reg_write(engine, Int32(name.rawValue), &value)
    }

    private var pc: UInt32 { register(UC_X86_REG_EIP) }

    func stopIfOver() {
      if machine.session?.end != nil { uc_emu_stop(engine) }
    }

    private func fail(_ kind: FirmwareFailure.Kind, _ what: String) {
      if machine.session?.end == nil { machine.session?.end = .failed(FirmwareFailure(kind, what)) }
      uc_emu_stop(engine)
    }

    // MARK: What it asks

    private var me: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    private func addHooks() throws(OracleError) {
      var hook: uc_hook = 0
      try require(unicorn_hook_out(engine, &hook, LoaderProcessor.onOut, me), "watch ports")
      try require(unicorn_hook_in(engine, &hook, LoaderProcessor.onIn, me), "watch ports")
      try require(unicorn_hook_cpuid(engine, &hook, LoaderProcessor.onCPUID, me), "watch CPUID")
      try require(unicorn_hook_bad_memory(engine, &hook, LoaderProcessor.onBadMemory, me), "watch memory")
      try require(unicorn_hook_exceptions(engine, &hook, LoaderProcessor.onException, me), "watch exceptions")
    }

    /// Watches every place that may be RDMSR or WRMSR, which Unicorn has no hook for, or for further processors HLT. Where
    /// such bytes are the middle of another instruction nothing ever begins.
    ///
    /// An engine that began in real mode does not skip an instruction; a further processor finds port accesses instead,
    /// where the first has shown that instructions begin.
    private func watchInstructions(_ image: LoaderImage) throws(OracleError) {
      var hook: uc_hook = 0
      let accelerators = role == .boot ? machine.accelerators : []
      if role == .boot, let console = machine.console {
        try require(
          unicorn_hook_instruction(engine, &hook, LoaderProcessor.onPrint, me, UInt64(console.address)),
          "watch instructions")
      }
      for range in image.code {
        for offset in range.dropLast() {
          let handler: uc_cb_hookcode_t
          switch (image.bytes[offset], image.bytes[offset + 1]) {
          case (0x0F, 0x30) where role == .boot: handler = LoaderProcessor.onWriteMSR
          case (0x0F, 0x32) where role == .boot: handler = LoaderProcessor.onReadMSR
          case (0xF3, 0xA4...0xA5) where accelerators.contains(.copies): handler = LoaderProcessor.onCopy
          case (0xF3, 0xAA...0xAB) where accelerators.contains(.fills): handler = LoaderProcessor.onFill
          case (0x88, _) where accelerators.contains(.fills):
            guard let loop = FillLoop(at: offset, in: image.bytes) else { continue }
            fillLoops[image.start + UInt32(offset)] = loop
            handler = LoaderProcessor.onFillLoop
          case (0xF4, _) where role == .application: handler = LoaderProcessor.onHalt
          default: continue
          }
          let address = UInt64(image.start) + UInt64(offset)
          try require(unicorn_hook_instruction(engine, &hook, handler, me, address), "watch instructions")
        }
      }
      guard role == .application else { return }
      for address in LoaderProcessor.startPage..<LoaderProcessor.startPage + 256 {
        try require(
          unicorn_hook_instruction(engine, &hook, LoaderProcessor.onStartPage, me, address), "watch instructions")
      }
    }

    static func of(_ context: UnsafeMutableRawPointer?) -> LoaderProcessor {
      Unmanaged<LoaderProcessor>.fromOpaque(context!).takeUnretainedValue()
    }

    private static let onOut: uc_cb_insn_out_t = { _, port, size, value, context in
      let processor = LoaderProcessor.of(context)
      if processor.machine.session?.end != nil { return }
      if port == LoaderProcessor.hypercallPort {
        processor.hypercall(value)
      } else if port == LoaderProcessor.writeRegisterPort, processor.role == .application {
        // Each processor has its own; the first one's are looked at.
      } else {
        processor.machine.session?.out(port, Int(size), value)
      }
      processor.stopIfOver()
    }

    private static let onIn: uc_cb_insn_in_t = { _, port, size, context in
      let processor = LoaderProcessor.of(context)
      if port == LoaderProcessor.readRegisterPort, processor.role == .application {
        let value = processor.machine.session?.readMSR(processor.register(UC_X86_REG_ECX)) ?? 0
        processor.set(UC_X86_REG_EDX, UInt32(truncatingIfNeeded: value >> 32))
        return UInt32(truncatingIfNeeded: value)
      }
      let value = processor.machine.session?.in(port, Int(size)) ?? .max
      processor.stopIfOver()
      return size == 4 ? value : value & (1 << UInt32(8 * size) - 1)
    }

    private static let onCPUID: unicorn_cpuid = { _, context in
      let processor = LoaderProcessor.of(context)
      let leaf = processor.register(UC_X86_REG_EAX)
      let answer = processor.machine.session?.cpuid(leaf) ?? (eax: 0, ebx: 0, ecx: 0, edx: 0)
      processor.set(UC_X86_REG_EAX, answer.eax)
      processor.set(UC_X86_REG_EBX, answer.ebx)
      processor.set(UC_X86_REG_ECX, answer.ecx)
      processor.set(UC_X86_REG_EDX, answer.edx)
      // The loader is about to have its hypercall page filled.
      if leaf == 0x4000_0002 { processor.fillHypercallPage() }
      return true
    }

    private static let onReadAPIC: uc_cb_mmio_read_t = { _, offset, _, context in
      UInt64(LoaderProcessor.of(context).machine.readAPIC(Int(offset)))
    }

    private static let onWriteAPIC: uc_cb_mmio_write_t = { _, offset, _, value, context in
      let processor = LoaderProcessor.of(context)
      guard processor.role == .boot else { return }
      processor.machine.writeAPIC(Int(offset), UInt32(truncatingIfNeeded: value))
      processor.stopIfOver()
    }

    private static let onBadMemory: uc_cb_eventmem_t = { _, type, address, _, _, context in
      let (kind, verb): (FirmwareFailure.Kind, String) =
        switch type {
        case UC_MEM_WRITE_UNMAPPED, UC_MEM_WRITE_PROT: (.wildStore, "writes to")
        case UC_MEM_FETCH_UNMAPPED, UC_MEM_FETCH_PROT: (.wildExecution, "jumps to")
        default: (.wildLoad, "reads from")
        }
      LoaderProcessor.of(context).fail(
        kind,
        "it \(verb) \(hex(UInt32(truncatingIfNeeded: address))), where it has no business")
      return false
    }

    private static let onException: uc_cb_hookintr_t = { _, number, context in
      let processor = LoaderProcessor.of(context)
      processor.fail(.exception, "exception \(number) at \(hex(processor.pc))")
    }

    private static let onBlock: uc_cb_hookcode_t = { _, _, _, context in
      let processor = LoaderProcessor.of(context)
      processor.blocksLeft -= 1
      if processor.blocksLeft <= 0 {
        processor.fail(.hang, "it does not come to an end")
      }
    }

    private static let onNotedBlock: uc_cb_hookcode_t = { _, address, _, context in
      let processor = LoaderProcessor.of(context)
      let place = Int(UInt32(truncatingIfNeeded: address) &- processor.imageStart)
      if place < processor.ran.count { processor.ran[place] = true }
    }

    /// Where blocks of the image begin that have run, ascending; they count as not run from then on.
    func takeBlocks() -> [UInt32] {
      var blocks: [UInt32] = []
      for place in ran.indices where ran[place] {
        blocks.append(imageStart + UInt32(place))
        ran[place] = false
      }
      return blocks
    }

    private static let onWriteMSR: uc_cb_hookcode_t = { _, address, _, context in
      let processor = LoaderProcessor.of(context)
      let value = UInt64(processor.register(UC_X86_REG_EDX)) << 32 | UInt64(processor.register(UC_X86_REG_EAX))
      processor.registerWrites.insert(UInt32(truncatingIfNeeded: address))
      processor.machine.session?.writtenMSRs[processor.register(UC_X86_REG_ECX)] = value
      processor.set(UC_X86_REG_EIP, UInt32(truncatingIfNeeded: address) + 2)
    }

    private static let onReadMSR: uc_cb_hookcode_t = { _, address, _, context in
      let processor = LoaderProcessor.of(context)
      let value = processor.machine.session?.readMSR(processor.register(UC_X86_REG_ECX)) ?? 0
      processor.registerReads.insert(UInt32(truncatingIfNeeded: address))
      processor.set(UC_X86_REG_EAX, UInt32(truncatingIfNeeded: value))
      processor.set(UC_X86_REG_EDX, UInt32(truncatingIfNeeded: value >> 32))
      processor.set(UC_X86_REG_EIP, UInt32(truncatingIfNeeded: address) + 2)
    }

    /// A processor that halts has done what it was started for.
    private static let onHalt: uc_cb_hookcode_t = { engine, _, _, _ in uc_emu_stop(engine) }

    private static let onStartPage: uc_cb_hookcode_t = { engine, address, _, context in
      let byte = LoaderProcessor.of(context).machine.memory.bytes(at: UInt32(truncatingIfNeeded: address), count: 1)
      if byte?.load(as: UInt8.self) == 0xF4 { uc_emu_stop(engine) }
    }

    /// One entry for each hypercall: its number to EAX, out through the port, return (LD-82).
    private func fillHypercallPage() {
      guard let page = machine.memory.bytes(at: UInt32(LoaderProcessor.hypercallPage), count: 0x1000) else { return }
      var stubs = Array(UnsafeRawBufferPointer(start: page, count: 0x1000))
      for number: UInt8 in 0..<128 {
        let stub: [UInt8] = [0xB8, number, 0, 0, 0, 0xE7, UInt8(LoaderProcessor.hypercallPort), 0xC3]
        stubs.replaceSubrange(Int(number) * 32..<Int(number) * 32 + stub.count, with: stub)
      }
      // Through Unicorn, so that it forgets what it translated there.
      uc_mem_write(engine, LoaderProcessor.hypercallPage, stubs, stubs.count)
    }

    private func hypercall(_ number: UInt32) {
      let (first, second) = (register(UC_X86_REG_EBX), register(UC_X86_REG_ECX))
      let result = machine.session?.hypercall(number, first, second, machine.memory) ?? 0
      set(UC_X86_REG_EAX, UInt32(truncatingIfNeeded: result))
    }
  }

  private func require(_ result: uc_err, _ what: String) throws(OracleError) {
    if result != UC_ERR_OK { throw .engine("Unicorn cannot \(what): \(String(cString: uc_strerror(result)))") }
  }

  private func hex(_ address: UInt32) -> String { "0x" + String(address, radix: 16) }
#endif
