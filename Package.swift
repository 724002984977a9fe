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

/// Whether the package is built for libFuzzer, as `Tools/libfuzzer/build` does.
let forLibFuzzer = Context.environment["RDMFUZZ_LIBFUZZER"] != nil

// Counters of the control-flow edges: `CCoverage` has what they call. The callbacks at comparisons stand behind a gate
// that is shut unless somebody listens. They cost a tenth to a fifth, so that models have them for libFuzzer only.
let counted: [SwiftSetting] = [
  .unsafeFlags(["-sanitize=fuzzer", "-Xllvm", "-sanitizer-coverage-gated-trace-callbacks"])
]

// The Swift runtime lies in the program itself on Linux: its functions are called directly, not by way of the dynamic
// linker's table, which makes a run a tenth shorter. RDMFUZZ_SHARED_RUNTIME is for toolchains without the static one.
let withItsRuntime: [LinkerSetting] =
  Context.environment["RDMFUZZ_SHARED_RUNTIME"] == nil
  ? [
    .unsafeFlags(
      ["-static-stdlib", "-l_FoundationCShims", "-l_FoundationCollections"], .when(platforms: [.linux]))
  ] : []

// Valgrind 3.19, which counts instructions, does not read clang's DWARF 5.
let plainC: [CSetting] = [.unsafeFlags(["-O2", "-gdwarf-4"])]

/// A module of the floor plan. `floor` lists the modules below it that it may import.
func module(_ name: String, on floor: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: floor, exclude: exclude, swiftSettings: optimised)
}

