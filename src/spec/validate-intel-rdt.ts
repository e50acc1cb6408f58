import { invalid } from "../errors.ts";
import type { IntelRdt } from "./intel-rdt.ts";

/** What a directory of resctrl holds besides classes of service (resctrl.rst). */
const TAKEN = new Set([".", "..", "info", "mon_groups", "mon_data"]);

export function checkIntelRdt({ closID, l3CacheSchema, memBwSchema, schemata = [] }: IntelRdt): void {
  if (closID !== undefined && closID !== "/" && (closID.includes("/") || TAKEN.has(closID))) {
    throw invalid(
      "intelRdt.closID",
      closID,
      'the name of a directory, or "/" for the class that everything is in at first',
    );
  }
  const lines = [
    ["l3CacheSchema", l3CacheSchema] as const,
    ["memBwSchema", memBwSchema] as const,
    ...schemata.map((line, index) => [`schemata[${index}]`, line] as const),
  ];
  for (const [name, line] of lines) {
    if (line?.includes("\n")) throw invalid(`intelRdt.${name}`, line, "one line");
  }
  if (memBwSchema !== undefined && !memBwSchema.startsWith("MB:")) {
    throw invalid("intelRdt.memBwSchema", memBwSchema, 'a line that begins with "MB:", such as "MB:0=50;1=50"');
  }
}
