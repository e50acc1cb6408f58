import { AT, E, O } from "../linux/index.ts";
import type { BlockBuilder, DataRef } from "../program/index.ts";
import { type Context, lend } from "./context.ts";

/** A container's place in the kernel's resctrl filesystem (resctrl.rst). */
export interface IntelRdtPlan {
  /** The class of service; absolute. */
  readonly directory: string;
  /** "own": made for this container, and removed with it when it was made; "shared": made when it is missing; "none": it is there. */
  readonly make: "own" | "shared" | "none";
  /** Lines for its schemata, each with the member that they come from. */
  readonly schemata: readonly { readonly member: string; readonly lines: string }[];
  /** The directory of a group that counts what the container uses, made and removed with it. */
  readonly monitoring: string | undefined;
}

/** The monitor makes the groups, and lends init their lists of tasks; the epilogue removes what was made for this container alone. */
export function makeIntelRdt(c: Context): readonly DataRef[] {
  const plan = c.resolved.intelRdt;
  if (!plan) return [];
  const { monitor } = c;
  const made = plan.make === "none" ? undefined : makeDirectory(c, plan.directory, "intelRdt.closID");
  writeSchemata(monitor, plan);
  const counted = plan.monitoring === undefined ? [] : [plan.monitoring];
  const monitored = counted.map((path) => makeDirectory(c, path, "intelRdt.enableMonitoring"));
  for (const [index, path] of counted.entries()) removeDirectory(c, path, monitored[index]);
  if (plan.make === "own") removeDirectory(c, plan.directory, made);
  // The group that only counts is one of the class: its tasks must be in that before.
  return [plan.directory, ...counted].map((path) => {
    const tasks = monitor.at("intelRdt").str(`${path}/tasks`);
    return lend(c, monitor.sysResult("file", "openat", [AT.FDCWD, tasks, O.WRONLY | O.CLOEXEC, 0]));
  });
}

/** Init puts itself there before anything else is its child ("0" means the writer, rdtgroup_move_task). */
export function enterIntelRdt(c: Context, groups: readonly DataRef[]): void {
  const { init, program } = c;
  const tasks = program.register("tasks");
  for (const slot of groups) {
    init.at("intelRdt").load(tasks, slot, 4);
    init.sys("write", [tasks, init.str("0"), 1], { why: "enter the class of service" });
    init.sys("close", [tasks]);
  }
}

/** As above, for a process that enters the container: nothing was opened for it. */
export function joinIntelRdt(block: BlockBuilder, path: string): void {
  const what = { why: "enter the container's class of service" };
  const file = block.str(`${path}/tasks`);
  const tasks = block.at("intelRdt").sysResult("tasks", "openat", [AT.FDCWD, file, O.WRONLY | O.CLOEXEC, 0], what);
  block.sys("write", [tasks, block.str("0"), 1], what);
  block.sys("close", [tasks]);
}

/** Gives the place that says whether it was made: what others have made is not removed. */
function makeDirectory({ monitor, program }: Context, path: string, member: string): DataRef {
  const mark = program.memory.zeroed(8);
  const there = monitor.at(member).label();
  // Memory stays as it is when the program is run again.
  monitor.store(mark, 0, 8);
  const what = { jump: { on: [E.EEXIST], to: there }, why: "make a group of resctrl" };
  monitor.sys("mkdirat", [AT.FDCWD, monitor.str(path), 0o755], what);
  monitor.store(mark, 1, 8);
  monitor.place(there);
  return mark;
}

/** One write for each member: what is given twice in one is an error, and the last one shall count (schemata_write in ctrlmondata.c). */
function writeSchemata(block: BlockBuilder, { directory, schemata }: IntelRdtPlan): void {
  for (const { member, lines } of schemata) {
    const what = { why: `write ${JSON.stringify(lines)} to schemata` };
    const path = block.str(`${directory}/schemata`);
    const file = block.at(member).sysResult("file", "openat", [AT.FDCWD, path, O.WRONLY | O.CLOEXEC, 0], what);
    const text = `${lines}\n`;
    block.sys("write", [file, block.str(text), new TextEncoder().encode(text).length], what);
    block.sys("close", [file]);
  }
}

function removeDirectory({ program }: Context, path: string, made: DataRef | undefined): void {
  if (!made) return;
  const epilogue = program.epilogue().at("intelRdt");
  const isMade = program.register("made");
  const foreign = epilogue.label();
  epilogue.load(isMade, made, 1);
  epilogue.jumpUnless(isMade, 1, foreign);
  epilogue.sys("unlinkat", [AT.FDCWD, epilogue.str(path), AT.REMOVEDIR], {
    tolerate: [E.ENOENT],
    why: "remove the group of resctrl",
  });
  epilogue.place(foreign);
}
