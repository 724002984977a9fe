/// A value in a box of its own.
///
/// A copy is one pointer. Copies share the box until one of them changes its value and gets a box for itself, so that all
/// behave as if there were no box. It tells two things that a bare value cannot: that two are the same without looking
/// inside, and how to hold a wide value without copying it.
@frozen
public struct Shared<Value: Sendable>: Sendable {
  @usableFromInline
  final class Box: @unchecked Sendable {
    // Whoever reaches this has the structure around it to himself, or only reads: nothing is left to check.
    @exclusivity(unchecked) @usableFromInline var value: Value

    @inlinable
    init(_ value: Value) { self.value = value }
  }

  @usableFromInline var box: Box

  /// `value` in a new box.
  @inlinable
  public init(_ value: Value) { box = Box(value) }

  /// The value, where it lies.
  @inlinable
  public var value: Value {
    _read { yield box.value }
    _modify {
      if !isKnownUniquelyReferenced(&box) { box = Box(box.value) }
      yield &box.value
    }
  }

  /// True if both are one box, and so one value. Two boxes can hold equal values.
  @inlinable
  public func isSame(as other: Shared) -> Bool { box === other.box }
}

extension Shared: Equatable where Value: Equatable {
  /// True if the values are equal; those of one box are not looked at.
  @inlinable
  public static func == (left: Shared, right: Shared) -> Bool {
    left.box === right.box || left.box.value == right.box.value
  }
}

extension Array {
  /// True if both are one piece of memory, and so equal. Two pieces of memory can hold equal elements.
  @inlinable
  public func isSame(as other: [Element]) -> Bool {
    withUnsafeBufferPointer { own in
      other.withUnsafeBufferPointer { own.baseAddress == $0.baseAddress && own.count == $0.count }
    }
  }
}
