import { readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, expect } from "vitest";

/** What containers make on a machine, as sorted lines that a person can read. */
export interface Inventory {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
  readonly loopDevices: readonly string[];
  readonly links: readonly string[];
  readonly files: readonly string[];
}

/** Looks at the machine before each test of a file and again after it: whatever the test made must be gone. */
export function auditEachTest(): void {
  let before: Inventory | undefined;
  beforeEach(() => {
    before = takeInventory();
  });
  afterEach(async () => {
    if (before) await expectNothingLeft(before);
  });
}

/** How long the kernel may take to tell of the end of a process or of a lazily detached mount. */
const PATIENCE_MS = 3000;

export async function expectNothingLeft(before: Inventory): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  let left = leftSince(before);
  while (left.length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    left = leftSince(before);
  }
  expect(left, "left behind on the machine").toEqual([]);
}

/** What is there `now` and was not before. */
export function leftSince(before: Inventory, now = takeInventory()): string[] {
  return (Object.keys(now) as (keyof Inventory)[]).flatMap((kind) => {
    const known = new Set(before[kind]);
    return now[kind].filter((item) => !known.has(item)).map((item) => `${kind}: ${item}`);
  });
}

export function takeInventory(): Inventory {
  return {
    processes: processes(),
    mounts: lines("/proc/self/mountinfo").map((line) => line.split(" ").slice(0, 5).join(" ")),
    cgroups: cgroups("/sys/fs/cgroup", 6),
    loopDevices: loopDevices(),
    links: entries("/sys/class/net"),
    files: files(),
  };
}

const lines = (file: string): string[] => readFileSync(file, "utf8").trim().split("\n");

/** Names in a directory; none when it is not there or goes away while it is read. */
function entries(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function content(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Executors have the environment of their application: so this test run's are told from those of others. */
const MARK = `LIBCT_TEST_RUN=${process.pid}-${Date.now()}`;
process.env.LIBCT_TEST_RUN = MARK.slice(MARK.indexOf("=") + 1);

/** The descendants of this process, and its executors wherever they hang: one whose application died is nobody's child. */
function processes(): string[] {
  const all = entries("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      // "pid (comm) state ppid": the name may hold blanks and brackets (proc_pid_stat(5)).
      const match = /^(\d+) \((.*)\) (\S) (\d+)/s.exec(content(`/proc/${name}/stat`));
      return match ? [{ pid: Number(name), name: match[2] ?? "", state: match[3], parent: Number(match[4]) }] : [];
    });
  const parents = new Map(all.map(({ pid, parent }) => [pid, parent]));
  const descends = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined && at !== 0; at = parents.get(at)) {
      if (at === process.pid) return true;
    }
    return false;
  };
  return all
    .filter(({ pid }) => descends(pid) || content(`/proc/${pid}/environ`).includes(MARK) || carries(pid))
    .map(({ pid, name }) => `${pid} ${name}`);
}

/** Programs that carry a container's traffic have an environment of their own. */
const carries = (pid: number): boolean => content(`/proc/${pid}/cmdline`).includes("/libct/scratch/network");

function cgroups(directory: string, depth: number): string[] {
  if (depth === 0) return [];
  let children: string[] = [];
  try {
    children = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    // Gone while it was read.
  }
  return children.flatMap((name) => [
    ...(name.startsWith("libct-") ? [`${directory}/${name}`] : []),
    ...cgroups(`${directory}/${name}`, depth - 1),
  ]);
}

const loopDevices = (): string[] =>
  entries("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .map((name) => ({ name, file: content(`/sys/block/${name}/loop/backing_file`).trim() }))
    .filter(({ file }) => file !== "")
    .map(({ name, file }) => `${name} ${file}`);

/** The directories themselves of scratch space, of records and of kept namespaces stay, and are empty. */
function files(): string[] {
  const runtime = process.env.XDG_RUNTIME_DIR;
  const places = ["/run/libct", "/var/lib/libct/networks", ...(runtime === undefined ? [] : [`${runtime}/libct`])];
  for (const name of entries("/tmp")) if (/^libct-\d+$/.test(name)) places.push(`/tmp/${name}`);
  return places
    .flatMap((place) => below(place))
    .filter((path) => !/\/(scratch|containers|cni|nics|published|netns|holder|holder\/lock)$/.test(path));
}

const below = (directory: string): string[] =>
  entries(directory).flatMap((name) => [`${directory}/${name}`, ...below(`${directory}/${name}`)]);
