import { invalid } from "../../errors.ts";
import { type Device, type DeviceRule, STANDARD_DEVICES } from "../../spec/index.ts";
import type { ImportContext, Settings } from "../index.ts";

export interface Devices {
  readonly devices: readonly Device[];
  readonly rules: readonly DeviceRule[];
}

/** DEVNODES and DEVICES: what it may use beyond what every container may. */
export function translateDevices(settings: Settings, context: ImportContext): Devices {
  const devices: Device[] = [...STANDARD_DEVICES];
  const rules: DeviceRule[] = [...USUAL];
  for (const word of words(settings, "DEVNODES")) {
    const [, name, rights = ""] = /^(.+):([rwq]+|none)$/.exec(word) ?? [];
    if (name === undefined) throw invalid("DEVNODES", word, "DEVICE:rw, such as net/tun:rw");
    const path = `/dev/${name}`;
    const node = context.device(path);
    if (node === undefined) settings.ignore("DEVNODES", `this machine has no ${path}`);
    else if (rights !== "none") {
      devices.push({ path, ...node, fileMode: 0o600 });
      rules.push({ allow: true, ...node, access: accessOf(rights) });
    }
    if (rights.includes("q")) settings.change("DEVNODES", "disk quotas are not managed in the container");
  }
  for (const word of words(settings, "DEVICES")) rules.push(ruleOf(word));
  return { devices, rules };
}

const words = (settings: Settings, key: string) =>
  (settings.last(key) ?? "").split(/\s+/).filter((word) => word !== "");

/** Nodes may be made, and those of every container used (vzctl's own list, but for what only OpenVZ's kernel knows). */
const USUAL: readonly DeviceRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...[...STANDARD_DEVICES, { major: 5, minor: 1 }, { major: 5, minor: 2 }].map(
    ({ major = 0, minor = 0 }): DeviceRule => ({ allow: true, type: "c", major, minor, access: "rwm" }),
  ),
  { allow: true, type: "c", major: 136, access: "rwm" },
];

function accessOf(rights: string): string {
  return `${rights.replace("q", "")}m`;
}

/** b:8:16:rw, c:10:all:rw */
function ruleOf(word: string): DeviceRule {
  const [, type, major, minor, rights = ""] = /^([bc]):(\d+):(\d+|all):([rwq]+|none)$/.exec(word) ?? [];
  if (type === undefined) throw invalid("DEVICES", word, "TYPE:MAJOR:MINOR:RIGHTS, such as c:10:229:rw");
  return {
    allow: rights !== "none",
    type: type === "b" ? "b" : "c",
    major: Number(major),
    ...(minor === "all" ? {} : { minor: Number(minor) }),
    ...(rights === "none" ? {} : { access: accessOf(rights) }),
  };
}
