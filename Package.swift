// swift-tools-version: 6.1
import PackageDescription

// `swift run` builds the debug configuration. The simulated machine is the inner loop of the fuzzer, so
// its modules are optimised there too, across module boundaries; without that a run is 30 times slower.
let optimised: [SwiftSetting] = [
  .unsafeFlags(
    ["-O", "-wmo", "-num-threads", "2", "-disable-batch-mode", "-cross-module-optimization"],
    .when(configuration: .debug)),
  .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

/// A module of the floor plan. `floor` lists the modules below it that it may import.
func module(_ name: String, on floor: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: floor, exclude: exclude, swiftSettings: optimised)
}

func tests(_ module: String, with extra: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
  .testTarget(
    name: module + "Tests", dependencies: [.byName(name: module), "TestSupport"] + extra, resources: resources,
    swiftSettings: optimised)
}

let package = Package(
  name: "rdmfuzz",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "rdmfuzz", targets: ["rdmfuzz"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // Ground floor first; every module imports only modules above it in this list.
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["libz-dev"]), .brew(["zlib"])]),
    module("Storage", on: ["CZlib"]),
    module("Parallel"),
    module("Sharing"),
    module("AddressSpace"),
    module("Editions"),
    module("Platform", on: ["AddressSpace", "Editions"]),
    module("Hypercalls", on: ["AddressSpace", "Editions", "Platform"]),
    module("Hypervisor", on: ["Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls"]),
    module("Firmware", on: ["AddressSpace", "Editions", "Platform", "Hypercalls"]),
    module("Toolstack", on: ["Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls"]),
    module(
      "Tracing", on: ["AddressSpace", "Editions", "Platform", "Hypercalls", "Toolstack", "Storage"],
      exclude: ["GRAMMAR.md"]),
    module("Importing", on: ["AddressSpace", "Editions", "Platform", "Toolstack", "Tracing", "Storage"]),
    module(
      "Simulation",
      on: [
        "Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack", "Tracing",
      ]),
    module(
      "Invariants",
      on: [
        "Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack", "Tracing",
        "Simulation",
      ]),
    module(
      "Replaying",
      on: [
        "Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Toolstack", "Tracing", "Simulation",
        "Invariants",
      ]),
    module("Catalogue", on: ["Editions", "Storage", "Tracing", "Invariants", "Replaying"]),
    module(
      "Fuzzing",
      on: [
        "AddressSpace", "Editions", "Platform", "Hypercalls", "Toolstack", "Tracing", "Storage", "Simulation",
        "Invariants", "Replaying",
      ]),
    module(
      "Exhaustion",
      on: [
        "Parallel", "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack",
        "Tracing", "Simulation", "Invariants", "Replaying",
      ]),
    module(
      "Studies",
      on: ["AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack", "Storage"]),
    module(
      "Reporting",
      on: [
        "AddressSpace", "Editions", "Platform", "Hypervisor", "Firmware", "Toolstack", "Tracing", "Simulation",
        "Invariants", "Replaying", "Catalogue", "Fuzzing", "Exhaustion",
      ]),
    .executableTarget(
      name: "rdmfuzz",
      dependencies: [
        "Editions", "Storage", "Tracing", "Simulation", "Invariants", "Replaying", "Catalogue", "Fuzzing",
        "Exhaustion", "Studies", "Importing", "Reporting", "Parallel",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .testTarget(name: "FloorPlanTests"),
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: optimised),
    tests("Storage"),
    tests("AddressSpace"),
    tests("Editions"),
    tests("Platform", with: ["AddressSpace", "Editions"]),
    tests("Hypervisor", with: ["AddressSpace", "Editions", "Hypercalls", "Platform"]),
    tests("Tracing", with: ["AddressSpace", "Editions", "Platform", "Hypercalls", "Toolstack", "Storage"]),
    tests("Toolstack", with: ["AddressSpace", "Editions", "Platform", "Hypercalls"]),
    tests(
      "Firmware", with: ["AddressSpace", "Editions", "Hypercalls", "Platform", "Storage"], resources: [.copy("Logs")]),
    tests(
      "Simulation",
      with: [
        "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack", "Tracing",
        "Invariants",
      ]),
    tests(
      "Invariants",
      with: [
        "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack", "Tracing",
        "Simulation",
      ]),
    tests(
      "Replaying",
      with: [
        "Editions", "Storage", "Tracing", "Invariants", "Reporting",
      ]),
    tests("Catalogue", with: ["Editions", "Tracing", "Invariants", "Replaying"]),
    tests(
      "Fuzzing",
      with: ["AddressSpace", "Editions", "Platform", "Hypercalls", "Toolstack", "Tracing", "Storage"]),
    tests("Exhaustion", with: ["Catalogue", "Editions", "Platform", "Tracing", "Invariants", "Replaying"]),
    tests("Importing", with: ["AddressSpace", "Editions", "Platform", "Toolstack", "Tracing", "Storage"]),
    tests("Studies", with: ["Editions"], resources: [.copy("Vectors")]),
    // These run the program itself and read the project's own files.
    .testTarget(name: "CommandLineTests", dependencies: ["Editions", "Tracing"], exclude: ["Help"]),
  ]
)
