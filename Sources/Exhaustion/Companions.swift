import Editions

extension Quirk {
  /// Other known bugs without which this one cannot show: they let a guest come so far, or hide what would stop it.
  ///
  /// The traces of the museum plant the same ones.
  var companions: [Quirk] {
    switch self {
    case .hypervisor(.strictJoinsRelaxed): [.hypervisor(.sharedByListLength)]
    case .hypervisor(.overlapStopsUnmap): [.hypervisor(.lastUnitDecides)]
    case .toolstack(.allFunctionsDie), .toolstack(.allFunctionsUninitialised): [.toolstack(.deviceGrammarOlder)]
    case .toolstack(.reserveWords), .toolstack(.rangeWordsInOrder): [.toolstack(.rangeFailureIgnored)]
    case .toolstack(.failedTestForgetsOwner): [.toolstack(.failureLeavesTraces)]
    case .toolstack(.modulePopulatedTwice): [.hypervisor(.replacedRAMCharged)]
    case .firmware(.nestedRangesMissed): [.toolstack(.memoryMapUnordered)]
    case .firmware(.specialAreaRangesAccepted), .firmware(.dynamicAreaRangesAccepted), .firmware(.holesAroundRanges):
      [.toolstack(.fixedAreasUnchecked)]
    case .firmware(.decodeWhileWriting): [.hypervisor(.mappingReplacesRAM)]
    case .firmware(.platformBARIgnoresRanges): [.firmware(.platformBARAtTop)]
    default: []
    }
  }
}
