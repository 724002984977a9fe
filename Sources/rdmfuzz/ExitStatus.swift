import ArgumentParser
import Importing
import Oracles
import Storage
import Studies
import Tracing

/// The documented exit codes.
enum ExitStatus: Int32 {
  case clean = 0
  case findings = 1
  case usage = 64
  case badInput = 65
  case noInput = 66
  case unavailable = 69
  case internalError = 70
  case interrupted = 130

  /// What a command throws to end with this code.
  var exitCode: ExitCode { ExitCode(rawValue) }

  /// The code for a file that could not be read or written.
  init(_ kind: StorageError.Kind) {
    switch kind {
    case .missing: self = .noInput
    case .malformed, .system: self = .badInput
    case .unwritable: self = .internalError
    }
  }
}

/// Says why in one line and gives the code that fits.
func fail(_ status: ExitStatus, _ message: String) -> ExitCode {
  StandardError.line("rdmfuzz: \(message)")
  return status.exitCode
}

/// The one line and the exit code for an error of the layers below.
func fail(_ error: any Error) -> ExitCode {
  switch error {
  case let code as ExitCode: code
  case let error as StorageError: fail(ExitStatus(error.kind), error.description)
  case let error as TraceError: fail(ExitStatus(error.kind), error.description)
  case let error as ImportError: fail(ExitStatus(error.kind), error.description)
  case let error as OracleError: fail(.unavailable, error.description)
  case let error as Conformance.NotOfLoader: fail(.badInput, error.description)
  case let error as Conformance.NoCases: fail(.noInput, error.description)
  case let error as VectorFile.LineError: fail(.badInput, error.description)
  default: fail(.internalError, "\(error)")
  }
}
