/// Lives in `repaired` into which faults are injected. Guests are small and odd, so that each has extents of every size.
extension Life {
  private static let usbAndGraphics = """
    rmrr 0xab80a000-0xab81dfff 0000:00:14.0
    rmrr 0xad000000-0xaf7fffff 0000:00:02.0
    device 0000:00:02.0 id=8086:1616 class=0300 kind=pcie pin=1 bar0=m64:16M@0xf0000000 bar2=m64p:256M@0xc0000000 bar4=io:64
    device 0000:00:14.0 id=8086:9cb1 class=0c03 kind=pcie pin=1 bar0=m64:64K@0xf7a00000
    """

  private static func hostLine(
    p2m: String = "ept", tables: String = "shared", quarantine: String = "basic", memory: String = "16G"
  ) -> String {
    "host memory=\(memory) phys-bits=39 iommu=vt-d p2m=\(p2m) tables=\(tables) quarantine=\(quarantine)\n"
  }

  static let strictAndDetached = """
    create dom1 memory=131 pci=0000:00:14.0,policy=strict pci=0000:00:02.0,policy=strict
    boot dom1
    detach dom1 0000:00:02.0
    attach dom1 0000:00:02.0 policy=strict
    dma 0000:00:14.0 write 0xab80a000
    detach dom1 0000:00:14.0 force
    destroy dom1
    """

