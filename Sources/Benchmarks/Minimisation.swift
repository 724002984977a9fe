import Fuzzing
import Storage
import Tracing

extension Benchmark {
  /// Known bugs whose museum traces are minimised: one of each stage.
  private static let exhibits = ["high-bars-ignore-rdm", "phantom-unit-unmapped", "ram-around-ranges"]

  /// Minimisation of traces that are small already: what remains is proving that nothing more can go.
  static let minimisation: [Benchmark] = exhibits.map { name in
    Benchmark("minimise/\(name)", per: "trace", "the museum's trace of this bug, minimal already") { material in
      let path = "\(material.quirks)/\(name).trace"
      let specimen: Specimen
      do throws(TraceError) {
        specimen = Specimen(try Trace(path: path))
      } catch {
        guard error.kind == .missing else { throw error }
        throw Absent(error.description)
      }
      var executor = PlayerExecutor()
      guard let symptom = executor.run(specimen).symptom else {
        throw Absent("\(path): breaks no invariant")
      }
      return Workload(1, executor) { executor, _ in
        let result = Minimiser.minimise(specimen, text: TraceText()) {
          executor.reproduce(symptom, in: $0).symptom == symptom
        }
        return UInt64(result.calls)
      }
    }
  }
}
