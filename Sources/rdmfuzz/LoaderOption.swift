import ArgumentParser
import Oracles

/// Whose code runs as the guests' firmware.
struct LoaderOption: ParsableArguments {
  @Option(
    name: .customLong("loader"),
    help: ArgumentHelp(
      "An hvmloader binary to run in place of the model, or 'model'; needs a build with an emulator, as 'rdmfuzz doctor' tells.",
      valueName: "file"))
  var choice: String?

  @Option(
    name: .customLong("step-by-step"),
    help: ArgumentHelp(
      "Something that the emulator is not to do at once: copies, fills or prints; may be repeated.",
      valueName: "what", visibility: .hidden))
  var slow: [LoaderAccelerator] = []

  /// The binary's file, nil for the model.
  var path: String? { choice == "model" ? nil : choice }

  /// The options again, for another process.
  var arguments: [String] {
    (path.map { ["--loader", $0] } ?? []) + slow.flatMap { ["--step-by-step", $0.rawValue] }
  }

  /// The binary, ready to run; nil for the model. With `covers` some of its runs tell what of it ran.
  func firmware(covers: Bool = false) throws -> HVMLoaderBinary? {
    try binary(at: path, accelerators: Set(LoaderAccelerator.allCases).subtracting(slow), covers: covers)
  }
}

extension LoaderAccelerator: ExpressibleByArgument {}

/// The binary at `path`, ready to run; nil without a path.
func binary(
  at path: String?, accelerators: Set<LoaderAccelerator> = Set(LoaderAccelerator.allCases), covers: Bool = false
) throws -> HVMLoaderBinary? {
  guard let path else { return nil }
  do { return try HVMLoaderBinary(path: path, accelerators: accelerators, covers: covers) } catch { throw fail(error) }
}
