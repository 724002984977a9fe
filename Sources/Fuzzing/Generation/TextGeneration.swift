import Platform
import Toolstack

extension Generator {
  /// A guest's configuration as text: settings in any order, mostly what xl reads, here and there a word that it does not
  /// know, one of another release, or another spelling.
  func configurationText(
    _ device: SBDF?, on machine: Machine, in scene: Scene, _ random: inout RandomSource
  ) -> [UInt8] {
    var settings = ["type='hvm'", "memory=\(random.pick(scene.memoriesMiB))"]
    if random.chance(1, of: 8) { settings[0] = "builder='hvm'" }
    if random.chance(2, of: 3) { settings.append("rdm='\(rangeText(&random))'") }
    if let device, random.chance(1, of: 2) {
      var entries = [deviceText(device, &random)]
      if random.chance(1, of: 4), let other = machine.functions.last(where: { $0.kind.isEndpoint && $0.sbdf != device })
      {
        entries.append(deviceText(other.sbdf, &random))
      }
      if random.chance(1, of: 8) { entries.append(random.pick(["none", "00:02", "00:1f.9", "name=x", ""])) }
      settings.append("pci=[" + entries.map { "'\($0)'" }.joined(separator: ",") + "]")
      if random.chance(1, of: 2) { settings.append("pci_seize=1") }
    }
    for _ in 0..<random.below(3) { settings.append(plainSetting(in: scene, &random)) }
    return Array((["name='g'"] + random.shuffled(settings)).joined(separator: "\n").utf8) + [0x0A]
  }

  /// `text` with one line made anew, added, moved or left out.
  func changed(
    _ text: [UInt8], on machine: Machine, in scene: Scene, _ random: inout RandomSource
  ) -> [UInt8] {
    var lines = text.split(separator: 0x0A).map { Array($0) }
    func fresh() -> [UInt8] {
      switch random.below(3) {
      case 0: return Array("rdm='\(rangeText(&random))'".utf8)
      case 1:
        let device = machine.assignable.isEmpty ? SBDF(0, 0, 2, 0) : random.pick(machine.assignable)
        return Array("pci=['\(deviceText(device, &random))']".utf8)
      default: return Array(plainSetting(in: scene, &random).utf8)
      }
    }
    switch random.below(4) {
    case 0 where lines.count > 1: lines.remove(at: random.below(lines.count))
    case 1 where lines.count > 1: lines.swapAt(random.below(lines.count), random.below(lines.count))
    case 2 where !lines.isEmpty: lines[random.below(lines.count)] = fresh()
    default: lines.insert(fresh(), at: random.below(lines.count + 1))
    }
    return lines.flatMap { $0 + [0x0A] }
  }

  /// The value of `rdm` (BL-22 to BL-28).
  private func rangeText(_ random: inout RandomSource) -> String {
    let strategy = "strategy=" + random.pick([(8, "host"), (1, "HOST"), (1, "ignore")])
    let policy = "policy=" + random.pick([(4, "strict"), (4, "relaxed"), (1, "RELAXED"), (2, "invalid"), (2, "bogus")])
    switch random.below(10) {
    case 0, 1: return strategy
    case 2: return policy
    case 3, 4: return policy + "," + strategy
    case 5: return random.pick(["type=host,reserve=try", "type=none", "host", "strategy", ""])
    default: return strategy + "," + policy
    }
  }

  /// One entry of `pci` (BL-29 to BL-37).
  private func deviceText(_ device: SBDF, _ random: inout RandomSource) -> String {
    func digits(_ value: some BinaryInteger) -> String { String(value, radix: 16) }
    var text = device.segment != 0 || random.chance(1, of: 4) ? digits(device.segment) + ":" : ""
    let all = random.chance(1, of: 6)
    text += digits(device.bus) + ":" + digits(device.device) + "." + (all ? "*" : digits(device.function))
    if all || random.chance(1, of: 6) { text += "@" + digits(random.within(3...31)) }
    if random.chance(1, of: 3) {
      text += ",rdm_policy=" + random.pick([(4, "strict"), (4, "relaxed"), (1, "invalid"), (1, "try")])
    }
    if random.chance(1, of: 3) { text += ",seize=1" }
    if random.chance(1, of: 12) { text += random.pick([",permissive=1", ",what=1", ",rdm_reserve=try", ","]) }
    return text
  }

  private func plainSetting(in scene: Scene, _ random: inout RandomSource) -> String {
    switch random.below(12) {
    case 0: "rdm_mem_boundary=\(random.pick([0, 512, 1024, 2048, 3072, 3840]))"
    case 1: "mmio_hole=\(holeKiB(&random) >> 10)"
    case 2: "hap=\(random.below(2))"
    case 3: "passthrough='\(random.pick(["enabled", "disabled", "sync_pt", "share_pt", "default", "unknown"]))'"
    case 4: "vga='\(random.pick(["cirrus", "stdvga", "none", "qxl"]))'"
    case 5: "device_model_version='\(random.pick(["qemu-xen", "qemu-xen-traditional"]))'"
    case 6: "maxmem=\(random.pick(scene.memoriesMiB))"
    case 7: "videoram=\(random.pick([0, 4, 8, 16, 64]))"
    case 8: "vcpus=\(random.pick([1, 2, 4, 128]))"
    case 9: "rdm_forcecheck=1"
    case 10: "gfx_passthru=\(random.pick(["1", "'igd'"]))"
    default: "acpi=\(random.below(2))"
    }
  }
}
