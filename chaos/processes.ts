import { readdirSync, readFileSync } from "node:fs";

export interface Seen {
  readonly pid: number;
  readonly ppid: number;
  readonly name: string;
  readonly role: "application" | "zygote" | "monitor" | "other";
}

/** The processes of this run, told by a variable in their environment, which the executor and its monitors have from their application. */
export function processesOf(mark: string): readonly Seen[] {
  const found = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => look(Number(name), mark));
  const executors = new Set(found.filter(({ name }) => name.startsWith("memfd:")).map(({ pid }) => pid));
  return found.map((one): Seen => {
    if (!executors.has(one.pid))
      return { ...one, role: one.name.startsWith("bun") || one.name === "node" ? "application" : "other" };
    const parent = found.find(({ pid }) => pid === one.ppid);
    // A monitor that has lost its zygote has another parent; a zygote's parent is the application.
    const isZygote = parent !== undefined && !executors.has(parent.pid);
    return { ...one, role: isZygote ? "zygote" : "monitor" };
  });
}

function look(pid: number, mark: string): readonly Omit<Seen, "role">[] {
  try {
    if (!readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark)) return [];
    const [, name = "", state, ppid] =
      /^\d+ \((.*)\) (\S) (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "latin1")) ?? [];
    return state === "Z" ? [] : [{ pid, ppid: Number(ppid), name }];
  } catch {
    return []; // It has ended meanwhile.
  }
}
