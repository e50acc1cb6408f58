import { absolutePath } from "../linux/index.ts";

/** /var/lib/libct for root, else $XDG_DATA_HOME/libct, which by the XDG base directory specification is ~/.local/share/libct. */
export function dataDirectory(
  uid: number,
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  if (given !== undefined) return absolutePath(given);
  if (uid === 0) return "/var/lib/libct";
  // A relative path is to be ignored, says the specification.
  const base = env.XDG_DATA_HOME?.startsWith("/") ? env.XDG_DATA_HOME : `${env.HOME ?? ""}/.local/share`;
  return absolutePath(`${base}/libct`);
}
