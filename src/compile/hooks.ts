import { AT, E, MFD, O, openFlags, SIG, SIG_SETMASK, u64s } from "../linux/index.ts";
import type { BlockBuilder, Label, Register } from "../program/index.ts";
import { type Hook, type Hooks, ociState } from "../spec/index.ts";
import { closeDescriptors } from "./command.ts";
import { type Context, NOTICE } from "./context.ts";
import { receive } from "./namespaces.ts";
import { filtersEarly } from "./restrictions.ts";
import { textWithPid } from "./state-text.ts";

type InContainer = "createContainer" | "startContainer";

/** Whether the application has to do something while the container is being made. */
export const hasRuntimeHooks = ({ hooks }: { readonly hooks?: Hooks | undefined }): boolean =>
  (hooks?.prestart?.length ?? 0) + (hooks?.createRuntime?.length ?? 0) > 0;

/** Before the root is built: what leads to the host's files when no path does any more. */
export function openHostRoot(c: Context): Register | undefined {
  const { init, resolved: r } = c;
  if (!r.spec.hooks?.createContainer?.length) return undefined;
  const flags = O.PATH | O.CLOEXEC | openFlags(r.arch).DIRECTORY;
  return init.at("hooks.createContainer").sysResult("hook_root", "openat", [AT.FDCWD, init.str("/"), flags, 0]);
}

/** Init waits while the application runs the hooks that are to be executed outside. */
export function waitForRuntimeHooks(c: Context): void {
  if (!hasRuntimeHooks(c.resolved.spec)) return;
  const { init } = c;
  const byte = init.memory.zeroed(8);
  init.at("hooks.createRuntime").sys("sendto", [c.sync.child, byte, 1, 0, 0, 0]);
  const got = init.sysResult("received", "recvfrom", [c.sync.child, byte, 1, 0, 0, 0]);
  init.expect(got, 1, E.ECANCELED, "a hook has failed");
}

/** The monitor's side of that. */
export function askForRuntimeHooks(c: Context, pid: Register, ended: Label): void {
  if (!hasRuntimeHooks(c.resolved.spec)) return;
  const { monitor } = c;
  monitor.at("hooks.createRuntime");
  const byte = monitor.memory.zeroed(8);
  receive(c, byte, 1, ended);
  monitor.notify(NOTICE.HOOKS, [pid]);
  monitor.await(byte, 8, c.program.register("length"));
  monitor.sys("sendto", [c.sync.monitor, byte, 1, 0, 0, 0]);
}

/** With the host's files, in the container's namespaces. */
export function runCreateContainerHooks(c: Context, hostRoot: Register | undefined): void {
  if (!hostRoot) return;
  const enter = (block: BlockBuilder) => {
    block.sys("fchdir", [hostRoot]);
    block.sys("chroot", [block.str(".")], { why: "find the hook on the host" });
    closeAll(block, c);
  };
  runHooks(c, "createContainer", "creating", enter);
  c.init.sys("close", [hostRoot]);
}

/** With the container's files, as the process that it will be; its signals are blocked as those of all set-up. */
export function runStartContainerHooks(c: Context): void {
  if (!c.resolved.spec.hooks?.startContainer?.length) return;
  const { init } = c;
  init.at("hooks.startContainer").sys("rt_sigprocmask", [SIG_SETMASK, init.memory.bytes(u64s((1n << 64n) - 1n)), 0, 8]);
  // Under a filter that is installed already, all descriptors are marked (becomeCommand), and the filter may not know the call.
  const marked = filtersEarly(c);
  runHooks(c, "startContainer", "created", (block) => (marked ? undefined : closeAll(block, c)));
  init.sys("rt_sigprocmask", [SIG_SETMASK, init.memory.zeroed(8), 0, 8]);
}

function runHooks(c: Context, name: InContainer, status: "creating" | "created", enter: (block: BlockBuilder) => void) {
  const state = writeStateText(c, status);
  (c.resolved.spec.hooks?.[name] ?? []).forEach((hook, index) => {
    c.init.at(`hooks.${name}[${index}]`);
    spawnHook(c, hook, state, enter);
    awaitHook(c, hook);
  });
}

/** The state of the container with the pid that its init has inside, as text in memory. */
function writeStateText(c: Context, status: "creating" | "created") {
  const { init, resolved: r } = c;
  const rest = JSON.stringify(ociState(r.spec, status)).slice(1);
  const pid = init.at("hooks").sysResult("own_pid", "getpid", []);
  return textWithPid(init, ['{"pid":', `,${rest}`], pid);
}

function spawnHook(
  c: Context,
  { path, args = [path], env = {} }: Hook,
  state: ReturnType<typeof writeStateText>,
  enter: (block: BlockBuilder) => void,
): void {
  const { init, program } = c;
  const child = program.block("hook").at(init.member);
  const file = init.sysResult("state", "memfd_create", [init.str("state"), MFD.CLOEXEC], { why: "make the state" });
  init.sys("write", [file, state.data, state.length]);
  init.sys("lseek", [file, 0, 0]);
  // A signal of an earlier child would end the waiting for this one.
  init.sys("rt_sigtimedwait", [childSignal(init), 0, init.memory.zeroed(16), 8], { tolerate: [E.EAGAIN] });
  init.spawn(child, { flags: SIG.CHLD }, { dst: program.register("hook") });
  init.sys("close", [file]);

  child.sys("dup3", [file, 0, 0]);
  enter(child);
  child.sys("rt_sigprocmask", [SIG_SETMASK, child.memory.zeroed(8), 0, 8]);
  const envp = child.memory.strings(Object.entries(env).map(([key, value]) => `${key}=${value}`));
  child.sys("execve", [child.str(path), child.memory.strings(args), envp], { why: `execute the hook ${path}` });
}

const childSignal = (block: BlockBuilder) => block.memory.bytes(u64s(1n << BigInt(SIG.CHLD - 1)));

/** Its end, or the end of our patience. */
function awaitHook(c: Context, { path, timeout }: Hook): void {
  const { init, program } = c;
  const hook = program.register("hook");
  const status = init.memory.zeroed(8);
  const late = init.label();
  const done = init.label();
  if (timeout !== undefined) {
    const time = init.memory.bytes(u64s(timeout, 0));
    init.sys("rt_sigtimedwait", [childSignal(init), 0, time, 8], { jump: { on: [E.EAGAIN], to: late } });
  }
  init.sys("wait4", [hook, status, 0, 0]);
  const code = program.register("status");
  init.load(code, status, 4);
  init.expect(code, 0, E.ECANCELED, `the hook ${path} failed`);
  if (timeout === undefined) return;
  init.jump(done);
  init.place(late);
  init.sys("kill", [hook, SIG.KILL]);
  init.sys("wait4", [hook, status, 0, 0]);
  init.fail(E.ETIMEDOUT, `the hook ${path} took longer than ${timeout} s`);
  init.place(done);
}

/** What is passed to the command is not the hook's. */
const closeAll = (block: BlockBuilder, { resolved: { features } }: Context) =>
  closeDescriptors(block, { resolved: { features } });
