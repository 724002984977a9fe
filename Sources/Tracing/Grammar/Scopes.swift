import Platform

extension LineCursor {
  /// The device scopes of a remapping structure to the end of the line, and the segment they are all in.
  mutating func scopes() throws(TraceError) -> (segment: UInt16, scopes: [DeviceScope]) {
    var scopes: [DeviceScope] = []
    let segment = try listInSegment { cursor throws(TraceError) in
      let (segment, scope) = try cursor.scope()
      scopes.append(scope)
      return segment
    }
    return (segment, scopes)
  }

  /// Words to the end of the line that all lie in one PCI segment, or just `segment=`; gives the segment.
  mutating func listInSegment(
    _ item: (inout LineCursor) throws(TraceError) -> UInt16
  ) throws(TraceError) -> UInt16 {
    if try has("segment=") {
      let segment = UInt16(try hexDigits(4...4, "a segment such as 0001"))
      guard try atEnd() else { throw expected("no device after segment=") }
      return segment
    }
    var segment: UInt16?
    while try !atEnd() {
      let start = position
      let own = try item(&self)
      guard own == segment ?? own else { throw expected("a device in the segment of the first", at: start) }
      segment = own
    }
    return segment ?? 0
  }

  /// `0000:00:14.0`, `bridge:0000:00:1c.0`, `0000:00:1c.0/00.0`, `ioapic:2@0000:f0:1f.0`, `5:0@0000:00:02.0`.
  private mutating func scope() throws(TraceError) -> (UInt16, DeviceScope) {
    let start = position
    var kind = DeviceScope.Kind.endpoint
    var id: UInt8 = 0
    let word = try peek()
    if word.utf8.contains(UInt8(ascii: "@")) {
      if let known = DeviceScope.Kind(name: String(word.prefix { $0 != ":" && $0 != "@" })) {
        _ = name()
        kind = known
      } else {
        kind = DeviceScope.Kind(rawValue: try number(UInt8.self, "endpoint, bridge, ioapic, hpet or a number"))
      }
      guard skip(UInt8(ascii: ":")) else { throw expected("an id such as :2") }
      id = try number(UInt8.self, "an id")
      guard skip(UInt8(ascii: "@")) else { throw expected("@") }
    } else if word.hasPrefix("bridge:") {
      _ = name()
      _ = skip(UInt8(ascii: ":"))
      kind = .bridge
    }
    guard let (segment, bus) = busPrefix() else {
      throw expected("a device such as 0000:00:02.0 or bridge:0000:00:1c.0", at: start)
    }
    var path = [try hop()]
    while skip(UInt8(ascii: "/")) { path.append(try hop()) }
    return (segment, DeviceScope(kind, enumerationID: id, startBus: bus, path: path))
  }

  /// `1c.0`: a device number as two hexadecimal digits and a function number as one or two; any byte is possible.
  private mutating func hop() throws(TraceError) -> DeviceScope.Hop {
    let start = position
    guard let device = hexRun(2...2), skip(UInt8(ascii: ".")), let function = hexRun(1...2) else {
      throw expected("a device and function such as 1c.0", at: start)
    }
    return DeviceScope.Hop(UInt8(device), UInt8(function))
  }
}

extension DeviceScope.Kind {
  /// The grammar's name, nil for a type that has none.
  var name: String? {
    switch self {
    case .endpoint: "endpoint"
    case .bridge: "bridge"
    case .ioapic: "ioapic"
    case .hpet: "hpet"
    default: nil
    }
  }

  /// The kind that `name` prints.
  init?(name: String) {
    guard let found = [.endpoint, .bridge, .ioapic, .hpet].first(where: { (kind: Self) in kind.name == name })
    else { return nil }
    self = found
  }
}

extension CanonicalText {
  /// Scopes, each after a blank; their segment stands by itself if there is no scope to tell it.
  mutating func put(_ scopes: [DeviceScope], segment: UInt16) {
    for scope in scopes {
      put(" ")
      if scope.enumerationID == 0, scope.kind == .bridge {
        put("bridge:")
      } else if scope.enumerationID != 0 || scope.kind != .endpoint {
        if let name = scope.kind.name { put(name) } else { put(decimal: scope.kind.rawValue) }
        put(":")
        put(decimal: scope.enumerationID)
        put("@")
      }
      put(digits: segment, width: 4)
      put(":")
      put(digits: scope.startBus, width: 2)
      for (index, hop) in scope.path.enumerated() {
        put(index == 0 ? ":" : "/")
        put(digits: hop.device, width: 2)
        put(".")
        put(digits: hop.function, width: 1)
      }
    }
    if scopes.isEmpty { put(loneSegment: segment) }
  }

  /// ` segment=0001`, nothing for segment 0.
  mutating func put(loneSegment segment: UInt16) {
    guard segment != 0 else { return }
    put(" segment=")
    put(digits: segment, width: 4)
  }
}
