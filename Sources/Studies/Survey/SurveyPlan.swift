import Editions
import Toolstack

/// One way to configure a guest that gets a device: what a survey varies.
public struct SurveyConfiguration: Hashable, Sendable {
  /// Which Xen.
  public var edition: Edition
  /// `memory` in MiB.
  public var memoryMiB: UInt64
  /// `rdm_mem_boundary` in MiB.
  public var boundaryMiB: UInt64
  /// `rdm_policy` of the device.
  public var policy: RDMPolicy

  /// A guest of `memoryMiB` on `edition`.
  public init(edition: Edition, memoryMiB: UInt64, boundaryMiB: UInt64, policy: RDMPolicy) {
    self.edition = edition
    self.memoryMiB = memoryMiB
    self.boundaryMiB = boundaryMiB
    self.policy = policy
  }

  /// The guest with `devices`, the rest of it at xl's defaults.
  func guest(with devices: [AssignedDevice]) -> GuestConfiguration {
    var guest = GuestConfiguration(memoryMiB: memoryMiB)
    guest.boundaryKiB = boundaryMiB << 10
    guest.devices = devices
    return guest
  }
}

/// What a survey tries: every combination of its lists, in their order.
public struct SurveyPlan: Hashable, Sendable {
  /// Editions, outermost.
  public var editions: [Edition]
  /// Guests' memory in MiB.
  public var memoriesMiB: [UInt64]
  /// `rdm_mem_boundary` in MiB.
  public var boundariesMiB: [UInt64]
  /// `rdm_policy`, innermost.
  public var policies: [RDMPolicy]

  /// Twelve configurations of 4.17: guests of 2, 4 and 8 GiB, the boundary as it is by default and at 1 GiB, both policies.
  public init(
    editions: [Edition] = [.xen4_17], memoriesMiB: [UInt64] = [2048, 4096, 8192],
    boundariesMiB: [UInt64] = [2048, 1024], policies: [RDMPolicy] = [.strict, .relaxed]
  ) {
    self.editions = editions
    self.memoriesMiB = memoriesMiB
    self.boundariesMiB = boundariesMiB
    self.policies = policies
  }

  /// The policy and the boundary that count as the default: what xl takes when nothing is said (BL-7, BL-40), or the
  /// first of the list if that is not in it.
  public var usual: (policy: RDMPolicy, boundaryMiB: UInt64) {
    (policies.contains(.strict) ? .strict : policies[0], boundariesMiB.contains(2048) ? 2048 : boundariesMiB[0])
  }

  /// All configurations: by edition, memory, boundary, policy.
  public var configurations: [SurveyConfiguration] {
    editions.flatMap { edition in
      memoriesMiB.flatMap { memory in
        boundariesMiB.flatMap { boundary in
          policies.map {
            SurveyConfiguration(edition: edition, memoryMiB: memory, boundaryMiB: boundary, policy: $0)
          }
        }
      }
    }
  }

  /// True if `configuration` is at the default but for its memory and its edition.
  public func isUsual(_ configuration: SurveyConfiguration) -> Bool {
    (configuration.policy, configuration.boundaryMiB) == usual
  }
}
