#if Unicorn
  import CUnicorn
  import Firmware

  /// An emulated machine with hvmloader in its memory: one CPU, no paging, no interrupts, bus 0 of a guest.
  ///
  /// Every run starts from the same state, whatever ran before. One thread at a time may use it.
  final class LoaderMachine: @unchecked Sendable {
    private let image: LoaderImage
    private let engine: OpaquePointer
    private let memory = GuestMemory()
    /// The CPU as after a reset.
    private let fresh: OpaquePointer
    private var hooks: [uc_hook] = []
    /// The run under way.
    fileprivate var session: LoaderSession?
    /// Basic blocks left to the present run, counted only if a run took too long by the clock.
    fileprivate var blocksLeft = Int.max

    /// Where the start information is handed over, and what belongs to it: in RAM that the loader leaves alone (LD-80).
    private enum Place {
      static let startInfo: UInt32 = 0x15_F000
      static let module: UInt32 = 0x15_F080
      static let moduleName: UInt32 = 0x15_F0C0
      static let biosImage: UInt32 = 0x16_0000
      static let hvmInfo: UInt32 = 0x9_F800
      static let hypercalls: UInt32 = 0x8_0000
      static let ioapicData: UInt32 = 0xFEC0_0010
      static let hpet: UInt32 = 0xFED0_0000
    }

    /// The port behind which hypercalls are.
    fileprivate static let hypercallPort: UInt32 = 0xF4
    /// Seconds after which a run is looked at more closely. It takes milliseconds.
    private static let patience: UInt64 = 3
    /// Basic blocks in that closer look; a run has some ten thousand.
    private static let blockLimit = 20_000_000

    /// A machine with `image`.
    init(_ image: LoaderImage) throws(OracleError) {
      self.image = image
      var engine: OpaquePointer?
      try LoaderMachine.require(uc_open(UC_ARCH_X86, UC_MODE_32, &engine), "be opened")
      guard let engine else { throw .engine("Unicorn gives no engine") }
      var fresh: OpaquePointer?
      guard uc_context_alloc(engine, &fresh) == UC_ERR_OK, let fresh else {
        uc_close(engine)
        throw .engine("Unicorn cannot keep a state")
      }
      self.engine = engine
      self.fresh = fresh
      try mapMemory()
      try addHooks()
      try LoaderMachine.require(uc_context_save(engine, fresh), "keep its state")
    }

    deinit {
      uc_context_free(fresh)
      uc_close(engine)
    }

    private static func require(_ result: uc_err, _ what: String) throws(OracleError) {
      if result != UC_ERR_OK { throw .engine("Unicorn cannot \(what): \(String(cString: uc_strerror(result)))") }
    }

    private func mapMemory() throws(OracleError) {
      let data = UInt32(UC_PROT_READ.rawValue | UC_PROT_WRITE.rawValue)
      let all = UInt32(UC_PROT_ALL.rawValue)
      for area in memory.areas {
        try LoaderMachine.require(
          uc_mem_map_ptr(engine, UInt64(area.start), area.size, data, area.bytes), "map memory")
      }
      // Code alone can be executed, so that a runaway is caught where it leaves it.
      for range in image.code {
        let first = (UInt64(image.start) + UInt64(range.lowerBound)) & ~0xFFF
        let end = (UInt64(image.start) + UInt64(range.upperBound) + 0xFFF) & ~0xFFF
        try LoaderMachine.require(uc_mem_protect(engine, first, Int(end - first), all), "protect memory")
      }
      try LoaderMachine.require(uc_mem_protect(engine, UInt64(Place.hypercalls), 0x1000, all), "protect memory")
    }

    // MARK: A run

    /// Runs the loader on what `session` holds; the session afterwards, which has an end.
    func run(_ session: LoaderSession) -> LoaderSession {
      var next = attempt(session, blocks: nil)
      // Too long by the clock, which decides nothing: the same again with its blocks counted.
      if next.end == nil { next = attempt(session, blocks: LoaderMachine.blockLimit) }
      return next
    }

    private func attempt(_ fresh: LoaderSession, blocks: Int?) -> LoaderSession {
      session = fresh
      prepare(fresh)
      var counter: uc_hook = 0
      if let blocks {
        blocksLeft = blocks
        _ = unicorn_hook_blocks(engine, &counter, LoaderMachine.onBlock, me, 1, 0)
      }
      let microseconds = blocks == nil ? LoaderMachine.patience * 1_000_000 : 0
      let result = uc_emu_start(engine, UInt64(image.entry), 0, microseconds, 0)
      if blocks != nil { uc_hook_del(engine, counter) }
      var timedOut = 0
      uc_query(engine, UC_QUERY_TIMEOUT, &timedOut)
      if session?.end == nil {
        if result != UC_ERR_OK {
          session?.end = .failed("the CPU stops at \(hex(pc)): \(String(cString: uc_strerror(result)))")
        } else if timedOut == 0 {
          session?.end = .failed("the CPU halts at \(hex(pc))")
        }
      }
      defer { session = nil }
      return session ?? fresh
    }

    /// Memory and CPU as at the loader's entry (LD-79, LD-80).
    private func prepare(_ session: LoaderSession) {
      memory.clear()
      memory.store(image.bytes, at: image.start)
      memory.store(session.input.hvmInfo, at: Place.hvmInfo)
      memory.store(UInt32(0x336E_C578), at: Place.startInfo)
      memory.store(UInt32(1), at: Place.startInfo + 4)
      if let size = session.input.biosImageBytes {
        memory.store(UInt32(1), at: Place.startInfo + 12)
        memory.store(UInt64(Place.module), at: Place.startInfo + 16)
        memory.store(UInt64(Place.biosImage), at: Place.module)
        memory.store(UInt64(size), at: Place.module + 8)
        memory.store(UInt64(Place.moduleName), at: Place.module + 16)
        memory.store("firmware".utf8, at: Place.moduleName)
      }
      // Not zero: self-tests, which need more RAM, are skipped.
      memory.store(UInt64(1), at: Place.startInfo + 32)
      memory.store(UInt32(0x17_0011), at: Place.ioapicData)
      memory.store(UInt32(0x8086_A201), at: Place.hpet)

      uc_context_restore(engine, fresh)
      var start = UInt64(Place.startInfo)
      uc_reg_write(engine, Int32(UC_X86_REG_EBX.rawValue), &start)
    }

    /// The memory after a run.
    var guestMemory: GuestMemory { memory }

    // MARK: What the CPU asks

    private var me: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    fileprivate func register(_ name: uc_x86_reg) -> UInt32 {
      var value: UInt64 = 0
      uc_reg_read(engine, Int32(name.rawValue), &value)
      return UInt32(truncatingIfNeeded: value)
    }

    fileprivate func set(_ name: uc_x86_reg, _ value: UInt32) {
      var value = UInt64(value)
      uc_reg_write(engine, Int32(name.rawValue), &value)
    }

    private var pc: UInt32 { register(UC_X86_REG_EIP) }

    fileprivate func stopIfOver() {
      if session?.end != nil { uc_emu_stop(engine) }
    }

    fileprivate func fail(_ what: String) {
      if session?.end == nil { session?.end = .failed(what) }
      uc_emu_stop(engine)
    }

    private func addHooks() throws(OracleError) {
      var hook: uc_hook = 0
      try LoaderMachine.require(unicorn_hook_out(engine, &hook, LoaderMachine.onOut, me), "watch ports")
      hooks.append(hook)
      try LoaderMachine.require(unicorn_hook_in(engine, &hook, LoaderMachine.onIn, me), "watch ports")
      hooks.append(hook)
      try LoaderMachine.require(unicorn_hook_cpuid(engine, &hook, LoaderMachine.onCPUID, me), "watch CPUID")
      hooks.append(hook)
      try LoaderMachine.require(
        unicorn_hook_bad_memory(engine, &hook, LoaderMachine.onBadMemory, me), "watch memory")
      hooks.append(hook)
      try LoaderMachine.require(
        unicorn_hook_exceptions(engine, &hook, LoaderMachine.onException, me), "watch exceptions")
      hooks.append(hook)
      try watchRegisters()
    }

    /// Watches every place that may be RDMSR or WRMSR, which Unicorn has no hook for. Where such bytes are the middle of
    /// another instruction nothing ever begins.
    private func watchRegisters() throws(OracleError) {
      for range in image.code {
        for offset in range.dropLast() where image.bytes[offset] == 0x0F {
          let handler: uc_cb_hookcode_t
          switch image.bytes[offset + 1] {
          case 0x30: handler = LoaderMachine.onWriteMSR
          case 0x32: handler = LoaderMachine.onReadMSR
          default: continue
          }
          var hook: uc_hook = 0
          let address = UInt64(image.start) + UInt64(offset)
          try LoaderMachine.require(
            unicorn_hook_instruction(engine, &hook, handler, me, address), "watch registers")
          hooks.append(hook)
        }
      }
    }

    private static let onWriteMSR: uc_cb_hookcode_t = { _, address, _, context in
      let machine = LoaderMachine.machine(context)
      let value = UInt64(machine.register(UC_X86_REG_EDX)) << 32 | UInt64(machine.register(UC_X86_REG_EAX))
      machine.session?.writtenMSRs[machine.register(UC_X86_REG_ECX)] = value
      machine.set(UC_X86_REG_EIP, UInt32(truncatingIfNeeded: address) + 2)
    }

    private static let onReadMSR: uc_cb_hookcode_t = { _, address, _, context in
      let machine = LoaderMachine.machine(context)
      let value = machine.session?.readMSR(machine.register(UC_X86_REG_ECX)) ?? 0
      machine.set(UC_X86_REG_EAX, UInt32(truncatingIfNeeded: value))
      machine.set(UC_X86_REG_EDX, UInt32(truncatingIfNeeded: value >> 32))
      machine.set(UC_X86_REG_EIP, UInt32(truncatingIfNeeded: address) + 2)
    }

    private static func machine(_ context: UnsafeMutableRawPointer?) -> LoaderMachine {
      Unmanaged<LoaderMachine>.fromOpaque(context!).takeUnretainedValue()
    }

    private static let onOut: uc_cb_insn_out_t = { _, port, size, value, context in
      let machine = LoaderMachine.machine(context)
      if machine.session?.end != nil { return }
      if port == LoaderMachine.hypercallPort {
        machine.hypercall(value)
      } else {
        machine.session?.out(port, Int(size), value)
      }
      machine.stopIfOver()
    }

    private static let onIn: uc_cb_insn_in_t = { _, port, size, context in
      let machine = LoaderMachine.machine(context)
      let value = machine.session?.in(port, Int(size)) ?? .max
      machine.stopIfOver()
      return size == 4 ? value : value & (1 << UInt32(8 * size) - 1)
    }

    private static let onCPUID: unicorn_cpuid = { _, context in
      let machine = LoaderMachine.machine(context)
      let leaf = machine.register(UC_X86_REG_EAX)
      let answer = machine.session?.cpuid(leaf) ?? (eax: 0, ebx: 0, ecx: 0, edx: 0)
      machine.set(UC_X86_REG_EAX, answer.eax)
      machine.set(UC_X86_REG_EBX, answer.ebx)
      machine.set(UC_X86_REG_ECX, answer.ecx)
      machine.set(UC_X86_REG_EDX, answer.edx)
      // The loader is about to have its hypercall page filled.
      if leaf == 0x4000_0002 { machine.fillHypercallPage() }
      return true
    }

    private static let onBadMemory: uc_cb_eventmem_t = { _, type, address, _, _, context in
      let machine = LoaderMachine.machine(context)
      let verb =
        switch type {
        case UC_MEM_WRITE_UNMAPPED, UC_MEM_WRITE_PROT: "writes to"
        case UC_MEM_FETCH_UNMAPPED, UC_MEM_FETCH_PROT: "jumps to"
        default: "reads from"
        }
      machine.fail("it \(verb) \(hex(UInt32(truncatingIfNeeded: address))), where it has no business")
      return false
    }

    private static let onException: uc_cb_hookintr_t = { _, number, context in
      let machine = LoaderMachine.machine(context)
      machine.fail("exception \(number) at \(hex(machine.pc))")
    }

    private static let onBlock: uc_cb_hookcode_t = { _, _, _, context in
      let machine = LoaderMachine.machine(context)
      machine.blocksLeft -= 1
      if machine.blocksLeft <= 0 { machine.fail("it does not come to an end: it hangs around \(hex(machine.pc))") }
    }

    /// One entry for each hypercall: its number to EAX, out through the port, return (LD-82).
    private func fillHypercallPage() {
      for number: UInt8 in 0..<128 {
        let stub: [UInt8] = [0xB8, number, 0, 0, 0, 0xE7, UInt8(LoaderMachine.hypercallPort), 0xC3]
        // Through Unicorn, so that it forgets what it translated there.
        uc_mem_write(engine, UInt64(Place.hypercalls) + UInt64(number) * 32, stub, stub.count)
      }
    }

    private func hypercall(_ number: UInt32) {
      let (first, second) = (register(UC_X86_REG_EBX), register(UC_X86_REG_ECX))
      let result = session?.hypercall(number, first, second, memory) ?? 0
      set(UC_X86_REG_EAX, UInt32(truncatingIfNeeded: result))
    }
  }

  private func hex(_ address: UInt32) -> String { "0x" + String(address, radix: 16) }
#endif
