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
}
