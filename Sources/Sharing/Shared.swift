/// A value in a box of its own.
///
/// A copy is one pointer. Copies share the box until one of them changes its value and gets a box for itself, so that all
/// behave as if there were no box. It tells two things that a bare value cannot: that two are the same without looking
/// inside, and how to hold a wide value without copying it.
@frozen
public struct Shared<Value: Sendable>: @unchecked Sendable {
  @usableFromInline var box: ManagedBuffer<Void, Value>

  /// `value` in a new box.
  @inlinable
  public init(_ value: consuming Value) {
    box = SharedBox<Value>.create(minimumCapacity: 1) { _ in () }
    address.initialize(to: value)
  }

  /// The value, where it lies: accessors that give out an address are the only ones that never copy it.
  @inlinable
  public var value: Value {
    unsafeAddress { UnsafePointer(address) }
    unsafeMutableAddress { uniqueAddress() }
  }

  /// Where the value lies as long as somebody holds the box: for accessors that give it out without copying it.
  @inlinable
  public var place: UnsafePointer<Value> { UnsafePointer(address) }

  /// Where the value lies. Nobody writes there while the box has more than one owner.
  @inlinable
  var address: UnsafeMutablePointer<Value> { box.withUnsafeMutablePointerToElements { $0 } }

  /// Where the value lies, in a box that nobody else has.
  @inlinable
  mutating func uniqueAddress() -> UnsafeMutablePointer<Value> {
    if !isKnownUniquelyReferenced(&box) {
      // From box to box: by way of an argument a wide value would be copied twice.
      let own = SharedBox<Value>.create(minimumCapacity: 1) { _ in () }
      own.withUnsafeMutablePointerToElements { $0.initialize(from: UnsafePointer(address), count: 1) }
      box = own
    }
    return address
  }

  /// True if nobody else has the box: the value is changed where it lies.
  @inlinable
  public mutating func isAlone() -> Bool { isKnownUniquelyReferenced(&box) }

  /// True if both are one box, and so one value. Two boxes can hold equal values.
  @inlinable
  public func isSame(as other: Shared) -> Bool { box === other.box }
}

/// The box: room for one value behind the object's header.
@usableFromInline
final class SharedBox<Value>: ManagedBuffer<Void, Value> {
  @inlinable
  deinit {
    withUnsafeMutablePointerToElements { _ = $0.deinitialize(count: 1) }
  }
}

extension Shared: Equatable where Value: Equatable {
  /// True if the values are equal; those of one box are not looked at.
  @inlinable
  public static func == (left: Shared, right: Shared) -> Bool {
    left.box === right.box || left.value == right.value
  }
}

extension Shared: Hashable where Value: Hashable {
  /// Hashes the value.
  @inlinable
  public func hash(into hasher: inout Hasher) { hasher.combine(value) }
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