  static let all: [Life] = [
    Life("strict, shared tables, EPT", host: hostLine() + usbAndGraphics, events: strictAndDetached),
    Life(
      "strict, separate tables, EPT", host: hostLine(tables: "separate") + usbAndGraphics, events: strictAndDetached),
    Life(
      "relaxed, nested paging, RAM moved above 4G", host: hostLine(p2m: "npt", tables: "separate") + usbAndGraphics,
      events: """
        create dom1 memory=2800 pci=0000:00:14.0,policy=relaxed
        boot dom1
        attach dom1 0000:00:02.0 policy=relaxed
        access dom1 write 0xab80a000
        reboot dom1
        destroy dom1
        """),
    Life(
      "every range announced, devices plugged in and out", host: hostLine() + usbAndGraphics,
      events: """
        create dom1 memory=257 strategy=host policy=strict passthrough=enabled
        boot dom1
        attach dom1 0000:00:14.0 policy=strict
        attach dom1 0000:00:02.0 policy=relaxed slot=9
        detach dom1 0000:00:14.0
        attach dom1 0000:00:14.0 policy=strict seize
        reboot dom1
        boot dom1
        destroy dom1
        """),
    Life(
      "two devices share a range, relaxed",
      host: hostLine(tables: "separate", quarantine: "scratch-page") + """
        rmrr 0xe0000000-0xe00037ff 0000:00:1a.0 0000:00:1d.0
        rmrr 0xe0003800-0xe0005fff 0000:00:1d.0
        device 0000:00:1a.0 class=0c03 bar0=m32:1K@0xf7a00000
        device 0000:00:1d.0 class=0c03 bar0=m32:1K@0xf7a00400
        """,
      events: """
        assignable-add 0000:00:1d.0
        create dom1 memory=67 strategy=host pci=0000:00:1a.0,policy=relaxed
        boot dom1
        attach dom1 0000:00:1d.0 policy=relaxed
        create dom2 memory=64 pci=0000:00:1d.0,policy=relaxed
        detach dom1 0000:00:1d.0
        create dom2 memory=64 pci=0000:00:1d.0,policy=relaxed
        attach dom1 0000:00:1d.0 policy=strict
        destroy dom1
        destroy dom2
        """),
    Life(
      "phantom functions",
      host: hostLine(tables: "separate") + """
        drhd 0xfed90000 all
        unit 0xe0000000-0xe0003fff 0000:03:00.0
        unit 0xe0004000-0xe0007fff 0000:03:00.1
        unit 0xe0008000-0xe0008fff 0000:03:00.3
        device 0000:03:00.0 class=0106 bar5=m32:4K@0xf7a00000 phantom=1
        """,
      events: """
        create dom1 memory=64 strategy=host policy=strict pci=0000:03:00.0,policy=strict
        boot dom1
        detach dom1 0000:03:00.0
        hypercall dom0 assign_device dom1 0000:03:00.0 flags=0x1
        hypercall dom0 deassign_device dom1 0000:03:00.0
        attach dom1 0000:03:00.0 policy=strict
        destroy dom1
        """),
    Life(
      "conventional function behind a bridge",
      host: hostLine(quarantine: "scratch-page") + """
        rmrr 0xe0000000-0xe0003fff bridge:0000:00:1e.0
        rmrr 0xe0008000-0xe0008fff 0000:04:01.0
        device 0000:00:1e.0 class=0604 kind=pcie-to-pci buses=04-04
        device 0000:04:01.0 class=0200 kind=pci bar0=m32:4K@0xf7a00000 bar1=io:32@0x3000
        device 0000:04:02.0 class=0200 kind=pci bar0=m32:4K@0xf7a01000
        """,
      events: """
        create dom1 memory=64 pci=0000:04:02.0,policy=strict
        boot dom1
        attach dom1 0000:04:01.0 policy=relaxed
        assignable-add 0000:04:01.0
        detach dom1 0000:04:02.0
        assignable-remove 0000:04:01.0
        attach dom1 0000:04:01.0 policy=strict
        destroy dom1
        """),
    Life(
      "populate on demand, refused with a device", host: hostLine() + usbAndGraphics,
      events: """
        create dom1 memory=14 maxmem=27 pci=0000:00:14.0
        create dom1 memory=14 maxmem=27
        attach dom1 0000:00:14.0
        boot dom1
        access dom1 write 0x200000
        access dom1 read 0x1e00000
        balloon dom1 memory=13
        balloon dom1 memory=15
        reboot dom1
        destroy dom1
        """),
    Life(
      "balloon down and up, reboot", host: hostLine(tables: "separate") + usbAndGraphics,
      events: """
        create dom1 memory=131 pci=0000:00:14.0,policy=relaxed
        balloon dom1 memory=130
        boot dom1
        balloon dom1 memory=129
        balloon dom1 memory=131
        balloon dom1 memory=129
        balloon dom1 memory=130
        reboot dom1
        boot dom1
        detach dom1 0000:00:14.0
        destroy dom1
        """),
    Life(
      "ACPI modules, manual hole, the old device model", host: hostLine() + usbAndGraphics,
      events: """
        create dom1 memory=3300 mmio-hole=1024 acpi-firmware=9029 smbios-firmware=4K pci=0000:00:02.0,policy=strict gfx-passthru
        boot dom1
        destroy dom1
        create dom2 memory=96 device-model=traditional vga=stdvga acpi-firmware=64K pci=0000:00:14.0,policy=strict
        boot dom2
        destroy dom2
        """),
    Life(
      "functions pulled out and put in", host: hostLine(tables: "separate") + usbAndGraphics,
      events: """
        create dom1 memory=64 strategy=host policy=strict pci=0000:00:14.0,policy=strict
        boot dom1
        unplug 0000:00:02.0
        attach dom1 0000:00:02.0 policy=relaxed
        plug 0000:00:02.0 class=0300 bar0=m64:16M@0xf0000000
        assignable-add 0000:00:02.0
        attach dom1 0000:00:02.0 policy=strict
        unplug 0000:00:14.0
        detach dom1 0000:00:14.0
        plug 0000:00:14.0 class=0c03
        plug 0000:00:14.1 class=0c03 vf-of=0000:00:14.0
        unplug 0000:00:14.1
        destroy dom1
        """),
    Life(
      "two guests and a function that changes hands",
      host: hostLine(quarantine: "none", memory: "512M") + usbAndGraphics,
      events: """
        create dom1 memory=66 pci=0000:00:14.0,policy=strict,seize
        create dom2 memory=66 pci=0000:00:02.0,policy=strict
        create dom3 memory=400
        boot dom2
        attach dom2 0000:00:14.0 policy=relaxed
        detach dom1 0000:00:14.0
        assignable-add 0000:00:14.0
        attach dom2 0000:00:14.0 policy=relaxed
        assignable-remove 0000:00:14.0
        reboot dom2
        destroy dom1
        detach dom2 0000:00:14.0
        assignable-remove 0000:00:14.0
        create dom1 memory=64 pci=0000:00:14.0,policy=relaxed,seize
        destroy dom2
        destroy dom1
        """),
    Life(
      "hypercalls one by one", host: hostLine(tables: "separate") + usbAndGraphics,
      events: """
        hypercall dom0 createdomain dom1 hvm hap iommu
        hypercall dom0 max_mem dom1 kib=65536
        hypercall dom0 set_paging_allocation dom1 mib=8
        hypercall dom0 claim_pages dom1 pages=2048
        hypercall dom0 populate_physmap dom1 first=0x0 count=40 order=0 per-call=16
        hypercall dom0 populate_physmap dom1 first=0x200 count=2 order=9
        hypercall dom0 populate_physmap dom1 frames=0xab80b,0x1000 order=0
        hypercall dom0 assign_device dom1 0000:00:14.0
        hypercall dom1 decrease_reservation dom_self first=0xab80b count=1
        hypercall dom0 claim_pages dom1 pages=0
        hypercall dom0 assign_device dom1 0000:00:14.0
        hypercall dom0 iomem_permission dom1 mfn=0xf7a00 count=16 allow
        hypercall dom0 memory_mapping dom1 gfn=0xf0000 mfn=0xf7a00 count=16 add
        hypercall dom0 add_to_physmap dom1 space=gmfn_range index=0x0 gfn=0x3000 count=8
        hypercall dom0 memory_mapping dom1 gfn=0xf0000 mfn=0xf7a00 count=16 remove
        hypercall dom0 set_memory_map dom1 0x0-0xa0000:ram 0xab80a000-0xab81e000:reserved
        hypercall dom0 deassign_device dom1 0000:00:14.0
        hypercall dom0 pci_device_remove 0000:00:02.0
        hypercall dom0 pci_device_add 0000:00:02.0
        hypercall dom0 destroydomain dom1
        """),
  ]
}
