/**
 * A path from the root on, without "." and ".." (node:path's resolve, which is only asked about paths that need it: to load it takes longer than many a
 * command).
 */
export function absolutePath(path: string): string {
  const plain = path.startsWith("/") && !path.endsWith("/") && !path.includes("//") && !path.includes("/.");
  return plain ? path : process.getBuiltinModule("node:path").resolve(path);
}
