extension Invariant {
  /// Every invariant, in the order in which they are checked.
  public static let all: [Invariant] = [
    ramClearOfRanges, rmrrInOneGuest, oneOwner, groupsAtomic, strictMapped, viewsAgree,
    e820WellFormed, rangesReserved, e820RAMBacked, barsPlaced,
    ramConserved, ramAgreed, refusalChangesNothing, destroyGivesBack,
    identityCounted, identityKept, quarantineMapped, dmaConfined, nobodyCrashes,
    rangesAccounted, strictWins, droppedNotShown,
    e820ListsRAM, barPagesApart, windowsUncached, firmwareAreasClear,
    askedIsGiven, memoryMapSound, strictAnnounced,
  ]
}
