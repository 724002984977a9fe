/// The checkout that the tests were built from.
public enum Project {
  /// Its folder, without a slash at the end.
  public static let folder = #filePath.split(separator: "/" as Character).dropLast(3).map { "/" + $0 }.joined()
}
