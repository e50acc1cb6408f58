import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));

/** Rooms that each room may import from: those below it (docs/architecture.md). */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  linux: [],
  "linux/nftables": ["linux"],
  spec: ["linux"],
  program: ["linux"],
  explain: ["program", "linux"],
  fs: ["spec", "linux"],
  cgroup: ["spec", "linux"],
  systemd: ["cgroup", "spec", "linux"],
  compile: ["cgroup", "program", "spec", "linux"],
  executor: ["program", "linux"],
  net: ["linux/nftables", "executor", "fs", "program", "spec", "linux"],
  image: ["executor", "fs", "program", "spec", "linux"],
  records: ["executor", "compile", "cgroup", "program", "spec", "linux"],
  host: [
    "flavours/lxc",
    "flavours/openvz",
    "flavours/nspawn",
    "flavours/oci",
    "flavours",
    "image",
    "net",
    "systemd",
    "records",
    "executor",
    "explain",
    "compile",
    "cgroup",
    "fs",
    "program",
    "spec",
    "linux",
  ],
  flavours: ["spec", "linux"],
  "flavours/oci": ["flavours", "spec", "linux"],
  "flavours/lxc": ["flavours", "fs", "spec", "linux"],
  "flavours/openvz": ["flavours", "spec", "linux"],
  "flavours/nspawn": ["flavours", "fs", "spec", "linux"],
  cli: [
    "flavours",
    "flavours/oci",
    "host",
    "image",
    "net",
    "systemd",
    "records",
    "executor",
    "explain",
    "compile",
    "cgroup",
    "fs",
    "program",
    "spec",
    "linux",
  ],
};

/** Doors beside index.ts, for who must not load all that is behind that one. */
const MORE_DOORS: readonly string[] = ["image/present.ts"];

interface Import {
  readonly from: string;
  readonly to: string;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
/** The folder below src; each flavour is a room of its own, and so is what few containers need of the kernel's ABI. */
const room = (file: string) => {
  const parts = file.split("/").slice(0, -1);
  const nested = parts[0] === "flavours" || parts.slice(0, 2).join("/") in BELOW;
  return parts.slice(0, nested ? 2 : 1).join("/");
};
const imports = files.flatMap((from): Import[] => {
  const text = readFileSync(join(SRC, from), "utf8");
  const found = [...text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)"(\.[^"]+)"/g)];
  return found.map(([, to = ""]) => ({ from, to: relative(SRC, join(SRC, dirname(from), to)) }));
});
// What a bundler embeds (package.json, the executor) lies outside of src.
const crossing = imports.filter(
  ({ from, to }) => room(from) !== room(to) && to !== "errors.ts" && !to.startsWith("../"),
);
const say = ({ from, to }: Import) => `${from} -> ${to}`;

describe("the rooms of src", () => {
  it("are all in the plan", () => {
    expect([...new Set(files.map(room))].filter((name) => name !== "" && !(name in BELOW))).toEqual([]);
    expect(imports.length).toBeGreaterThan(100);
  });

  it("are entered by their doors only", () => {
    const isDoor = (to: string) => to === `${room(to)}/index.ts` || MORE_DOORS.includes(to);
    expect(crossing.filter(({ to }) => !isDoor(to)).map(say)).toEqual([]);
  });

  it("import from rooms below only", () => {
    const inside = crossing.filter(({ from, to }) => room(from) !== "" && to !== "index.ts");
    expect(inside.filter(({ from, to }) => !BELOW[room(from)]?.includes(room(to))).map(say)).toEqual([]);
    // Only the command line may use the library as its users do.
    expect(crossing.filter(({ from, to }) => to === "index.ts" && room(from) !== "cli").map(say)).toEqual([]);
  });

  it("let errors.ts be used by all, and it uses nobody", () => {
    expect(imports.filter(({ from }) => from === "errors.ts").map(say)).toEqual([]);
  });

  it("have no cycles among their files, but for types", () => {
    expect(cycles(valueImports())).toEqual([]);
  });
});

/** Imports that exist at run time: `import type` and lists of nothing but types vanish. */
function valueImports(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    files.map((from) => {
      const text = readFileSync(join(SRC, from), "utf8");
      const statements = [...text.matchAll(/^(?:import|export)\s+(?!type\b)([^;]*?)\bfrom\s*"(\.[^"]+)"/gms)];
      const values = statements.filter(([, names = ""]) => !onlyTypes(names));
      return [from, values.map(([, , to = ""]) => relative(SRC, join(SRC, dirname(from), to)))];
    }),
  );
}

const onlyTypes = (names: string) => {
  const list = /^\{(.*)\}\s*$/s.exec(names)?.[1];
  return list?.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type ")) ?? false;
};

function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      found.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const to of graph.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}
