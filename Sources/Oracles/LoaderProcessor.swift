#if Unicorn
  import CUnicorn

  /// One processor of the emulated machine: what it executes, and whom it asks.
  final class LoaderProcessor {
    /// Which one.
    enum Role {
      /// The first: starts at the loader's entry, in 32-bit mode.
      case boot
      /// Any other: starts in real mode at a page that the first has filled.
      case application
    }

    private let role: Role
    // The machine holds its processors.
    private unowned(unsafe) let machine: LoaderMachine
    private let engine: OpaquePointer
    /// The CPU as after a reset.
    private let fresh: OpaquePointer
    /// Basic blocks left to the present run, where they are counted.
    private var blocksLeft = 0
    /// Where instructions were seen to begin that read and write model-specific registers.
    private(set) var registerReads: Set<UInt32> = []
    private(set) var registerWrites: Set<UInt32> = []

    /// The port behind which hypercalls are, and the page from which they are made.
    private static let hypercallPort: UInt32 = 0xF4
    private static let hypercallPage: UInt64 = 0x8_0000
    /// The ports that stand for RDMSR and WRMSR where a further processor meets them, and the instructions that use them.
    private static let readRegisterPort: UInt32 = 0xF6
    private static let writeRegisterPort: UInt32 = 0xF5
    static let readRegister: [UInt8] = [0xE5, 0xF6]
    static let writeRegister: [UInt8] = [0xE7, 0xF5]
    /// The page that holds the first instructions of further processors.
    private static let startPage: UInt64 = 0x1000
    private static let apicPage: UInt64 = 0xFEE0_0000
    /// Microseconds after which the boot processor's blocks are counted. A run takes some thousand.
    private static let patience: UInt64 = 3_000_000
    /// Basic blocks from there on; a whole run has some ten thousand.
    private static let blockLimit = 20_000_000

    init(_ role: Role, of machine: LoaderMachine, _ image: LoaderImage) throws(OracleError) {
      self.role = role
      self.machine = machine
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
      }
      for page in [LoaderProcessor.hypercallPage] + (role == .application ? [LoaderProcessor.startPage] : []) {
        try require(uc_mem_protect(engine, page, 0x1000, all), "protect memory")
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
      var result = uc_emu_start(engine, UInt64(entry), 0, LoaderProcessor.patience, 0)
      if machine.session?.end != nil { return }
      var timedOut = 0
      uc_query(engine, UC_QUERY_TIMEOUT, &timedOut)
      if result == UC_ERR_OK, timedOut != 0 {
        blocksLeft = LoaderProcessor.blockLimit
        var counter: uc_hook = 0
        guard unicorn_hook_blocks(engine, &counter, LoaderProcessor.onBlock, me, 1, 0) == UC_ERR_OK else {
          return fail("it does not come to an end")
        }
        _ = unicorn_forget_code(engine)
        result = uc_emu_start(engine, UInt64(pc), 0, 0, 0)
        uc_hook_del(engine, counter)
        _ = unicorn_forget_code(engine)
        if machine.session?.end != nil { return }
        timedOut = 0
      }
      if result != UC_ERR_OK {
        fail("the CPU stops at \(hex(pc)): \(String(cString: uc_strerror(result)))")
      } else if timedOut == 0 {
        fail("the CPU halts at \(hex(pc))")
      }
    }

    /// Runs from the start of page `page`, in real mode, to a halt.
    func start(at page: UInt32) {
      uc_context_restore(engine, fresh)
      blocksLeft = LoaderProcessor.blockLimit
      set(UC_X86_REG_CS, page << 8)
      let result = uc_emu_start(engine, UInt64(page) << 12, 0, 0, 0)
      if result != UC_ERR_OK {
        fail("a further CPU stops at \(hex(pc)): \(String(cString: uc_strerror(result)))")
      }
    }

    private func register(_ name: uc_x86_reg) -> UInt32 {
      var value: UInt64 = 0
      uc_reg_read(engine, Int32(name.rawValue), &value)
      return UInt32(truncatingIfNeeded: value)
    }

    private func set(_ name: uc_x86_reg, _ value: UInt32) {
      var value = UInt64(value)
      uc_reg_write(engine, Int32(name.rawValue), &value)
    }

    private var pc: UInt32 { register(UC_X86_REG_EIP) }

    private func stopIfOver() {
      if machine.session?.end != nil { uc_emu_stop(engine) }
    }

    private func fail(_ what: String) {
      if machine.session?.end == nil { machine.session?.end = .failed(what) }
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
      for range in image.code {
        for offset in range.dropLast() {
          let handler: uc_cb_hookcode_t
          switch (image.bytes[offset], image.bytes[offset + 1]) {
          case (0x0F, 0x30) where role == .boot: handler = LoaderProcessor.onWriteMSR
          case (0x0F, 0x32) where role == .boot: handler = LoaderProcessor.onReadMSR
          case (0xF3, 0xA5) where role == .boot && machine.copiesAtOnce: handler = LoaderProcessor.onCopy
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

    private static func of(_ context: UnsafeMutableRawPointer?) -> LoaderProcessor {
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
      let verb =
        switch type {
        case UC_MEM_WRITE_UNMAPPED, UC_MEM_WRITE_PROT: "writes to"
        case UC_MEM_FETCH_UNMAPPED, UC_MEM_FETCH_PROT: "jumps to"
        default: "reads from"
        }
      LoaderProcessor.of(context).fail(
        "it \(verb) \(hex(UInt32(truncatingIfNeeded: address))), where it has no business")
      return false
    }

    private static let onException: uc_cb_hookintr_t = { _, number, context in
      let processor = LoaderProcessor.of(context)
      processor.fail("exception \(number) at \(hex(processor.pc))")
    }

    private static let onBlock: uc_cb_hookcode_t = { _, _, _, context in
      let processor = LoaderProcessor.of(context)
      processor.blocksLeft -= 1
      if processor.blocksLeft <= 0 {
        processor.fail("it does not come to an end")
      }
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

    /// `REP MOVSD` in one go instead of word by word. What may hold code, or lies across areas, is left to the CPU.
    private static let onCopy: uc_cb_hookcode_t = { _, address, _, context in
      let processor = LoaderProcessor.of(context)
      let count = processor.register(UC_X86_REG_ECX)
      let (source, target) = (processor.register(UC_X86_REG_ESI), processor.register(UC_X86_REG_EDI))
      let bytes = Int(count) * 4
      guard count >= 16, processor.register(UC_X86_REG_EFLAGS) & 0x400 == 0,
        bytes <= LoaderProcessor.longestCopy, LoaderProcessor.holdsNoCode(target, bytes),
        let from = processor.machine.memory.bytes(at: source, count: bytes),
        let to = processor.machine.memory.bytes(at: target, count: bytes),
        from + bytes <= to || to + bytes <= from
      else { return }
      to.copyMemory(from: from, byteCount: bytes)
      processor.set(UC_X86_REG_ECX, 0)
      processor.set(UC_X86_REG_ESI, source &+ 4 &* count)
      processor.set(UC_X86_REG_EDI, target &+ 4 &* count)
      processor.set(UC_X86_REG_EIP, UInt32(truncatingIfNeeded: address) + 2)
    }

    private static let longestCopy = 1 << 20

    /// True for the legacy area above the hypercall page, where the BIOS goes, and for the special area.
    private static func holdsNoCode(_ start: UInt32, _ bytes: Int) -> Bool {
      let end = UInt64(start) + UInt64(bytes)
      return start >= 0x8_1000 && end <= 0x10_0000 || start >= 0xFC00_0000
    }

    /// A processor that halts has done what it was started for.
    private static let onHalt: uc_cb_hookcode_t = { engine, _, _, _ in uc_emu_stop(engine) }

    private static let onStartPage: uc_cb_hookcode_t = { engine, address, _, context in
      let byte = LoaderProcessor.of(context).machine.memory.bytes(at: UInt32(truncatingIfNeeded: address), count: 1)
      if byte?.load(as: UInt8.self) == 0xF4 { uc_emu_stop(engine) }
    }

    /// One entry for each hypercall: its number to EAX, out through the port, return (LD-82).
    private func fillHypercallPage() {
      for number: UInt8 in 0..<128 {
        let stub: [UInt8] = [0xB8, number, 0, 0, 0, 0xE7, UInt8(LoaderProcessor.hypercallPort), 0xC3]
        // Through Unicorn, so that it forgets what it translated there.
        uc_mem_write(engine, LoaderProcessor.hypercallPage + UInt64(number) * 32, stub, stub.count)
      }
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
