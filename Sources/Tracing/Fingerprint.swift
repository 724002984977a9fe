/// FNV-1a of 128 bits: what a stored trace is named after.
///
/// Short, without dependencies, and the same on every machine and in every build, which `Hasher` is not. It tells
/// traces apart that happen to differ; it withstands nobody who wants two traces to collide, and need not.
public struct Fingerprint: Hashable, Sendable {
  /// The hash of the bytes so far.
  public private(set) var value: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d

  /// The hash of no bytes.
  public init() {}

  /// The hash of `bytes`.
  public init(of bytes: [UInt8]) { update(bytes) }

  /// Goes on with `bytes`.
  public mutating func update(_ bytes: [UInt8]) {
    var value = value
    for byte in bytes {
      value ^= UInt128(byte)
      // The prime 2^88 + 0x13B.
      value = (value << 88) &+ value &* 0x13B
    }
    self.value = value
  }
}

extension Fingerprint: CustomStringConvertible {
  /// 32 hexadecimal digits.
  public var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }
}
