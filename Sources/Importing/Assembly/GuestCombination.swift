/// Joins what several inputs say of guests.
enum GuestCombination {
  /// The guests of all `inputs`, which are in their final order: what is told of one domain number or of one name is of
  /// one guest, and if there is but one guest with a number and one with a configuration, they are the same.
  static func joined(_ inputs: [InputFacts]) -> [GuestFacts] {
    var guests: [GuestFacts] = []
    for guest in inputs.flatMap(\.guests) {
      let same = guests.firstIndex { known in
        known.domain != nil && known.domain == guest.domain || known.name != nil && known.name == guest.name
      }
      if let same { guests[same].fill(from: guest) } else { guests.append(guest) }
    }
    if guests.count == 2, let numbered = guests.firstIndex(where: { $0.domain != nil }),
      let configured = guests.firstIndex(where: { $0.domain == nil && $0.isConfigured }),
      !guests[numbered].isConfigured
    {
      let other = guests[configured]
      guests[numbered].fill(from: other)
      guests.remove(at: configured)
    }
    return guests
  }
}

extension GuestFacts {
  /// True if its configuration is told.
  var isConfigured: Bool { configurationText != nil || configuration != nil }

  /// Fills what is unknown from `other`, which is about the same guest.
  mutating func fill(from other: GuestFacts) {
    domain = domain ?? other.domain
    name = name ?? other.name
    configurationText = configurationText ?? other.configurationText
    configuration = configuration ?? other.configuration
    devices += other.devices.filter { !devices.contains($0) }
    steps += other.steps
    starts += other.starts
    creation = creation ?? other.creation
    memoryKiB = memoryKiB ?? other.memoryKiB
    hasIOMMU = hasIOMMU ?? other.hasIOMMU
  }
}
