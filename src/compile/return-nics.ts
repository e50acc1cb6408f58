import { AT, F_OFD_SETLK, F_WRLCK, O, u64s } from "../linux/index.ts";
import { type Program, ProgramBuilder } from "../program/index.ts";
import type { NetStep } from "../spec/index.ts";
import { openProcfs } from "./namespaces.ts";
import { release } from "./net-keep.ts";
import { keyOf } from "./net-requests.ts";
import { doSteps } from "./net-steps.ts";
import { netWorker } from "./net-worker.ts";
import type { ResolvedProcess } from "./resolved.ts";

/** A network namespace that was kept, and what is to be done for the interface in it. */
export interface ResolvedReturn extends Pick<ResolvedProcess, "arch" | "features"> {
  readonly path: string;
  /** Absent when it had not been mounted yet: then there is only a record to be removed. */
  readonly inside?: {
    readonly name: string;
    /** Of the interface in that namespace; 0: it never got there. */
    readonly index: number;
    readonly steps: readonly NetStep[];
  };
}

/** What a monitor that was killed would have done in its epilogue. Fails with EAGAIN at its lock when that lives. */
export function compileReturn({ arch, features, path, inside }: ResolvedReturn): Program {
  const program = new ProgramBuilder(arch);
  const block = program.block("return").at("nics");
  const proc = openProcfs(block, { arch });
  const why = "see that nobody has the namespace";
  const json = block.str(`${path}.json`);
  const record = block.sysResult("record", "openat", [AT.FDCWD, json, O.RDWR | O.CLOEXEC, 0], { why });
  block.sys("fcntl", [record, F_OFD_SETLK, block.memory.bytes(u64s(F_WRLCK, 0, 1, 0))], { why });
  const worker = netWorker(block, "host", { proc, resolved: { features } });
  const { namespace, indexes } = worker;
  block.sys("openat", [proc, block.str("self/ns/net"), O.RDONLY | O.CLOEXEC, 0], { dst: namespace.host });
  if (inside) {
    block.sys("openat", [AT.FDCWD, block.str(path), O.RDONLY | O.CLOEXEC, 0], { dst: namespace.container });
    indexes.set(keyOf({ link: inside.name, place: "container" }), block.memory.bytes(u64s(inside.index)));
    for (const step of inside.steps) doSteps(worker, [{ member: "nics", step }]);
  }
  release(worker, { do: "release", path, name: inside?.name ?? "", why: "let the namespace go" });
  return program.finish();
}
