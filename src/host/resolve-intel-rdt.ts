import { readFileSync, statSync } from "node:fs";
import type { IntelRdtPlan } from "../compile/index.ts";
import { invalid } from "../errors.ts";
import { readMountInfo } from "../fs/index.ts";
import type { IntelRdt } from "../spec/index.ts";
import { unsupported } from "./unsupported.ts";

/** Where resctrl is mounted. */
export function findResctrl(): string {
  const mount = readMountInfo().find(({ type }) => type === "resctrl");
  if (mount) return mount.mountPoint;
  const hint =
    "a processor with RDT and a kernel with CONFIG_X86_CPU_RESCTRL have one: mount -t resctrl resctrl /sys/fs/resctrl";
  throw unsupported("no resctrl filesystem is mounted here", "intelRdt", hint);
}

/** "/" is the class of service that everything is in at first. */
const directoryOf = ({ closID }: IntelRdt, name: string, resctrl: string) =>
  closID === "/" ? resctrl : `${resctrl}/${closID ?? name}`;

/** Looks whether the class of service is there, and whether it is what is asked for: by the rules of config-linux.md, "IntelRdt". */
export function planIntelRdt(rdt: IntelRdt, name: string, resctrl: string): IntelRdtPlan {
  const directory = directoryOf(rdt, name, resctrl);
  const wanted = schemataOf(rdt);
  const monitoring = rdt.enableMonitoring ? `${directory}/mon_groups/${name}` : undefined;
  if (rdt.closID === undefined) return { directory, make: "own", schemata: wanted, monitoring };
  if (isDirectory(directory)) {
    for (const { member, lines } of wanted) requireSame(member, lines, readFileSync(`${directory}/schemata`, "utf8"));
    return { directory, make: "none", schemata: [], monitoring };
  }
  if (wanted.length > 0) return { directory, make: "shared", schemata: wanted, monitoring };
  const hint = "make it beforehand, or give its schemata";
  throw invalid("intelRdt.closID", rdt.closID, `a class of service that is there, as ${directory}`, hint);
}

/** The groups of a container that runs, for who enters it. */
export function intelRdtGroups(rdt: IntelRdt, name: string, resctrl: string): readonly string[] {
  const directory = directoryOf(rdt, name, resctrl);
  return rdt.enableMonitoring ? [directory, `${directory}/mon_groups/${name}`] : [directory];
}

/** "l3CacheSchema first and memBwSchema last", and after them `schemata`. */
function schemataOf({ l3CacheSchema, memBwSchema, schemata }: IntelRdt): IntelRdtPlan["schemata"] {
  const lines = { l3CacheSchema, memBwSchema, schemata: schemata?.length ? schemata.join("\n") : undefined };
  return Object.entries(lines).flatMap(([name, text]) =>
    text === undefined ? [] : [{ member: `intelRdt.${name}`, lines: text }],
  );
}

function requireSame(member: string, lines: string, found: string): void {
  const there = new Set(found.split("\n").map(normal));
  const other = lines.split("\n").find((line) => !there.has(normal(line)));
  if (other === undefined) return;
  throw invalid(member, other, `what the class of service has already: ${found.trim().replaceAll(/\s*\n\s*/g, ", ")}`);
}

/** "L3:0=ff;1=0f" as the kernel and people write it: with blanks, zeroes and the caches in any order. */
function normal(line: string): string {
  const [resource = "", values = ""] = line.replaceAll(/\s/g, "").toLowerCase().split(":");
  const parts = values.split(";").map((part) => part.replace(/=0+(?=[0-9a-f])/, "="));
  return `${resource}:${parts.sort().join(";")}`;
}

const isDirectory = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
