import Editions
import Platform
import Testing

/// Units and refusal of `values` read one after the other.
private func read(_ values: String..., kept: Int = .max) -> (units: [String], refusals: [RMRROption.Refusal]) {
  var option = RMRROption()
  var refusals: [RMRROption.Refusal] = []
  for value in values {
    do { try option.read(value, kept: kept) } catch { refusals.append(error) }
  }
  let units = option.units.map { unit in
    let frames = String(unit.first, radix: 16) + "-" + String(unit.last, radix: 16)
    return frames + "=" + unit.devices.map(\.description).joined(separator: ",")
  }
  return (units, refusals)
}

@Suite("rmrr= option")
struct RMRROptionTests {
  @Test(
    "grammar: what is accepted, with defaults and prefixes",
    arguments: [
      ("f0=0:5.0", "f0-f0=0000:00:05.0"),  // HV-27: a missing end means one page
      ("0xF0=0:5.0", "f0-f0=0000:00:05.0"),
      ("f0-ff=0:5.0", "f0-ff=0000:00:05.0"),
      ("f0=0:5.0x7", "f0-f0=0000:00:05.7"),
      ("f0=0:5.07", "f0-f0=0000:00:05.7"),
      ("f0=ffff:ff:1f.7", "f0-f0=ffff:ff:1f.7"),
      ("f0=0:0x1f.0", "f0-f0=0000:00:1f.0"),
      ("f0=3:0:5.0,1:6.0,0:1:7.0", "f0-f0=0003:00:05.0,0003:01:06.0,0000:01:07.0"),  // HV-30
      ("f0=1:5.0,3:0:5.0", "f0-f0=0000:01:05.0,0003:00:05.0"),
      ("10000000000000000f0=0:5.0", "f0-f0=0000:00:05.0"),  // modulo 2^64
      ("f0=0:5.", "f0-f0=0000:00:05.0"),  // C-7
      ("f0=:5.0", "f0-f0=0000:00:05.0"),  // C-7
      ("f0=:.", "f0-f0=0000:00:00.0"),
      ("0x=0:5.0", "0-0=0000:00:05.0"),
      ("ffffffffffffffff=0:5.0", "ffffffffffffffff-ffffffffffffffff=0000:00:05.0"),
      ("fffffffffffffff8-7=0:5.0", "fffffffffffffff8-7=0000:00:05.0"),  // the difference wraps to 15
    ])
  func accepted(value: String, unit: String) {
    let (units, refusals) = read(value)
    #expect(units == [unit])
    #expect(refusals.isEmpty)
  }

  @Test(
    "HV-29: what is refused, with what error, and the units that stay",
    arguments: [
      ("", Errno.EINVAL, 0), (";", .EINVAL, 0), ("=", .EINVAL, 0), ("=0:5.0", .EINVAL, 0), ("zz=0:5.0", .EINVAL, 0),
      ("-f0=0:5.0", .EINVAL, 0), ("+f0=0:5.0", .EINVAL, 0), ("f0-=0:5.0", .EINVAL, 0), ("f0--f1=0:5.0", .EINVAL, 0),
      ("f0=0:5.0;", .EINVAL, 1), ("f0=0:5.0;;f1=0:6.0", .EINVAL, 1), ("f0=;f1=0:5.0", .EINVAL, 0),
      ("f0-100=0:5.0", .E2BIG, 0), ("f1-f0=0:5.0", .E2BIG, 0), ("f0=0:5.0;f0-100=0:5.0", .E2BIG, 1),
      ("f0=0:20.0", .EINVAL, 0), ("f0=0:5.8", .EINVAL, 0), ("f0=100:5.0", .EINVAL, 0), ("f0=10000:0:5.0", .EINVAL, 0),
      ("f0=0:0:0:5.0", .EINVAL, 0), ("f0=5.0", .EINVAL, 0), ("f0=0:5", .EINVAL, 0), ("f0=,0:5.0", .EINVAL, 0),
      ("f0=0:5.0,", .EINVAL, 0), ("f0=0:5.0,,0:6.0", .EINVAL, 0),
      ("f0=0:5.0/", .EINVAL, 1),  // D-10: a trailing character keeps the unit
      ("f0=0:5.08", .EINVAL, 1), ("f0=0:5.0x", .EINVAL, 1), ("f0=0:5.0 ", .EINVAL, 1), ("f0/", .EINVAL, 0),
    ])
  func refused(value: String, error: Errno, stay: Int) {
    let (units, refusals) = read(value)
    #expect(units.count == stay)
    #expect(refusals.map(\.error) == [error])
    #expect(refusals.map(\.rule) == [error == .E2BIG ? .hv(28) : .hv(29)])
  }

  @Test("HV-29: a unit without = is accepted and produces nothing")
  func withoutDevices() {
    for value in ["f0", "f0-f1", "f0;f1", "0x"] { #expect(read(value) == ([], [])) }
    #expect(read("f0;f1=0:6.0").units == ["f1-f1=0000:00:06.0"])
  }

  @Test("HV-28: 16 pages, exactly")
  func frameLimit() {
    for last in 0xF0...0x110 {
      let (units, refusals) = read("f0-\(String(last, radix: 16))=0:5.0")
      #expect((units.count, refusals.count) == (last < 0x100 ? (1, 0) : (0, 1)))
    }
  }

  @Test("HV-28: 10 units over all options; a trailing ; after the 10th is one too many; units without = do not count")
  func unitLimit() {
    let unit = "f0=0:5.0"
    func list(_ count: Int) -> String { Array(repeating: unit, count: count).joined(separator: ";") }
    #expect(read(list(10)).refusals.isEmpty)
    for values in [[list(10) + ";"], [list(11)], [list(10), unit], [list(10), ""]] {
      var option = RMRROption()
      var errors: [Errno] = []
      for value in values { do { try option.read(value) } catch { errors.append(error.error) } }
      #expect(option.units.count == 10 && errors == [.E2BIG])
    }
    let (units, refusals) = read("f8;" + list(9), "f8;" + unit)
    #expect(units.count == 10 && refusals.isEmpty)
  }

  @Test("HV-28: 20 devices; a 21st is an error that keeps the unit with its 20")
  func deviceLimit() {
    func unit(_ count: Int) -> String { "f0=" + Array(repeating: "0:5.0", count: count).joined(separator: ",") }
    var option = RMRROption()
    #expect(throws: Never.self) { try option.read(unit(20)) }
    let error = #expect(throws: RMRROption.Refusal.self) { try option.read(unit(21) + ";f1=0:5.0") }
    #expect(error?.error == .EINVAL)
    #expect(option.units.map(\.devices.count) == [20, 20])
  }

  @Test("D-3: several options accumulate; an error ends only its own")
  func accumulation() {
    let (units, refusals) = read("zz", "f1=0:6.0;", "f2=0:7.0")
    #expect(units == ["f1-f1=0000:00:06.0", "f2-f2=0000:00:07.0"])
    #expect(refusals.map(\.offset) == [0, 9])
  }

  @Test("D-3: at each cut the units are those of the text that is left")
  func cut() {
    let value = "f0=0:5.0;f1-f2=1:2:6.7,0:7.0;f3;f4=0:8.0"
    for kept in 0...value.utf8.count + 1 {
      let whole = read(value, kept: kept)
      let part = read(String(value.prefix(kept)))
      #expect(whole == part)
    }
    // Cut right behind the dot the unit is kept (C-7), before it lost.
    #expect(read("f0=0:5.7", kept: 7).units == ["f0-f0=0000:00:05.0"])
    #expect(read("f0=0:5.7", kept: 6).units == [])
  }
}
