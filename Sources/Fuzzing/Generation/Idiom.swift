/// A few events in a row with a point: each makes sense on its own, together they ask a question.
///
/// Single events drawn one by one come together like this once in thousands of lives. What an idiom is about (a function,
/// a guest, an address) is drawn as for single events.
public enum Idiom: UInt8, CaseIterable, Sendable {
  /// A domain that only hypercalls made: created, given memory, given a device.
  case bareDomain
  /// RAM where a reserved range is, then its device.
  case barredWay
  /// A device, then its range's frames populated, moved, mapped over, given back.
  case claimedRange
  /// Two devices of one range to one guest or to two, relaxed.
  case sharedRange
  /// A failure, then something that makes many calls.
  case faultyStep
  /// A failure among the first steps of the firmware.
  case faultyBoot
  /// A device asked for that another guest has, after one that is free.
  case takenDevice
  /// A device leaves and comes again.
  case comeAndGo
  /// A bridge is plugged in above a device, which is then to leave.
  case bridgeArrives
  /// Functions announced and withdrawn by hypercall, there or not.
  case announcement
  /// A guest is destroyed and created again as it was.
  case rebirth
  /// Pages of the guest moved in a run that ends where there are none.
  case movedRun
  /// Calls in the name of, or on, a domain that does not exist.
  case nobody

  /// How often it comes up where it is in use.
  var weight: Int {
    switch self {
    case .barredWay, .claimedRange, .sharedRange: 5
    case .faultyStep: 6
    case .bareDomain, .faultyBoot, .takenDevice, .comeAndGo, .bridgeArrives: 3
    case .announcement: 2
    case .rebirth, .movedRun: 2
    case .nobody: 1
    }
  }
}
