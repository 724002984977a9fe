import AddressSpace
import Editions

/// What the `ivmd=` options of Xen's command line define: blocks as if the IVRS table had them, in the order written.
///
///     ivmd    = unit *( ";" unit )
///     unit    = start [ "-" end ] [ "=" devices *( "," devices ) ]
///     devices = bdf [ "-" bdf ]
///     bdf     = [ "0:" ] bus ":" device "." function
///
/// Numbers are as in `rmrr=`. Without devices a unit is for all of them; each of its device items is a block. All are
/// unity maps, readable and writable. Several options accumulate, and blocks in front of an error stay (HV-43).
public struct IVMDOption: Hashable, Sendable {
  /// Most blocks of all options together (HV-43).
  public static let blockLimit = 8

  /// Why the rest of an option was not read.
  public struct Refusal: Error, Hashable, Sendable {
    /// E2BIG for a ninth block, else EINVAL (HV-43).
    public let error: Errno
    /// Where, in bytes from the start of the value.
    public let offset: Int

    fileprivate init(_ error: Errno, _ text: OptionText) {
      self.error = error
      offset = text.position
    }
  }

  /// The blocks so far, in the order written.
  public private(set) var blocks: [IVMDRecord] = []

  /// No option yet.
  public init() {}

  /// Reads one option's `value` (what follows `ivmd=`), of which Xen sees the first `kept` bytes (D-3).
  public mutating func read(_ value: String, kept: Int = .max) throws(Refusal) {
    var text = OptionText(value.utf8.prefix(max(0, kept)))
    repeat {
      guard blocks.count < IVMDOption.blockLimit else { throw Refusal(.E2BIG, text) }
      guard let first = text.number() else { throw Refusal(.EINVAL, text) }
      var last = first
      if text.take("-") {
        guard let end = text.number(), end >= first else { throw Refusal(.EINVAL, text) }
        last = end
      }
      func block(_ target: IVMDRecord.Target) -> IVMDRecord {
        IVMDRecord(start: first << Page.shift, length: (last &- first &+ 1) << Page.shift, target: target)
      }
      guard text.take("=") else {
        blocks.append(block(.all))
        continue
      }
      repeat {
        guard blocks.count < IVMDOption.blockLimit else { throw Refusal(.E2BIG, text) }
        guard let device = text.device(defaultSegment: 0), device.segment == 0 else { throw Refusal(.EINVAL, text) }
        if text.take("-") {
          guard let end = text.device(defaultSegment: 0), end.segment == 0, end.bdf >= device.bdf else {
            throw Refusal(.EINVAL, text)
          }
          blocks.append(block(.devices(device.bdf, end.bdf)))
        } else {
          blocks.append(block(.device(device.bdf)))
        }
      } while text.take(",")
    } while text.take(";")
    guard text.isAtEnd else { throw Refusal(.EINVAL, text) }
  }
}
