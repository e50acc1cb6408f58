import { CLONE, E, SIG } from "../linux/index.ts";
import { type BlockBuilder, type Program, ProgramBuilder } from "../program/index.ts";
import { beginEntry, enterRoot, joinContainer } from "./entry.ts";
import { deviceChange, deviceRemoval } from "./live-devices.ts";
import { namesChange, rlimitsChange, sysctlChange } from "./live-kernel.ts";
import { mountChange, unmountChange } from "./live-mounts.ts";
import type { ChangeContext, LiveChange, ResolvedChange, Steps } from "./live-steps.ts";
import { beginChild, spawn } from "./namespaces.ts";

const STEPS: { readonly [K in LiveChange["do"]]: (c: ChangeContext, change: Extract<LiveChange, { do: K }>) => Steps } =
  {
    mount: mountChange,
    unmount: unmountChange,
    addDevice: deviceChange,
    removeDevice: deviceRemoval,
    setNames: namesChange,
    setSysctl: sysctlChange,
    setRlimits: rlimitsChange,
  };

/**
 * The program that changes a container that runs: a process enters it as any other, with the caller's rights, does its work and ends. Each attempt is a process
 * of its own, so that who knows what was there before is still there to undo it.
 */
export function compileChange(resolved: ResolvedChange): Program {
  const program = new ProgramBuilder(resolved.arch);
  const c: ChangeContext = { ...beginEntry(program, resolved, "change"), resolved, lent: [] };
  const steps = STEPS[resolved.change.do](c, resolved.change as never);
  const { init, stage, monitor } = c;
  const first = stage ?? init;
  joinContainer(first, c, () => {
    if (!resolved.userFirst) steps.capture?.(first);
  });
  if (resolved.userFirst && steps.capture) {
    // With the rights of the user namespace a copy of the host's mounts can be had, and from that what is to be mounted (mount_namespaces(7)).
    first.at("namespaces").sys("unshare", [CLONE.NEWNS], { why: "have the host's mounts as the container's user" });
    steps.capture(first);
  }
  if (stage) beginChild(init, c);
  enterRoot(c);
  init.at("container").sys("umask", [0]);
  steps.prepare?.(init);
  for (const attempt of steps.attempts) tryOrUndo(c, attempt.act, attempt.undo);

  monitor.at("container");
  runToEnd(c, monitor, stage ?? init, "child");
  if (stage) runToEnd(c, stage.at("container"), init, "init");
  return program.finish();
}

function runToEnd(c: ChangeContext, block: BlockBuilder, child: BlockBuilder, name: string): void {
  const status = waitFor(c, block, child, name);
  // What has failed has said why; one that was killed could not.
  block.expect(status, 0, E.ECANCELED, "the change was interrupted");
}

function waitFor(c: ChangeContext, block: BlockBuilder, child: BlockBuilder, name: string) {
  const pid = c.program.register(name);
  const status = c.program.memory.zeroed(8);
  const code = c.program.register("status");
  spawn(block, c.resolved, child, 0, pid);
  block.sys("wait4", [pid, status, WALL, 0]);
  block.load(code, status, 4);
  return code;
}

const WALL = 0x40000000;

function tryOrUndo(
  c: ChangeContext,
  act: (c: ChangeContext) => void,
  undo: ((block: BlockBuilder) => void) | undefined,
): void {
  if (!undo) {
    act(c);
    return;
  }
  const { init } = c;
  const attempt = c.program.block("attempt");
  attempt.at("container").sys("prctl", [1, SIG.KILL, 0, 0, 0]);
  act({ ...c, init: attempt });
  const done = init.label();
  init.jumpIf(waitFor(c, init.at("container"), attempt, "attempt"), 0, done);
  undo(init);
  init.at("container").fail(E.ECANCELED, "the change was undone");
  init.place(done);
}
