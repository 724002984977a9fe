/// Devices of the classes that have reserved ranges on real machines, for where nobody gives a catalogue: registers as a
/// common device of the class has them.
enum TypicalDevices {
  /// Read by `BARCatalogue` as its files are.
  static let catalogue =
    (try? BARCatalogue(
      bytes: Array(
        (rows.map { $0.split(separator: " ", maxSplits: 2).joined(separator: "\t") }.joined(separator: "\n") + "\n")
          .utf8),
      name: "typical devices")) ?? BARCatalogue()

  private static let rows = [
    "vendor:device class_code bars(reg:kind,size,width,pref)",
    "8086:2822 010400 10:io,8; 14:io,4; 18:io,8; 1c:io,4; 20:io,32; 24:mem,2K,32bit",
    "8086:1c02 010601 10:io,8; 14:io,4; 18:io,8; 1c:io,4; 20:io,32; 24:mem,2K,32bit",
    "8086:8c09 010185 10:io,8; 14:io,4; 18:io,8; 1c:io,4; 20:io,16",
    "1000:0072 010700 10:io,256; 14:mem,16K,64bit; 1c:mem,256K,64bit",
    "144d:a808 010802 10:mem,16K,64bit",
    "8086:1533 020000 10:mem,512K,32bit; 18:io,32; 1c:mem,16K,32bit",
    "8086:24f3 028000 10:mem,8K,64bit",
    "8086:1616 030000 10:mem,16M,64bit; 18:mem,256M,64bit,pref; 20:io,64",
    "8086:0166 038000 10:mem,4M,64bit; 18:mem,256M,64bit,pref; 20:io,64",
    "8086:9ca0 040300 10:mem,16K,64bit",
    "8086:9cba 078000 10:mem,32,64bit",
    "8086:0f28 088000 10:mem,4K,64bit",
    "8086:2934 0c0300 20:io,32",
    "8086:1e26 0c0320 10:mem,1K,32bit",
    "8086:9cb1 0c0330 10:mem,64K,64bit",
  ]
}
