import { AT, E, O, PR, SIG, SIG_SETMASK, u32s, u64s } from "../linux/index.ts";
import type { Block, BlockBuilder, DataRef, Label, ProgramBuilder, Register } from "../program/index.ts";
import { type NetExecution, TIMED_OUT } from "../spec/index.ts";
import { closeDescriptors } from "./command.ts";
import { spawn } from "./namespaces.ts";
import type { ResolvedProcess } from "./resolved.ts";

/** What executing a program takes, in the program of a container or in one that repairs. */
export interface ExecutionContext {
  readonly program: ProgramBuilder;
  readonly resolved: Pick<ResolvedProcess, "features">;
}

/** How the last program ended that was executed, as wait4(2) gives it; -1 when it was killed for being late. */
export function lastStatus({ program }: ExecutionContext, block: BlockBuilder): Register {
  const status = program.register("executed");
  block.load(status, statusOf(program), 4, true);
  return status;
}

const statuses = new WeakMap<ProgramBuilder, DataRef>();
function statusOf(program: ProgramBuilder): DataRef {
  const known = statuses.get(program);
  if (known) return known;
  const slot = program.memory.zeroed(8);
  statuses.set(program, slot);
  return slot;
}

/** Executes a program of the host's and waits for its end. What it has left running goes on: it may have been meant. */
export function execute(c: ExecutionContext, block: BlockBuilder, step: NetExecution): void {
  const { program } = c;
  const status = statusOf(program);
  const pid = program.register("program");
  spawn(block, c.resolved, programBlock(c, block.member, step), 0, pid);
  const [ended, late, patient] = [block.label(), block.label(), block.label()];
  const reap = () => block.sys("wait4", [pid, status, 0, 0], { why: step.why });
  waitAtMost(block, pid, step.timeout, { late, patient });
  block.place(patient);
  reap();
  block.jump(ended);
  block.place(late);
  block.sys("kill", [pid, SIG.KILL], { why: "it takes too long" });
  reap();
  block.store(status, TIMED_OUT, 4);
  block.place(ended);
}

/** Before Linux 5.3, or where pidfd_open(2) is denied, nobody can wait for a process and a time at once without signals: then it is waited for as long as it takes. */
function waitAtMost(
  block: BlockBuilder,
  pid: Register,
  seconds: number,
  { late, patient }: { readonly late: Label; readonly patient: Label },
): void {
  const { program } = block;
  const pidfd = block.sysResult("pidfd", "pidfd_open", [pid, 0], { jump: { on: [E.ENOSYS], to: patient } });
  const poll = program.memory.bytes(u32s(0, POLLIN));
  block.store(poll, pidfd, 4);
  const ready = program.register("ready");
  block.sys("ppoll", [poll, 1, program.memory.bytes(u64s(seconds, 0)), 0, 8], { dst: ready });
  block.sys("close", [pidfd]);
  block.jumpIf(ready, 0, late);
}

const POLLIN = 1;

/** Its input and outputs are files, and nothing else of the monitor's is its. */
function programBlock({ program, resolved }: ExecutionContext, member: string, step: NetExecution): Block {
  const child = program.block("program").at(member);
  child.sys("prctl", [PR.SET_PDEATHSIG, SIG.KILL, 0, 0, 0]);
  const outputs = O.WRONLY | O.CREAT | O.TRUNC;
  place(child, step.input, O.RDONLY, 0);
  place(child, step.output, outputs, 1);
  place(child, step.errors, outputs, 2);
  closeDescriptors(child, { resolved: { features: resolved.features } });
  child.sys("rt_sigprocmask", [SIG_SETMASK, child.memory.zeroed(8), 0, 8]);
  const variables = Object.entries(step.env).map(([name, value]) => `${name}=${value}`);
  const words = program.memory.strings([step.path]);
  child.sys("execve", [child.str(step.path), words, program.memory.strings(variables)], { why: step.why });
  return child;
}

function place(child: BlockBuilder, path: string, flags: number, number: number): void {
  const file = child.sysResult("file", "openat", [AT.FDCWD, child.str(path), flags | O.CLOEXEC, 0o600]);
  child.sys("dup3", [file, number, 0]);
}

/**
 * As `execute`, for what is undone: only if its input is there, which says that it was not done before. `failed` is where it goes on when the program has failed.
 */
export function executeOnce(c: ExecutionContext, block: BlockBuilder, step: NetExecution, failed: Label): void {
  const nothing = block.label();
  const done = block.label();
  const input = block.str(step.input);
  block.sys("faccessat", [AT.FDCWD, input, 0], { jump: { on: [E.ENOENT], to: nothing }, why: "is it to be undone?" });
  execute(c, block, step);
  block.jumpIf(lastStatus(c, block), 0, done);
  // An epilogue goes on after a failure: with the jump.
  block.fail(E.EIO, `${step.why} failed: see ${step.output}`);
  block.jump(failed);
  block.place(done);
  block.sys("unlinkat", [AT.FDCWD, input, 0]);
  block.place(nothing);
}
