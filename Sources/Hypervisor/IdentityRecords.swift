import AddressSpace
import Sharing

/// The identity records of a domain, ascending by their first byte, then by their last.
///
/// No two are of one range, and none overlaps another unless the hypervisor never asks (BUG-18): in which order they were
/// made, as Xen keeps them, shows in nothing. Looking one up takes time logarithmic in their number.
public struct IdentityRecords: Sendable {
  /// The records in order, to be looked at where they lie.
  public private(set) var ascending = BlockArray<IdentityRecord>()
  /// True while their ends ascend, too: those of ranges that neither overlap nor end before they begin do.
  private var endsAscend = true

  /// No records.
  init() {}

  /// Where the record of `base` to `end` stands, nil if there is none.
  func position(of base: UInt64, _ end: UInt64) -> Int? {
    let position = place(of: base, end)
    guard position < ascending.count, ascending[position].base == base, ascending[position].end == end else {
      return nil
    }
    return position
  }

  private func place(of base: UInt64, _ end: UInt64) -> Int {
    ascending.partitionIndex { ($0.pointee.base, $0.pointee.end) >= (base, end) }
  }

  /// True if a record has a byte between `base` and `end`, both inclusive.
  func overlaps(_ base: UInt64, _ end: UInt64) -> Bool {
    guard endsAscend else { return ascending.contains { end >= $0.base && $0.end >= base } }
    let position = ascending.partitionIndex { $0.pointee.end >= base }
    return position < ascending.count && ascending[position].base <= end
  }

  /// Adds a record of a range that has none.
  mutating func insert(_ record: IdentityRecord) {
    let position = place(of: record.base, record.end)
    if position > 0, !IdentityRecords.inOrder(ascending[position - 1], record) { endsAscend = false }
    if position < ascending.count, !IdentityRecords.inOrder(record, ascending[position]) { endsAscend = false }
    ascending.insert(record, at: position)
  }

  private static func inOrder(_ left: IdentityRecord, _ right: IdentityRecord) -> Bool {
    left.end <= right.end && left.frames.end <= right.frames.end
  }

  /// Takes out the record at `position`.
  mutating func remove(at position: Int) {
    ascending.remove(at: position)
    if ascending.isEmpty { endsAscend = true }
  }

  /// Where a record other than the one at `position` that covers `frame` ends, `limit` at most; nil if none covers it, and
  /// then `limit` becomes the start of the next.
  func end(ofOtherThan position: Int, covering frame: MFN, until limit: inout MFN) -> MFN? {
    var other = endsAscend ? ascending.partitionIndex { $0.pointee.frames.end > frame } : 0
    while other < ascending.count {
      let frames = ascending[other].frames
      if other != position {
        if frames.contains(frame) { return Swift.min(frames.end, limit) }
        if frames.start > frame {
          limit = Swift.min(limit, frames.start)
          // All that follow start no earlier.
          return nil
        }
      }
      other += 1
    }
    return nil
  }
}

extension IdentityRecords: RandomAccessCollection {
  /// 0.
  public var startIndex: Int { 0 }
  /// The number of records.
  public var endIndex: Int { ascending.endIndex }
  /// The record at `position`.
  public internal(set) subscript(position: Int) -> IdentityRecord {
    get { ascending[position] }
    set { ascending[position] = newValue }
  }
  /// The records in order.
  public func makeIterator() -> BlockArray<IdentityRecord>.Iterator { ascending.makeIterator() }
}

extension IdentityRecords: Equatable {
  /// True if both have the same records.
  public static func == (left: IdentityRecords, right: IdentityRecords) -> Bool { left.ascending == right.ascending }
}
