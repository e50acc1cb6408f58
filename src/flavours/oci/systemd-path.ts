import { invalid } from "../../errors.ts";
import type { CgroupSpec } from "../../spec/index.ts";

const MEMBER = "linux.cgroupsPath";
const EXPECTED = '"slice:prefix:name", as systemd makes the cgroup';

/**
 * Where systemd makes the cgroup: "slice:prefix:name" as runc and crun read it. Its scope is "prefix-name.scope"; without a slice it is in the default one of who
 * asks, and without a path it is called after this runtime and the container.
 *
 * @example
 * translateSystemdPath("machine.slice:libpod:1234", "web"); // { driver: "systemd", slice: "machine.slice", name: "libpod-1234.scope" }
 */
export function translateSystemdPath(path: string, id: string): CgroupSpec {
  if (path === "") return { driver: "systemd", name: `ct-runtime-${escaped(id)}.scope` };
  const parts = path.split(":");
  const [slice = "", prefix = "", name = ""] = parts;
  if (parts.length !== 3 || name === "" || path.includes("/"))
    throw invalid(MEMBER, path, EXPECTED, "an absolute path is for cgroupfs: leave --systemd-cgroup out");
  if (name.endsWith(".slice"))
    throw invalid(MEMBER, path, "the name of a scope at its end", "a slice is for scopes, not for processes");
  const unit = prefix === "" ? name : `${prefix}-${name}`;
  return { driver: "systemd", ...(slice && { slice }), name: unit.endsWith(".scope") ? unit : `${unit}.scope` };
}

/** The one character that an id may have and a unit's name not (systemd-escape(1)). */
const escaped = (id: string) => id.replaceAll("+", "\\x2b");
