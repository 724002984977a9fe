import Editions
import Hypervisor
import Sharing
import Simulation
import Toolstack
import Tracing

extension GuestView {
  /// The guests in order of their names that the hypervisor knows, and those of them that are not as they were in
  /// `earlier`, made of the same host before: the others are taken over.
  static func all(
    of host: Shared<Host>, after earlier: consuming [GuestView] = []
  ) -> (all: [GuestView], changed: [GuestView]) {
    if areOfSameGuests(earlier, host) {
      let changed = renew(&earlier, in: host)
      return (earlier, changed)
    }
    var views: [GuestView] = []
    var changed: [GuestView] = []
    let count = host.value.guests.count
    views.reserveCapacity(count)
    var next = 0
    for position in 0..<count {
      let life = host.value.guests.place(at: position)
      while next < earlier.count, earlier[next].life.name < life.pointee.name { next += 1 }
      let old = next < earlier.count && earlier[next].life.name == life.pointee.name ? earlier[next] : nil
      guard let domain = host.value.port.port.domains.position(of: life.pointee.domain) else { continue }
      let guest = host.value.toolstack.guests.position(of: life.pointee.domain, near: old?.position ?? 0)
      let places = Places(life: position, domain: domain, guest: guest)
      if let old, old.isMade(of: places, in: host) {
        views.append(old)
      } else {
        let view = old.map { GuestView(copying: $0) } ?? GuestView(at: places, in: host)
        if old != nil { view.follow(to: places, in: host) }
        views.append(view)
        changed.append(view)
      }
    }
    return (views, changed)
  }

  /// True if the views are of the guests of `host`, one by one.
  private static func areOfSameGuests(_ views: [GuestView], _ host: Shared<Host>) -> Bool {
    guard views.count == host.value.guests.count else { return false }
    return views.indices.allSatisfy { position in
      let life = host.value.guests.place(at: position)
      return views[position].isNamed(as: life)
        && host.value.port.port.domains.position(of: life.pointee.domain) != nil
    }
  }

  /// Brings up to date the views, fewer than `many`, whose guests are not as they were; returns these.
  private static func renew(_ views: inout [GuestView], in host: Shared<Host>) -> [GuestView] {
    var changed: UInt64 = 0
    for position in views.indices {
      let number = host.value.guests.place(at: position).pointee.domain
      guard let domain = host.value.port.port.domains.position(of: number) else { continue }
      let guest = host.value.toolstack.guests.position(of: number, near: views[position].position)
      let places = Places(life: position, domain: domain, guest: guest)
      if views[position].isMade(of: places, in: host) { continue }
      update(&views, at: position, to: places, in: host)
      changed |= 1 << UInt64(position)
    }
    // Mostly it is one guest of one: the same list then, and no new one.
    if changed.nonzeroBitCount == views.count { return views }
    return changed == 0 ? [] : views.indices.filter { changed >> UInt64($0) & 1 != 0 }.map { views[$0] }
  }

  /// Brings the view at `index` up to date where it lies, or one like it if somebody else has it.
  private static func update(_ views: inout [GuestView], at index: Int, to places: Places, in host: Shared<Host>) {
    if !isKnownUniquelyReferenced(&views[index]) { views[index] = GuestView(copying: views[index]) }
    views[index].follow(to: places, in: host)
  }

  /// From so many guests on only those are looked at that changed, and not all for whether they did.
  static let many = 64

  /// The same where guests are many: `earlier` are those of the host `before`.
  static func all(
    of after: Shared<Host>, since before: Shared<Host>, _ earlier: consuming [GuestView]
  ) -> (all: [GuestView], changed: [GuestView]) {
    var views = earlier
    var names: [GuestName] = []
    let (oldLives, lives) = (before.value.guests, after.value.guests)
    forEachDifference(oldLives, lives) { names.append($0.name) }
    var numbers: [DomainID] = []
    let (oldDomains, domains) = (before.value.port.port.domains, after.value.port.port.domains)
    forEachDifference(oldDomains, domains) { numbers.append($0.id) }
    let (oldBuilt, built) = (before.value.toolstack.guests, after.value.toolstack.guests)
    forEachDifference(oldBuilt, built) { numbers.append($0.domain) }
    numbers.sort()
    // A number is one guest's at most, and of those that come or go the life changes, too.
    for number in numbers.indices where number == 0 || numbers[number] != numbers[number - 1] {
      // Mostly numbers ascend as names do.
      let place = views.partitionIndex { $0.number >= numbers[number] }
      let isThere = place < views.count && views[place].number == numbers[number]
      if let view = isThere ? views[place] : views.first(where: { $0.number == numbers[number] }) {
        names.append(view.life.name)
      }
    }
    names.sort()
    var changed: [GuestView] = []
    for index in names.indices where index == 0 || names[index] != names[index - 1] {
      let name = names[index]
      let place = views.partitionIndex { $0.life.name >= name }
      let isKnown = place < views.count && views[place].life.name == name
      let position = lives.partitionIndex { $0.pointee.name >= name }
      guard position < lives.count, lives[position].name == name,
        let domain = domains.position(of: lives[position].domain)
      else {
        if isKnown { views.remove(at: place) }
        continue
      }
      let guest = built.position(of: lives[position].domain, near: isKnown ? views[place].position : 0)
      let places = Places(life: position, domain: domain, guest: guest)
      if isKnown {
        if views[place].isMade(of: places, in: after) { continue }
        update(&views, at: place, to: places, in: after)
      } else {
        views.insert(GuestView(at: places, in: after), at: place)
      }
      changed.append(views[place])
    }
    return (views, changed)
  }

  /// Calls `body` with the elements of both that the other need not share: those of one box at one place are left out.
  private static func forEachDifference<Element>(
    _ old: SharedArray<Element>, _ new: SharedArray<Element>, _ body: (Element) -> Void
  ) {
    new.forEachReplaced(since: old) { body(new[$0]) }
    old.forEachReplaced(since: new) { body(old[$0]) }
  }
}
