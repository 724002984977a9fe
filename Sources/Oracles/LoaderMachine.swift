#if Unicorn
  import CUnicorn
  import Firmware

  /// An emulated machine with hvmloader in its memory: processors without paging or interrupts, bus 0 of a guest.
  ///
  /// Every run starts from the same state, whatever ran before. One thread at a time may use it.
  final class LoaderMachine: @unchecked Sendable {
    private let image: LoaderImage
    /// What is done at once. Nothing else depends on it.
    let accelerators: Set<LoaderAccelerator>
    /// Whether basic blocks are noted.
    let covers: Bool
    /// The binary's `printf`, where that is among it.
    let console: ConsoleFunction?
    let memory = GuestMemory()
    private var boot: LoaderProcessor?
    /// Runs each further processor from its start to its halt; made when a guest first has one.
    private var application: LoaderProcessor?
    /// The run under way.
    var session: LoaderSession?
    /// Registers of the local APIC.
    private var apic = [UInt32](repeating: 0, count: 1024)
    /// True between an INIT and the start that follows it.
    private var awaitsStart = false

    /// Where the start information is handed over, and what belongs to it: in RAM that the loader leaves alone (LD-80).
    private enum Place {
      static let startInfo: UInt32 = 0x15_F000
      static let module: UInt32 = 0x15_F080
      static let moduleName: UInt32 = 0x15_F0C0
      static let biosImage: UInt32 = 0x16_0000
      static let hvmInfo: UInt32 = 0x9_F800
      /// Top of a stack, behind the largest BIOS image.
      static let callStack: UInt32 = 0x1C_0000
      static let ioapicData: UInt32 = 0xFEC0_0010
      static let hpet: UInt32 = 0xFED0_0000
    }

    /// A machine with `image`, whose CPU does everything but what `accelerators` do; `console` is its `printf`. With `covers`
    /// it notes the blocks that run, which takes time.
    init(
      _ image: LoaderImage, accelerators: Set<LoaderAccelerator> = [], console: ConsoleFunction? = nil,
      covers: Bool = false
    ) throws(OracleError) {
      self.covers = covers
      self.image = image
      self.accelerators = accelerators
      self.console = accelerators.contains(.prints) ? console : nil
      boot = try LoaderProcessor(.boot, of: self, image)
    }

    /// Runs the loader on what `fresh` holds; the session afterwards, which has an end.
    func run(_ fresh: LoaderSession) -> LoaderSession {
      guard let boot else { return fresh }
      session = fresh
      prepare(fresh)
      awaitsStart = false
      for index in apic.indices { apic[index] = 0 }
      boot.start(at: image.entry, startInfo: Place.startInfo)
      if covers { session?.blocks = boot.takeBlocks() }
      defer { session = nil }
      return session ?? fresh
    }

    /// Calls `function` of the loaded image as a guest's code would, with `words` on the stack, in a machine that `fresh`
    /// finds; the session afterwards and what the function leaves in EAX. Nil if it does not come back as it went.
    ///
    /// With `again` the machine goes on as another call left it, and memory is not looked at.
    func call(
      _ function: UInt32, _ words: [UInt32], with strings: [(address: UInt32, text: [UInt8])], on fresh: LoaderSession,
      again: Bool
    ) -> (session: LoaderSession, result: UInt32)? {
      guard let boot else { return nil }
      session = fresh
      defer { session = nil }
      if !again { prepare(fresh) }
      for (address, text) in strings { memory.store(text + [0], at: address) }
      let before = again ? [] : memory.contents
      guard let result = boot.call(function, words, stack: Place.callStack), let session, session.end == nil else {
        return nil
      }
      let stack = Int(Place.callStack) - 0x1_0000..<Int(Place.callStack)
      for (now, then) in again ? zip([], []) : zip(memory.contents, before) where now != then {
        // The stack below the call is the function's.
        guard now.count == before[0].count, now[..<stack.lowerBound] == then[..<stack.lowerBound],
          now[stack.upperBound...] == then[stack.upperBound...]
        else { return nil }
      }
      return (session, result)
    }

    /// Memory as at the loader's entry (LD-79, LD-80).
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
    }

    // MARK: The local APIC

    private enum APICRegister {
      static let command = 0x300 / 4
    }

    func readAPIC(_ offset: Int) -> UInt32 { apic[offset / 4 & 1023] }

    /// An interrupt command may start a further processor, which then runs to its halt before this one goes on (LD-89).
    func writeAPIC(_ offset: Int, _ value: UInt32) {
      // Bit 12, delivery pending, is never seen set.
      apic[offset / 4 & 1023] = value & ~(offset / 4 == APICRegister.command ? 1 << 12 : 0)
      guard offset / 4 == APICRegister.command else { return }
      switch value >> 8 & 7 {
      case 5: awaitsStart = true
      case 6 where awaitsStart:
        awaitsStart = false
        startProcessor(at: value & 0xFF)
      default: break
      }
    }

    private func startProcessor(at page: UInt32) {
      if application == nil {
        do { application = try LoaderProcessor(.application, of: self, image) } catch {
          session?.end = .failed(FirmwareFailure(.emulator, "\(error)"))
        }
      }
      for address in boot?.registerReads ?? [] { memory.store(LoaderProcessor.readRegister, at: address) }
      for address in boot?.registerWrites ?? [] { memory.store(LoaderProcessor.writeRegister, at: address) }
      application?.start(at: page)
    }
  }
#endif
