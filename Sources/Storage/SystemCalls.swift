#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `read(2)`, repeated when a signal interrupts it; negative on failure.
func readSome(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
  while true {
    let done = read(descriptor, bytes, count)
    if done >= 0 || errno != EINTR { return done }
  }
}

/// `write(2)`, repeated when a signal interrupts it; negative on failure.
func writeSome(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  while true {
    let done = write(descriptor, bytes, count)
    if done >= 0 || errno != EINTR { return done }
  }
}

/// What the system says of the last failure.
func systemMessage() -> String { String(cString: strerror(errno)) }
