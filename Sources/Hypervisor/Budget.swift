/// The hypervisor's memory: page frames for domains, and its own allocations, any one of which can be made to fail.
///
/// Records, table pages, extents and domain structures all pass through here. A table page is counted for every run of
/// pages that is written, not for every page.
public struct Budget: Equatable, Sendable {
  /// Frames of the host that guests can have.
  public let frames: UInt64
  /// Frames nobody has.
  public private(set) var free: UInt64
  /// Frames promised to domains by claims and not yet taken.
  public private(set) var claimed: UInt64 = 0
  /// Allocations up to and including the one that fails; 0 = none will.
  private var countdown: UInt64 = 0

  init(frames: UInt64) {
    self.frames = frames
    free = frames
  }

  /// True while an allocation waits to fail.
  public var isArmed: Bool { countdown != 0 }

  /// Makes the `ordinal`-th allocation from now fail, 1 for the next; 0 for none.
  public mutating func arm(failing ordinal: UInt64) { countdown = ordinal }

  /// One small allocation; false if it fails.
  mutating func allocate() -> Bool { allocate(times: 1) == 1 }

  /// `count` allocations one after the other; how many went well before one failed.
  mutating func allocate(times count: UInt64) -> UInt64 {
    if countdown == 0 { return count }
    if countdown > count {
      countdown -= count
      return count
    }
    defer { countdown = 0 }
    return countdown - 1
  }

  /// How many of `count` steps of so many allocations each are certain not to meet the failing one; at least 1, which
  /// may meet it.
  func certainExtents(among count: UInt64, allocations: UInt64) -> UInt64 {
    countdown == 0 ? count : max(1, min(count, (countdown - 1) / allocations))
  }

  /// Takes up to `count` extents of `size` frames for a domain that claims `claim` frames; how many there were.
  ///
  /// A claim is used up first; other domains' claims are left alone.
  mutating func take(extents count: UInt64, of size: UInt64, claim: inout UInt64) -> UInt64 {
    var taken: UInt64 = 0
    while taken < count {
      let step: UInt64
      if claim >= size {
        step = min(count - taken, claim / size)
      } else if claimed + size <= free {
        // A claim too small for the extent is used up by it.
        step = claim > 0 ? 1 : min(count - taken, (free - claimed) / size)
      } else {
        break
      }
      let used = min(claim, step * size)
      claim -= used
      claimed -= used
      free -= step * size
      taken += step
    }
    return taken
  }

  /// Takes up to `count` extents of 2^`order` frames and charges them to `domain`; how many there were.
  mutating func take(extents count: UInt64, order: UInt8, for domain: inout Domain) -> UInt64 {
    if domain.isDying || domain.maxPages <= domain.totalPages { return 0 }
    let room = (domain.maxPages - domain.totalPages) >> UInt64(order)
    let taken = take(extents: min(count, room), of: 1 << UInt64(order), claim: &domain.claimedPages)
    domain.totalPages += taken << UInt64(order)
    return taken
  }

  /// Gives frames back.
  mutating func give(_ count: UInt64) { free += count }

  /// Sets a claim of `count` frames aside; false if they are not there.
  mutating func stake(_ count: UInt64) -> Bool {
    guard count <= free - claimed else { return false }
    claimed += count
    return true
  }

  /// Gives up a claim.
  mutating func release(claim: UInt64) { claimed -= claim }
}
