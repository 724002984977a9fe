import Testing

@testable import Fuzzing

@Suite("Shards")
struct ShardTests {
  @Test("i/n with i from 1 to n; everything else is none")
  func reading() {
    #expect(Shard("3/8", environment: [:]) == Shard(3, of: 8))
    #expect(Shard("1/1", environment: [:])?.description == "1/1")
    for text in ["", "/", "3", "3/", "/8", "0/8", "9/8", "-1/8", "1/0", "1/65537", "1/2/3", "a/8", "auto/8", "1 /8"] {
      #expect(Shard(text, environment: [:]) == nil, "\(text)")
    }
  }

  @Test("the number comes from an indexed Job, counted from 0, or from an array, counted from its first task")
  func environment() {
    func found(_ environment: [String: String]) -> Int? { Shard("auto/4", environment: environment)?.index }
    #expect(found(["JOB_COMPLETION_INDEX": "0"]) == 1)
    #expect(found(["JOB_COMPLETION_INDEX": "3"]) == 4)
    #expect(found(["JOB_COMPLETION_INDEX": "4"]) == nil)
    #expect(found(["SLURM_ARRAY_TASK_ID": "0"]) == 1)
    #expect(found(["SLURM_ARRAY_TASK_ID": "12", "SLURM_ARRAY_TASK_MIN": "10"]) == 3)
    #expect(found(["SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_MIN": "10"]) == nil)
    for word in ["", "x", "\(Int.max)", "\(Int.min)"] {
      #expect(found(["JOB_COMPLETION_INDEX": word]) == nil)
      #expect(found(["SLURM_ARRAY_TASK_ID": word, "SLURM_ARRAY_TASK_MIN": "-9"]) == nil)
    }
    // What is said outright holds.
    #expect(Shard("2/4", environment: ["JOB_COMPLETION_INDEX": "0"])?.index == 2)
  }

  @Test("seeds: one each, the same however many there are; a single shard is the campaign itself")
  func seeds() throws {
    var seen: Set<UInt64> = []
    for base in 0..<8 as Range<UInt64> {
      for index in 1...500 {
        let seed = try #require(Shard(index, of: 500)).seed(from: base)
        #expect(seed == Shard(index, of: 501)?.seed(from: base))
        #expect(seen.insert(seed).inserted)
      }
      #expect(Shard(1, of: 1)?.seed(from: base) == base)
    }
  }

  @Test("a list is divided: each position goes to one shard")
  func parts() {
    for count in 1...9 {
      let shards = (1...count).compactMap { Shard($0, of: count) }
      #expect(shards.count == count)
      for position in 0..<40 { #expect(shards.count { $0.takes(position) } == 1) }
    }
  }
}
