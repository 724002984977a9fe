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

  /// The binary's file, nil for the model.
  var path: String? { choice == "model" ? nil : choice }

  /// The binary, ready to run; nil for the model.
  func firmware() throws -> HVMLoaderBinary? { try binary(at: path) }
}

/// The binary at `path`, ready to run; nil without a path.
func binary(at path: String?) throws -> HVMLoaderBinary? {
  guard let path else { return nil }
  do { return try HVMLoaderBinary(path: path) } catch { throw fail(error) }
}
