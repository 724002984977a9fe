/// A guest's life up to its boot, and then events that are light: attach, access, balloon, detach, again and again; each
/// with what is observed.
enum LightTrace {
  private static let head = """
    rdmtrace 1
    edition repaired
    host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=shared quarantine=basic
    drhd 0xfed90000 all
    rmrr 0xab80a000-0xab81dfff 0000:00:14.0
    rmrr 0xac000000-0xac00ffff 0000:00:1d.0
    device 0000:00:14.0 id=8086:9cb1 class=0c03 kind=pcie pin=1 bar0=m64:64K@0xf7a00000
    device 0000:00:1d.0 id=8086:9ca6 class=0c03 kind=pcie pin=1 bar0=m32:4K@0xf7a10000
    create dom1 memory=4096 strategy=host policy=strict pci=0000:00:14.0 -> ok
    boot dom1 -> ok

    """

  /// Hands the lines of a trace of `events` events, at least two, to `write`, in order.
  static func write<Failure: Error>(events: Int, _ write: (String) throws(Failure) -> Void) throws(Failure) {
    try write(head)
    for index in 0..<max(0, events - 2) {
      let round = index / 4
      switch index % 4 {
      case 0: try write("attach dom1 0000:00:1d.0 policy=strict -> ok\n")
      case 1: try write("access dom1 read 0x\(String(0x10_0000 + round % 1000 * 4096, radix: 16)) -> ram\n")
      case 2: try write("balloon dom1 memory=\(2048 + round % 7 * 256) -> ok\n")
      default: try write("detach dom1 0000:00:1d.0 -> ok\n")
      }
    }
    try write("end \(events)\n")
  }
}
