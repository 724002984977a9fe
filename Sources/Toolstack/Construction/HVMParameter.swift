/// Numbers of HVM parameters that the toolstack sets.
enum HVMParameter: UInt32 {
  case storeFrame = 1
  case storeEventChannel = 2
  case ioreqFrame = 5
  case bufferedIoreqFrame = 6
  case timerMode = 10
  case hpetEnabled = 11
  case identityPageTable = 12
  case timerAlignment = 16
  case consoleFrame = 17
  case consoleEventChannel = 18
  case pagingRing = 27
  case monitorRing = 28
  case sharingRing = 29
  case ioreqServerFrame = 32
  case ioreqServerPages = 33
  case alternateP2M = 35

  /// Event channels of a fresh domain, in the order of their making (E4).
  static let storeChannel: UInt64 = 1
  static let consoleChannel: UInt64 = 2
}

/// The builder's special pages by their place from the first (BL-98).
enum SpecialPage: UInt64 {
  case paging = 0
  case monitor
  case sharing
  case bufferedIoreq
  case store
  case ioreq
  case identityPageTable
  case console

  /// The parameters that name them, in the order in which they are set.
  static let parameters: [(HVMParameter, SpecialPage)] = [
    (.storeFrame, .store), (.bufferedIoreqFrame, .bufferedIoreq), (.ioreqFrame, .ioreq), (.consoleFrame, .console),
    (.pagingRing, .paging), (.monitorRing, .monitor), (.sharingRing, .sharing),
  ]
}