/// A module of the models, whose coverage guides libFuzzer.
func model(_ name: String, on floor: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: forLibFuzzer ? floor + ["CCoverage"] : floor,
    swiftSettings: forLibFuzzer ? optimised + counted : optimised)
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
  traits: [
    .trait(
      name: "Unicorn",
      description: "Runs real hvmloader binaries in a CPU emulator; Tools/oracles installs what that needs.")
  ],
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
    .target(name: "CCoverage", cSettings: plainC),
    module("Coverage", on: ["CCoverage"]),
    model("AddressSpace", on: ["Sharing"]),
    module("Editions"),
    model("Platform", on: ["AddressSpace", "Editions"]),
    model("Hypercalls", on: ["AddressSpace", "Editions", "Platform"]),
    model("Hypervisor", on: ["Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls"]),
    model("Firmware", on: ["AddressSpace", "Editions", "Platform", "Hypercalls"]),
    model("Toolstack", on: ["Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls"]),
    module(
      "Tracing", on: ["AddressSpace", "Editions", "Platform", "Hypercalls", "Toolstack", "Storage"],
      exclude: ["GRAMMAR.md"]),
    module(
      "Importing",
      on: [
        "Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls", "Firmware", "Toolstack", "Tracing", "Storage",
      ]),
    model(
      "Simulation",
      on: [
        "Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack",
        "Tracing",
      ]),
    module(
      "Exporting",
      on: ["AddressSpace", "Editions", "Platform", "Hypervisor", "Toolstack", "Tracing", "Simulation"]),
    module(
      "Invariants",
      on: [
        "Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack",
        "Tracing",
        "Simulation",
      ]),
    module(
      "Replaying",
      on: [
        "Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Toolstack", "Tracing",
        "Simulation",
        "Invariants",
      ]),
    module(
      "Features",
      on: [
        "Sharing", "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack",
        "Tracing", "Simulation",
      ]),
    .systemLibrary(name: "CUnicorn", providers: [.apt(["libunicorn-dev"]), .brew(["unicorn"])]),
    module(
      "Oracles",
      on: [
        "AddressSpace", "Editions", "Platform", "Hypercalls", "Firmware", "Storage", "Toolstack", "Tracing",
        "Simulation", .target(name: "CUnicorn", condition: .when(traits: ["Unicorn"])),
      ]),
    module("Catalogue", on: ["Editions", "Storage", "Tracing", "Invariants", "Replaying"]),
    module(
      "Fuzzing",
      on: [
        "AddressSpace", "Editions", "Platform", "Hypercalls", "Toolstack", "Tracing", "Storage", "Simulation",
        "Invariants", "Replaying", "Features",
      ]),
    .target(name: "CFuzzTarget", cSettings: plainC),
    module(
      "FuzzTarget",
      on: [
        "CFuzzTarget", "Editions", "Tracing", "Storage", "Simulation", "Invariants", "Replaying", "Features", "Fuzzing",
      ]),
    module(
      "Exhaustion",
      on: [
        "Parallel", "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack",
        "Tracing", "Simulation", "Invariants", "Replaying",
      ]),
    module(
      "Studies",
      on: [
        "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack", "Tracing",
        "Storage", "Simulation", "Oracles", "Invariants", "Replaying", "Fuzzing",
      ]),
    module(
      "Benchmarks",
      on: [
        "AddressSpace", "Editions", "Hypercalls", "Toolstack", "Tracing", "Storage", "Simulation", "Replaying",
        "Fuzzing", "Studies",
      ]),
    module(
      "Explaining",
      on: [
        "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack", "Tracing",
        "Simulation", "Invariants", "Replaying",
      ]),
    module(
      "Reporting",
      on: [
        "AddressSpace", "Editions", "Platform", "Hypercalls", "Hypervisor", "Firmware", "Toolstack", "Tracing",
        "Simulation", "Invariants", "Replaying", "Catalogue", "Explaining", "Fuzzing", "Exhaustion", "Studies",
        "Benchmarks",
      ]),
    .executableTarget(
      name: "rdmfuzz",
      dependencies: [
        "Editions", "Storage", "Toolstack", "Tracing", "Simulation", "Oracles", "Invariants", "Replaying", "Catalogue",
        "Fuzzing", "Explaining", "Exhaustion", "Studies", "Benchmarks", "Importing", "Exporting", "Reporting",
        "Parallel",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      linkerSettings: withItsRuntime),
    .testTarget(name: "FloorPlanTests"),
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: optimised),
    tests("Storage"),
    // A few functions with counters, whichever way the models are built.
    .target(
      name: "CountedFunctions", dependencies: ["CCoverage"], path: "Tests/CountedFunctions",
      swiftSettings: optimised + counted),
    tests("Coverage", with: ["CountedFunctions"]),
    tests("Sharing"),
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
        "AddressSpace", "Editions", "Storage", "Tracing", "Invariants", "Reporting",
      ]),
    tests(
      "Features",
      with: ["AddressSpace", "Editions", "Platform", "Hypercalls", "Toolstack", "Tracing", "Simulation"]),
    tests("Catalogue", with: ["Editions", "Tracing", "Invariants", "Replaying"]),
    tests(
      "Fuzzing",
      with: [
        "Sharing", "Simulation", "Invariants", "Replaying", "AddressSpace", "Catalogue", "Editions", "Platform",
        "Hypercalls", "Toolstack", "Tracing", "Storage",
      ]),
    tests("FuzzTarget", with: ["Editions", "Storage", "Tracing", "Replaying", "Features", "Fuzzing"]),
    tests(
      "Explaining",
      with: [
        "AddressSpace", "Editions", "Storage", "Platform", "Hypervisor", "Toolstack", "Tracing", "Invariants",
        "Replaying", "Simulation", "Reporting",
      ],
      resources: [.copy("Answers")]),
    tests("Exhaustion", with: ["Catalogue", "Editions", "Platform", "Tracing", "Invariants", "Replaying"]),
    tests(
      "Importing",
      with: [
        "AddressSpace", "Editions", "Platform", "Hypercalls", "Firmware", "Toolstack", "Tracing", "Simulation",
        "Storage",
      ],
      resources: [.copy("Inputs")]),
    tests(
      "Exporting",
      with: ["Editions", "Platform", "Hypervisor", "Toolstack", "Tracing", "Storage", "Simulation", "Replaying"]),
    tests(
      "Oracles",
      with: [
        "Editions", "Firmware", "Hypercalls", "Platform", "Simulation", "Storage", "Studies", "Tracing", "Invariants",
        "Replaying",
      ]),
    tests("Benchmarks"),
    tests(
      "Studies",
      with: [
        "AddressSpace", "Editions", "Platform", "Hypercalls", "Firmware", "Toolstack", "Tracing", "Storage",
        "Simulation", "Replaying", "Fuzzing",
      ],
      resources: [.copy("Vectors")]),
    // These run the program itself and read the project's own files.
    .testTarget(
      name: "CommandLineTests", dependencies: ["Editions", "Tracing", "TestSupport"], exclude: ["Help", "Reports"]),
  ]
)

// libFuzzer's target is built only when asked: it needs clang's fuzzer runtime and lld. `Tools/libfuzzer/build` asks.
if forLibFuzzer {
  package.products.append(.executable(name: "rdmfuzz_target", targets: ["rdmfuzz_target"]))
  package.targets += [
    .target(name: "CLibFuzzer", cSettings: plainC),
    .executableTarget(
      name: "rdmfuzz_target",
      dependencies: ["CLibFuzzer", "Coverage", "Editions", "Storage", "Tracing", "Features", "Fuzzing", "FuzzTarget"],
      swiftSettings: optimised,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]),
  ]
}
