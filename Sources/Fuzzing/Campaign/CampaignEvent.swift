import Editions
import Storage

/// What a campaign tells of itself while it runs. Whoever shows it decides how; nothing here prints.
///
/// All but `workerLost` are the same, in the same order, for every run of one plan.
public enum CampaignEvent: Sendable {
  /// It begins.
  case started(CampaignPlan)
  /// The canary was found in this execution of its own count.
  case canaryFound(execution: UInt64, symptom: Symptom)
  /// A round is over.
  case roundFinished(CampaignProgress)
  /// A new bucket; its finding is now confirmed and minimised.
  case bucketOpened(edition: Edition, symptom: Symptom, execution: UInt64)
  /// A finding was confirmed, minimised and handed to the sink, which calls it `name`.
  case findingSaved(Finding, name: String)
  /// A worker died or fell silent; its work is done again by another.
  case workerLost(WorkerFailure)
  /// It is over.
  case finished(CampaignReport)
}

/// How far a campaign is.
public struct CampaignProgress: Hashable, Sendable {
  /// Executions done.
  public var executions: UInt64 = 0
  /// Events applied in them.
  public var events: UInt64 = 0
  /// Invariant checks made after them.
  public var checks: UInt64 = 0
  /// Executions that failed, known issues included.
  public var failures: UInt64 = 0
  /// Of them, those that are known issues.
  public var knownFailures: UInt64 = 0
  /// Findings so far.
  public var findings = 0

  /// Nothing yet.
  public init() {}
}

/// What a campaign came to.
public struct CampaignReport: Sendable {
  /// How often a bucket was hit.
  public struct Bucket: Hashable, Sendable {
    /// Under which edition.
    public var edition: Edition
    /// Which failure.
    public var symptom: Symptom
    /// Lowest index of an execution that fell in it.
    public var firstExecution: UInt64
    /// How many executions fell in it.
    public var count: UInt64
    /// The known issue it is, nil if it is a finding.
    public var known: KnownIssues.Issue?
  }

  /// Totals. `progress.executions` is the equal `--runs` of a campaign that ran by time.
  public var progress = CampaignProgress()
  /// The execution that found the canary, nil if the campaign was interrupted before.
  public var canaryExecution: UInt64?
  /// Findings in order of their first execution.
  public var findings: [Finding] = []
  /// All buckets in order of their first execution, known issues included.
  public var buckets: [Bucket] = []
  /// Known issues that did not come up, in the order of their file.
  public var absentIssues: [KnownIssues.Issue] = []
  /// True if it was stopped from outside; what was found is saved.
  public var interrupted = false
}

/// Why a campaign proves nothing.
public enum CampaignFailure: Error {
  /// There was nothing to execute, or nothing happened or was checked in what was executed.
  case nothingExecuted
  /// The planted bug was not found.
  case canarySurvived(CampaignPlan.Canary)
  /// No worker could be started, or all of them keep dying.
  case workers(WorkerFailure)
  /// A finding could not be saved.
  case storage(StorageError)
}
