#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Starts workers as processes: an executable whose arguments make it call `Worker.serve()`.
public struct ProcessLauncher: WorkerLauncher {
  private let executable: String
  private let arguments: [String]

  /// Starts `executable`, looked up in `PATH` if it has no slash, with `arguments`.
  ///
  /// From now on this process gets an error instead of SIGPIPE when it writes to a worker that is gone.
  public init(executable: String, arguments: [String]) {
    self.executable = executable
    self.arguments = arguments
    signal(SIGPIPE, SIG_IGN)
  }

  /// Starts one more process. It shares this one's standard error and gets a small environment: `PATH`, `HOME`, library
  /// paths, and no Swift backtraces, which would hold the pipe open.
  public func launch() throws(WorkerFailure) -> any WorkerLink {
    let toWorker = try ClosedOnExecPipe()
    let fromWorker: ClosedOnExecPipe
    do {
      fromWorker = try ClosedOnExecPipe()
    } catch {
      toWorker.close()
      throw error
    }
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // A process group of its own: Ctrl-C on the terminal is for the campaign, which then ends its workers.
    #if canImport(Darwin)
      var attributes: posix_spawnattr_t?
    #else
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawn_file_actions_adddup2(&actions, toWorker.readEnd, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, fromWorker.writeEnd, STDOUT_FILENO)

    var environment = ["SWIFT_BACKTRACE=enable=no"]
    for name in ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
      if let value = getenv(name) { environment.append("\(name)=\(String(cString: value))") }
    }
    var process: pid_t = 0
    let result = withCStrings([executable] + arguments) { argv in
      withCStrings(environment) { environment in
        posix_spawnp(&process, executable, &actions, &attributes, argv, environment)
      }
    }
    close(toWorker.readEnd)
    close(fromWorker.writeEnd)
    guard result == 0 else {
      close(toWorker.writeEnd)
      close(fromWorker.readEnd)
      throw .system("\(executable): \(String(cString: strerror(result)))")
    }
    return WorkerProcess(process, input: fromWorker.readEnd, output: toWorker.writeEnd)
  }
}

/// A worker in a process of its own.
private final class WorkerProcess: WorkerLink {
  private let process: pid_t
  private let input: Int32
  private let output: Int32
  private let channel: LineChannel
  private var ended: WorkerFailure.End?

  init(_ process: pid_t, input: Int32, output: Int32) {
    self.process = process
    self.input = input
    self.output = output
    channel = LineChannel(input: input, output: output)
  }

  deinit { _ = end() }

  func send(_ line: String) throws(WorkerFailure) { try channel.send(line + "\n") }

  func receive(within limit: Duration) throws(WorkerFailure) -> String {
    guard let line = try channel.receive(within: limit) else { throw .ended(wait()) }
    return line
  }

  var pendingInput: Int32? { ended == nil ? channel.pendingInput : nil }

  func end() -> WorkerFailure.End {
    if let ended { return ended }
    kill(process, SIGKILL)
    return wait()
  }

  private func wait() -> WorkerFailure.End {
    if let ended { return ended }
    close(input)
    close(output)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    // WIFEXITED and WTERMSIG are macros.
    let signal = status & 0x7F
    let end: WorkerFailure.End = signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    ended = end
    return end
  }
}

/// A pipe whose ends no child inherits unless they are duplicated for it: or a worker would keep another's input open.
private struct ClosedOnExecPipe {
  let readEnd: Int32
  let writeEnd: Int32

  init() throws(WorkerFailure) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .system(String(cString: strerror(errno))) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    readEnd = ends[0]
    writeEnd = ends[1]
  }

  func close() {
    #if canImport(Glibc)
      _ = Glibc.close(readEnd)
      _ = Glibc.close(writeEnd)
    #elseif canImport(Musl)
      _ = Musl.close(readEnd)
      _ = Musl.close(writeEnd)
    #else
      _ = Darwin.close(readEnd)
      _ = Darwin.close(writeEnd)
    #endif
  }
}

/// Calls `body` with `strings` as a null-terminated array of C strings.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
}
