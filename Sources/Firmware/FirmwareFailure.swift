/// How a real binary ended as no rule says.
public struct FirmwareFailure: Hashable, Sendable, CustomStringConvertible {
  /// What kind of end it was.
  public enum Kind: Hashable, Sendable {
    /// It goes on without end.
    case hang
    /// It waits for an answer that never comes.
    case waits
    /// It prints without end.
    case flood
    /// It jumped to where no code is.
    case wildExecution
    /// It wrote to where nothing is.
    case wildStore
    /// It read from where nothing is.
    case wildLoad
    /// The CPU raised an exception or met an instruction that it does not know.
    case exception
    /// The CPU was halted.
    case halt
    /// It left no E820 for the BIOS.
    case noTable
    /// It gave up at a place that is not known here, with this line.
    case gaveUp(String)
    /// The emulator failed.
    case emulator
  }

  /// What kind of end it was.
  public var kind: Kind
  /// One line for people, with addresses.
  public var detail: String

  /// An end of `kind`.
  public init(_ kind: Kind, _ detail: String) {
    self.kind = kind
    self.detail = detail
  }

  /// The line for people.
  public var description: String { detail }

  /// The kind in one word, free of addresses: what tells it from others where failures are counted.
  public var word: String {
    switch kind {
    case .hang: "hang"
    case .waits: "waits"
    case .flood: "flood"
    case .wildExecution: "wild-execution"
    case .wildStore: "wild-store"
    case .wildLoad: "wild-load"
    case .exception: "exception"
    case .halt: "halt"
    case .noTable: "no-table"
    case .gaveUp(let line): FirmwareFailure.word(for: line)
    case .emulator: "emulator"
    }
  }

  /// Letters and digits of `line` with hyphens between: `*** HVMLoader bug at pci.c:999` is `bug-at-pci-c-999`.
  private static func word(for line: String) -> String {
    let words = line.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }.map { $0.lowercased() }
    let told = words.first == "hvmloader" ? words.dropFirst() : words[...]
    var word = ""
    // Long enough to tell assertions apart.
    for next in told where word.utf8.count < 60 { word += (word.isEmpty ? "" : "-") + next }
    return word.isEmpty ? "shutdown" : word
  }
}
