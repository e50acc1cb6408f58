import { invalid } from "../../errors.ts";
import type { Settings } from "../index.ts";

/** A boolean of systemd's (systemd.syntax(7)). */
export function yes(settings: Settings, key: string): boolean {
  const value = settings.last(key);
  return value !== undefined && /^(1|yes|y|true|t|on)$/i.test(value);
}

/** Parts between colons, unless a backslash stands before them. */
export function parts(text: string): readonly string[] {
  return text.split(/(?<!\\):/).map((part) => part.replace(/\\(.)/g, "$1"));
}

export const words = (value: string): readonly string[] => value.split(/\s+/).filter((word) => word !== "");

export function absolute(key: string, path: string): string {
  if (path.startsWith("/")) return path;
  throw invalid(key, path, "an absolute path");
}
