import ArgumentParser
import Fuzzing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The shard that `text` names, `i/n` or `auto/n`.
@Sendable func parsedShard(_ text: String) throws -> Shard {
  if let shard = Shard(text, environment: ProcessInfo.processInfo.environment) { return shard }
  throw ValidationError(
    text.hasPrefix("auto/")
      ? "expected JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID to name one of the n shards"
      : "expected i/n or auto/n with i from 1 to n, n to \(Shard.limit)")
}
