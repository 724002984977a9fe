import Editions

extension Toolstack {
  /// What all bits set in a size in KiB stand for: not given.
  static let unsetKiB = UInt64.max

  /// Step E1: defaults and checks before the hypervisor is asked for anything (BL-8, BL-20).
  ///
  /// Afterwards every size is given and `passthrough` is `disabled`, `syncPT` or `sharePT`.
  func prepared(_ given: GuestConfiguration) throws(Refusal) -> GuestConfiguration {
    var configuration = given
    // BL-3
    if configuration.maxMemoryKiB == Toolstack.unsetKiB { configuration.maxMemoryKiB = 32 << 10 }
    if configuration.targetMemoryKiB == Toolstack.unsetKiB {
      configuration.targetMemoryKiB = configuration.maxMemoryKiB
    }
    configuration.vcpus = max(1, configuration.vcpus)
    configuration.videoKiB = try videoMemory(of: configuration)
    configuration.passthrough = try passthrough(of: configuration)
    if configuration.deviceModel == .traditional, decisions.deviceModels == .upstreamOnly {
      throw Refusal(.invalid, rule: .bl(14))
    }
    if decisions.policies == .strictOnly {
      configuration.policy = configuration.policy.map { _ in .strict }
      for index in configuration.devices.indices { configuration.devices[index].policy = .strict }
    }
    // BL-131: populate on demand and an IOMMU exclude each other, with or without devices.
    if configuration.targetMemoryKiB < configuration.maxMemoryKiB {
      switch decisions.populateOnDemand {
      case .refusedWithDevices where configuration.devices.isEmpty: break
      case .refusedWithDevices, .refusedWithIOMMU:
        guard configuration.passthrough == .disabled else { throw Refusal(.invalid, rule: .bl(131)) }
      }
    }
    return configuration
  }

  /// BL-4.
  private func videoMemory(of configuration: GuestConfiguration) throws(Refusal) -> UInt64 {
    let upstream = configuration.deviceModel == .qemuXen
    let standard: UInt64
    let least: UInt64
    switch configuration.vga {
    case .cirrus:
      standard = upstream ? 8 << 10 : 4 << 10
      // The old fork only warns about other sizes.
      least = upstream ? standard : 0
    case .stdvga:
      standard = upstream ? 16 << 10 : 8 << 10
      least = standard
    case .none:
      standard = 0
      least = 0
    }
    let size = configuration.videoKiB == Toolstack.unsetKiB ? standard : configuration.videoKiB
    guard size >= least else { throw Refusal(.invalid, rule: .bl(4)) }
    return size
  }

  /// BL-12.
  private func passthrough(of configuration: GuestConfiguration) throws(Refusal) -> GuestConfiguration.Passthrough {
    let needed = !configuration.devices.isEmpty
    var passthrough = configuration.passthrough
    if passthrough == .default {
      let wanted = needed || decisions.defaultPassthrough == .everybody && directIO
      passthrough = wanted ? .enabled : .disabled
    }
    if passthrough == .disabled {
      guard !needed else { throw Refusal(.invalid, rule: .bl(12)) }
      return .disabled
    }
    guard directIO else { throw Refusal(.invalid, rule: .bl(12)) }
    let canShare = sharesPageTables && configuration.hap
    switch passthrough {
    case .enabled: return canShare ? .sharePT : .syncPT
    case .sharePT where !canShare: throw Refusal(.invalid, rule: .bl(12))
    default: return passthrough
    }
  }
}

extension GuestConfiguration {
  /// Memory for the page tables in KiB (BL-10).
  public var pagingPoolKiB: UInt64 {
    let perMiB: UInt64 = hap ? 1 : 2
    return 4 &* (256 &* UInt64(vcpus) &+ perMiB &* (maxMemoryKiB >> 10))
  }

  /// Memory set aside for IOMMU tables in KiB, once `passthrough` is resolved (BL-13).
  public var iommuPoolKiB: UInt64 {
    guard passthrough == .syncPT else { return 0 }
    var pages = maxMemoryKiB >> 2
    var tables: UInt64 = 0
    for _ in 0..<4 {
      pages = pages / 512 + (pages % 512 == 0 ? 0 : 1)
      tables += pages
    }
    return 4 &* tables
  }
}
