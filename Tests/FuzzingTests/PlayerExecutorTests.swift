import Testing
import Tracing

@testable import Fuzzing

@Suite struct PlayerExecutorTests {
  @Test("HV-146: a device withdrawn behind the toolstack's back is no fault of the toolstack")
  func rawRemovalOfAGuestsDevice() throws {
    var executor = PlayerExecutor()
    for (removal, isClean) in [
      ("hypercall dom0 pci_device_remove 0000:00:19.0", true),
      // Of another device: the guest is as the toolstack built it, and what it promised is still checked.
      ("hypercall dom0 pci_device_remove 0000:00:1a.0", false),
    ] {
      let trace = try Trace(
        parsing: """
          rdmtrace 1
          edition repaired +detach-failure-ignored
          host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=shared quarantine=basic
          drhd 0xfed90000 all
          device 0000:00:19.0 id=8086:15a2 class=0200 kind=pcie
          device 0000:00:1a.0 id=8086:1e2d class=0c03 kind=pcie
          create dom1 memory=1024 pci=0000:00:19.0
          \(removal)
          fault hypercall=1 errno=EBUSY
          detach dom1 0000:00:19.0
          end 4

          """)
      let execution = executor.run(Specimen(trace))
      #expect((execution.symptom == nil) == isClean, "\(removal): \(execution.detail)")
    }
  }

  @Test(
    "C-1: the range of a phantom function belongs to its device", arguments: [("xen-4.17", true), ("repaired", false)])
  func rangeOfAPhantomFunction(edition: String, breaks: Bool) throws {
    var executor = PlayerExecutor()
    let trace = try Trace(
      parsing: """
        rdmtrace 1
        edition \(edition)
        host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=shared quarantine=basic
        drhd 0xfed90000 all
        unit 0x80001000-0x80001fff 0000:03:00.0
        unit 0x80010000-0x80010fff 0000:03:00.4
        device 0000:00:1c.0 id=8086:9c90 class=0604 kind=pcie-bridge buses=03-03
        device 0000:03:00.0 id=1b4b:9172 class=0106 kind=pcie phantom=4
        create dom1 memory=1024 pci=0000:03:00.0
        end 1

        """)
    let symptom = executor.run(Specimen(trace)).symptom
    #expect(symptom == (breaks ? Symptom(invariant: "strict-mapped", stage: "toolstack", relation: "p2m") : nil))
  }

  @Test(
    "HV-74: a refused creation puts a device back into quarantine, whoever had put it there",
    arguments: [
      ["hypercall dom0 assign_device dom_io 0000:00:19.0"],
      [
        "hypercall dom0 createdomain dom2 hvm hap iommu", "hypercall dom0 assign_device dom2 0000:00:19.0",
        "destroy dom2",
      ],
      [
        "hypercall dom0 createdomain dom2 hvm hap iommu", "hypercall dom0 assign_device dom2 0000:00:19.0",
        "hypercall dom0 destroydomain dom2",
      ],
    ])
  func rawQuarantine(way: [String]) throws {
    var executor = PlayerExecutor()
    let trace = try Trace(
      parsing: """
        rdmtrace 1
        edition repaired
        host memory=16G phys-bits=39 iommu=vt-d p2m=ept tables=shared quarantine=basic
        drhd 0xfed90000 all
        device 0000:00:19.0 id=8086:15a2 class=0200 kind=pcie
        \(way.joined(separator: "\n"))
        create dom1 memory=1024 pci=0000:00:19.0 pci=0000:00:19.0
        end \(way.count + 1)

        """)
    let execution = executor.run(Specimen(trace))
    #expect(execution.symptom == nil, "\(execution.detail)")
  }
}
