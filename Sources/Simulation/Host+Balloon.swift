import AddressSpace
import Editions
import Hypercalls
import Toolstack
import Tracing

/// The guest's balloon driver: it keeps to the RAM its E820 lists and leaves everything reserved alone (BL-134).
extension Host {
  /// Sets the guest's memory target and lets its driver follow: frames leave from the top of RAM downwards and come back lowest first.
  ///
  /// Units: KiB, as libxl has them. A guest whose firmware has not run has no driver; only the target changes.
  mutating func balloon(guestAt index: Int, toKiB targetKiB: UInt64) throws(Refusal) -> Outcome {
    let domain = guests[index].domain
    try toolstack.setMemoryTarget(domain, targetKiB: targetKiB, on: &port, &buffer)
    guard let built = toolstack.guest(domain), let report = guests[index].report, report.value.isHandedOver
    else {
      return .done
    }
    let all = built.prepared.maxMemoryKiB >> 2
    let wanted = min(targetKiB >> 2, all)
    let present = all - min(all, guests[index].ballooned.frameCount)
    if wanted < present {
      inflate(guestAt: index, frames: present - wanted, ram: report.value.e820)
    } else {
      deflate(guestAt: index, frames: wanted - present)
    }
    return .done
  }

  /// Gives back `frames` frames from the top of RAM.
  private mutating func inflate(guestAt index: Int, frames: UInt64, ram: [E820Entry]) {
    var left = frames
    for entry in ram.reversed() where entry.type == .ram {
      // The first megabyte holds what the BIOS left there.
      guard left > 0, let range = entry.range, range.start >= 0x10_0000 else { continue }
      let whole = FrameRange(
        Page.frameUp(of: range.start), max(Page.frameUp(of: range.start), Page.frame(of: range.end)))
      var top = whole.end
      while left > 0, top > whole.start {
        var piece: FrameRange?
        // Highest part of the entry that is still there.
        guests[index].ballooned.forEachPiece(in: FrameRange(whole.start, top)) { range, gone in
          if gone == nil { piece = range }
          return true
        }
        guard let piece else { break }
        let part = FrameRange(piece.end - min(left, piece.count), piece.end)
        let done = port.perform(
          .decreaseReservation(.itself, Extents(first: part.start, count: part.count)), by: guests[index].domain,
          &buffer)
        let given = FrameRange(part.start, part.start + UInt64(max(0, done)))
        guests[index].ballooned.set(given, to: true)
        if given.count < part.count { return }
        left -= part.count
        top = part.start
      }
    }
  }

  /// Takes `frames` frames back where they were.
  private mutating func deflate(guestAt index: Int, frames: UInt64) {
    var left = frames
    while left > 0, let run = guests[index].ballooned.runs.first {
      let part = FrameRange(run.frames.start, run.frames.start + min(left, run.frames.count))
      let done = port.perform(
        .populatePhysmap(.itself, Extents(first: part.start, count: part.count), flags: 0), by: guests[index].domain,
        &buffer)
      let taken = FrameRange(part.start, part.start + UInt64(max(0, done)))
      guests[index].ballooned.set(taken, to: nil)
      if taken.count < part.count { return }
      left -= part.count
    }
  }
}
