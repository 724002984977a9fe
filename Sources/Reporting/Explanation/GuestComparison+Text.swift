import AddressSpace
import Explaining

extension GuestComparison {
  /// What was asked otherwise, and what came of it, in one sentence.
  var text: String {
    let asked: String
    if added.isEmpty {
      asked = "without the \(listed(removed)) of"
    } else if removed.isEmpty {
      asked = "with \(listed(added)), unlike"
    } else {
      asked = "with \(listed(added)) instead of \(listed(removed)) of"
    }
    let start = "\(guest.name) (event \(guest.number)) \(asked) \(other.name) (event \(other.number))"
    if differences.isEmpty { return "\(start): nothing becomes different." }
    return "\(start): \(differences.map(\.text).joined(separator: "; "))."
  }
}

extension GuestComparison.Difference {
  fileprivate var text: String {
    switch self {
    case .lowMemoryEnd(let end, let instead): "RAM below 4G ends at \(hex(end)) instead of \(hex(instead))"
    case .highMemoryEnd(let end, 0): "there is RAM above 4G, up to \(hex(end)), where there was none"
    case .highMemoryEnd(0, let instead): "there is no RAM above 4G, where it ended at \(hex(instead))"
    case .highMemoryEnd(let end, let instead): "RAM above 4G ends at \(hex(end)) instead of \(hex(instead))"
    case .window(let start, let instead): "BARs below 4G start at \(hex(start)) instead of \(hex(instead))"
    case .bar(let sbdf, let index, let size, let address, let instead):
      "\(index == 6 ? "the ROM" : "BAR \(index)") of \(sbdf) (\(sized(size))) is \(address == 0 ? "nowhere" : "at \(hex(address))") instead of \(instead == 0 ? "nowhere" : hex(instead))"
    case .moved(0, _): "hvmloader moves no RAM"
    case .moved(let bytes, _): "hvmloader moves \(sized(bytes)) of RAM above 4G"
    }
  }
}
