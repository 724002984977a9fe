import AddressSpace
import Editions
import Platform

/// The first word of an event's line.
enum EventKeyword: String, CaseIterable {
  case create, config, boot, attach, detach
  case assignableAdd = "assignable-add"
  case assignableRemove = "assignable-remove"
  case balloon, reboot, destroy, plug, unplug, access, dma, fault, hypercall
  case units, iommu, warnings, layout, rdms
  case memoryMap = "memory-map"
  case e820, bars, firmware, p2m
  case iommuTable = "iommu-table"
  case owner, domain

  static let vocabulary = Vocabulary(EventKeyword.self)
}

extension Access: GrammarWord {
  static let vocabulary = Vocabulary(Access.self)
}

extension LineCursor {
  /// An event and what was observed; the cursor stands at its first word.
  mutating func step(orElse what: String, under comments: [String] = []) throws(TraceError) -> TraceStep {
    stopAtArrow()
    let event = try event(orElse: what)
    try finish()
    let observation = try observation()
    return TraceStep(comments: comments, event: event, observation: observation, line: line)
  }

  private mutating func event(orElse what: String) throws(TraceError) -> Event {
    guard let keyword = try take(from: EventKeyword.vocabulary) else { throw expected(what) }
    switch keyword {
    case .create: return .create(try guest(), try configuration())
    case .config:
      let guest = try guest()
      try self.word("a text in quotes")
      return .config(guest, text: try quoted())
    case .boot: return .boot(try guest())
    case .attach: return .attach(try guest(), try assignedDevice())
    case .detach: return .detach(try guest(), try place(), force: try has("force"))
    case .assignableAdd: return .assignableAdd(try place())
    case .assignableRemove: return .assignableRemove(try place())
    case .balloon:
      let guest = try guest()
      try key("memory=")
      return .balloon(guest, targetKiB: try kib())
    case .reboot: return .reboot(try guest())
    case .destroy: return .destroy(try guest())
    case .plug: return .plug(try function())
    case .unplug: return .unplug(try place())
    case .access:
      let guest = try guest()
      try self.word("read, write or execute")
      let access = try choice(Access.self)
      try self.word("an address such as 0xfee00000")
      return .access(guest, access, address: try address())
    case .dma:
      let place = try place()
      let writes = try wordChoice("write", "read")
      try self.word("an address such as 0xfee00000")
      return .dma(place, writes ? .write : .read, address: try address())
    case .fault: return .fault(try fault())
    case .hypercall: return .hypercall(try hypercall())
    case .units: return .query(.units(try atEnd() ? nil : try sbdf()))
    case .iommu: return .query(.iommu)
    case .warnings: return .query(.warnings)
    case .layout: return .query(.layout(try guest()))
    case .rdms: return .query(.rdms(try guest()))
    case .memoryMap: return .query(.memoryMap(try guest()))
    case .e820: return .query(.e820(try guest()))
    case .bars: return .query(.bars(try guest()))
    case .firmware: return .query(.firmware(try guest()))
    case .p2m: return .query(.p2m(try guest(), try frames()))
    case .iommuTable: return .query(.iommuTable(try guestOrDom0(), try frames()))
    case .owner: return .query(.owner(try place()))
    case .domain: return .query(.domain(try guest()))
    }
  }

  /// The address of a function as the next word.
  mutating func place() throws(TraceError) -> SBDF {
    try word("a PCI address such as 0000:00:02.0")
    return try sbdf()
  }

  private mutating func fault() throws(TraceError) -> InjectedFault {
    if try has("allocation=") { return .allocation(ordinal: try number(from: 1)) }
    if try has("growing-query=") { return .growingQuery(ordinal: try number(from: 1)) }
    guard try has("hypercall=") else { throw expected("hypercall=, allocation= or growing-query=") }
    let ordinal: UInt64 = try number(from: 1)
    try key("errno=")
    let start = position
    guard let errno = Errno(name: name()) else { throw expected("an error such as ENOMEM", at: start) }
    return .hypercall(ordinal: ordinal, errno: errno)
  }

  private mutating func frames() throws(TraceError) -> FrameRange {
    try word("frames such as 0x0-0x100")
    let start = position
    let (first, end) = try bounds("frames such as 0x0-0x100")
    guard first <= end else { throw expected("frames that end after they start", at: start) }
    return FrameRange(first, end)
  }
}

extension CanonicalText {
  mutating func put(_ event: Event) {
    switch event {
    case .create(let guest, let configuration):
      put(.create, guest)
      put(" ")
      put(configuration)
    case .config(let guest, let text):
      put(.config, guest)
      put(" ")
      put(quoted: text)
    case .boot(let guest): put(.boot, guest)
    case .attach(let guest, let device):
      put(.attach, guest)
      put(" ")
      put(device, between: " ")
    case .detach(let guest, let place, let force):
      put(.detach, guest)
      put(" ")
      put(place)
      if force { put(" force") }
    case .assignableAdd(let place): put(.assignableAdd, place)
    case .assignableRemove(let place): put(.assignableRemove, place)
    case .balloon(let guest, let target):
      put(.balloon, guest)
      put(" memory=")
      put(kib: target)
    case .reboot(let guest): put(.reboot, guest)
    case .destroy(let guest): put(.destroy, guest)
    case .plug(let function):
      put(.plug)
      put(" ")
      put(function)
    case .unplug(let place): put(.unplug, place)
    case .hypercall(let event):
      put(.hypercall)
      put(" ")
      put(event)
    case .access(let guest, let access, let address):
      put(.access, guest)
      put(access, address)
    case .dma(let place, let access, let address):
      put(.dma, place)
      put(access, address)
    case .fault(.hypercall(let ordinal, let errno)):
      put(.fault)
      put(" hypercall=")
      put(decimal: ordinal)
      put(" errno=")
      put("\(errno)")
    case .fault(.allocation(let ordinal)):
      put(.fault)
      put(" allocation=")
      put(decimal: ordinal)
    case .fault(.growingQuery(let ordinal)):
      put(.fault)
      put(" growing-query=")
      put(decimal: ordinal)
    case .query(let query): put(query)
    }
  }

  private mutating func put(_ query: Query) {
    switch query {
    case .units(nil): put(.units)
    case .units(let place?): put(.units, place)
    case .iommu: put(EventKeyword.iommu)
    case .warnings: put(EventKeyword.warnings)
    case .layout(let guest): put(.layout, guest)
    case .rdms(let guest): put(.rdms, guest)
    case .memoryMap(let guest): put(.memoryMap, guest)
    case .e820(let guest): put(.e820, guest)
    case .bars(let guest): put(.bars, guest)
    case .firmware(let guest): put(.firmware, guest)
    case .p2m(let guest, let frames):
      put(.p2m, guest)
      put(" ")
      put(frames.start, frames.end)
    case .iommuTable(let guest, let frames):
      put(.iommuTable, guest)
      put(" ")
      put(frames.start, frames.end)
    case .owner(let place): put(.owner, place)
    case .domain(let guest): put(.domain, guest)
    }
  }

  private mutating func put(_ keyword: EventKeyword) { put(keyword.rawValue) }

  private mutating func put(_ keyword: EventKeyword, _ guest: GuestName) {
    put(keyword)
    put(" ")
    put(guest)
  }

  private mutating func put(_ keyword: EventKeyword, _ place: SBDF) {
    put(keyword)
    put(" ")
    put(place)
  }

  private mutating func put(_ access: Access, _ address: UInt64) {
    put(" ")
    put(access.rawValue)
    put(" ")
    put(hex: address)
  }
}
