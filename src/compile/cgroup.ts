import { AT, E, O } from "../linux/index.ts";
import type { Register } from "../program/index.ts";
import type { Context } from "./context.ts";

/** A cgroup directory to make for the container, and what to write to its files. */
export interface CgroupDirectory {
  readonly path: string;
  readonly settings: readonly { readonly file: string; readonly value: string; readonly member: string }[];
}

/** The monitor makes the cgroups and keeps their cgroup.procs open; the epilogue removes them when nobody is left in them. */
export function makeCgroups(c: Context): readonly Register[] {
  const { monitor, resolved: r } = c;
  return r.cgroups.map(({ path, settings }, index) => {
    monitor.at("resources").sys("mkdirat", [AT.FDCWD, monitor.str(path), 0o755], { why: "make a cgroup" });
    const epilogue = c.program.epilogue().at("resources");
    epilogue.sys("unlinkat", [AT.FDCWD, epilogue.str(path), AT.REMOVEDIR], {
      tolerate: [E.ENOENT],
      why: "remove the cgroup",
    });
    const file = c.program.register("file");
    for (const setting of settings) {
      monitor.at(setting.member);
      const what = { why: `write ${setting.value} to ${setting.file}` };
      monitor.sys("openat", [AT.FDCWD, monitor.str(`${path}/${setting.file}`), O.WRONLY | O.CLOEXEC, 0], {
        ...what,
        dst: file,
      });
      monitor.sys("write", [file, monitor.str(setting.value), setting.value.length], what);
      monitor.sys("close", [file]);
    }
    monitor.at("resources");
    const procs = monitor.str(`${path}/cgroup.procs`);
    return monitor.sysResult(`cgroup${index}`, "openat", [AT.FDCWD, procs, O.WRONLY | O.CLOEXEC, 0]);
  });
}

/** Init moves itself, before it does anything that could be charged to somebody else ("0" means the writer, cgroups(7)). */
export function enterCgroups(c: Context, cgroups: readonly Register[]): void {
  for (const procs of cgroups) {
    c.init.at("resources").sys("write", [procs, c.init.str("0"), 1], { why: "enter the cgroup" });
    c.init.sys("close", [procs]);
  }
}
