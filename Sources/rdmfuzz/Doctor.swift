import ArgumentParser
import Editions
import Firmware
import Oracles
import Storage
import Tracing

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tells which of Xen's own binaries can run here, and tries them.",
    discussion: """
      For each it says what is there, what to install where something is missing, and how one known case went. \
      Exit code 0 if everything is there and comes out as known, 69 if something is missing, 1 if a case does not.
      """)

  @OptionGroup var loader: LoaderOption

  /// Where Tools/oracles unpacks the binary.
  private static let unpacked = ".oracles/xen-utils-4.17/usr/lib/xen-4.17/boot/hvmloader"

  /// A guest with RAM, a reserved range and a device that has something to place.
  private static let knownCase = """
    rdmtrace 1
    edition xen-4.17
    host memory=16G
    rmrr 0xab80a000-0xab81dfff 0000:00:14.0
    device 0000:00:14.0 id=8086:9cb1 class=0c03 bar0=m64:64K
    create dom1 memory=4096 pci=0000:00:14.0
    boot dom1
    end 2

    """

  func run() throws {
    StandardOutput.line("hvmloader in an emulated machine")
    var missing = false
    if let emulator = HVMLoaderBinary.emulator {
      StandardOutput.line("  emulator  \(emulator)")
    } else {
      StandardOutput.line("  emulator  not in this build: Tools/oracles && swift build --traits Unicorn")
      missing = true
    }
    let path = loader.path ?? Doctor.unpacked
    let image: LoaderImage?
    do { image = try LoaderImage(path: path) } catch let error as StorageError {
      if error.kind != .missing { throw fail(error) }
      image = nil
    }
    if let image {
      StandardOutput.line("  binary    \(path), \(image.bytes.count >> 10) KiB")
    } else {
      StandardOutput.line("  binary    none at \(path): Tools/oracles, or --loader FILE")
      missing = true
    }
    if missing {
      StandardOutput.line("  a case    not tried")
      throw ExitStatus.unavailable.exitCode
    }
    guard let binary = try binary(at: path) else { return }
    let quicker = LoaderAccelerator.allCases.filter(binary.accelerators.contains).map(\.rawValue)
    StandardOutput.line("  at once   \(quicker.isEmpty ? "nothing" : quicker.joined(separator: ", "))")
    let trace = try Trace(bytes: Array(Doctor.knownCase.utf8), name: "known case")
    let comparison = LoaderComparison(
      playing: trace.steps.map(\.event), on: trace.header.machine, in: trace.header.edition, against: binary)
    guard comparison.differences.isEmpty, comparison.boots == 1 else {
      StandardOutput.line(
        "  a case    does not come out as the model of 4.17 has it, which is no fault in another release")
      for difference in comparison.differences.prefix(5) { StandardOutput.line("            \(difference)") }
      throw ExitStatus.findings.exitCode
    }
    StandardOutput.line("  a case    agrees with the model of 4.17 in every field and line")
  }
}
