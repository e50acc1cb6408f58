/**
 * A path from the root on, without "." and "..", which are taken by their names; a relative one begins at the working directory. (As node:path's resolve does
 * it, which takes longer to load than many a command takes.)
 */
export function absolutePath(path: string): string {
  const plain = path.startsWith("/") && !path.endsWith("/") && !path.includes("//") && !path.includes("/.");
  if (plain) return path;
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${process.cwd()}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}
