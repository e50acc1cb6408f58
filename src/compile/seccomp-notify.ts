import { E, MSG, PR, SCM_RIGHTS, SECCOMP } from "../linux/index.ts";
import type { DataRef, Label, Register } from "../program/index.ts";
import { OCI_VERSION, type OciState } from "../spec/index.ts";
import type { ProcessContext } from "./context.ts";
import { receive } from "./namespaces.ts";
import { textWithPid } from "./state-text.ts";
import { descriptorMessage } from "./terminal.ts";
import { connectTo } from "./unix-socket.ts";

/** Who gets the descriptor by which notified system calls are answered (seccomp_unotify(2)), and what is said of the process. */
export interface SeccompListener {
  /** Of a Unix socket on the host; absolute. */
  readonly path: string;
  readonly metadata: string | undefined;
  /** Without a pid it is that of the process itself. */
  readonly state: OciState;
  /** The monitor has no CAP_SYS_PTRACE over the host's processes: then the process must be dumpable for the monitor to take a descriptor of it. */
  readonly dumpable: boolean;
}

const MEMBER = "seccomp.listenerPath";

/**
 * Installs the filter, and waits until the descriptor that comes with it is in the right hands: it would close with the next execve(2). Whatever the filter
 * notifies of from now on waits for an answer, so but for one write(2) everything is done by the monitor.
 */
export function installWithListener(c: ProcessContext, flags: number, program: DataRef, { dumpable }: SeccompListener) {
  const { init } = c;
  const number = init.memory.zeroed(8);
  if (dumpable)
    init.at(MEMBER).sys("prctl", [PR.SET_DUMPABLE, 1, 0, 0, 0], { why: "let the monitor take the listener" });
  const what = { why: "install the seccomp filter" };
  const listener = init.at("seccomp").sysResult("listener", "seccomp", [SECCOMP.SET_MODE_FILTER, flags, program], what);
  init.at(MEMBER).store(number, listener, 8);
  init.sys("write", [c.sync.child, number, 8], { why: "tell which descriptor it is" });
  const got = init.sysResult("received", "read", [c.sync.child, number, 1], { why: "wait until it is handed over" });
  init.expect(got, 1, E.ECANCELED, "the listener was not handed over");
}

/** The monitor's side: takes the descriptor out of the process (pidfd_getfd(2)), and sends it with the state of the process. */
export function sendListener(c: ProcessContext, pid: Register, ended: Label): void {
  const listener = c.resolved.seccomp?.listener;
  if (!listener) return;
  const { monitor, program } = c;
  const number = monitor.at(MEMBER).memory.zeroed(8);
  receive(c, number, 8, ended);
  const descriptor = program.register("listener");
  monitor.load(descriptor, number, 4);
  const process = monitor.sysResult("pidfd", "pidfd_open", [pid, 0]);
  monitor.sys("pidfd_getfd", [process, descriptor, 0], { dst: descriptor, why: "take the listener of the process" });
  monitor.sys("close", [process]);
  const socket = connectTo(c, listener.path);
  const state = processState(c, listener, pid);
  const message = descriptorMessage(monitor, SCM_RIGHTS, state);
  monitor.store(message.descriptor, descriptor, 4);
  const sent = monitor.sysResult("sent", "sendmsg", [socket, message.header, MSG.NOSIGNAL], { why: "hand it over" });
  monitor.expect(sent, state.length, E.EAGAIN, "the listener does not read");
  monitor.sys("close", [socket]);
  monitor.sys("close", [descriptor]);
  monitor.sys("sendto", [c.sync.monitor, monitor.str("n"), 1, MSG.NOSIGNAL, 0, 0]);
}

/** "The container process state" of the runtime-spec, with the pid where it is known when the program runs. */
function processState({ monitor }: ProcessContext, { metadata, state }: SeccompListener, pid: Register) {
  const head = JSON.stringify({ ociVersion: OCI_VERSION, fds: ["seccompFd"] }).slice(0, -1);
  const between = `${metadata === undefined ? "" : `,"metadata":${JSON.stringify(metadata)}`},"state":`;
  const inner = JSON.stringify(state).slice(0, -1);
  const first = `${head},"pid":`;
  const pieces = state.pid === undefined ? [first, `${between}${inner},"pid":`, "}}"] : [first, `${between}${inner}}}`];
  return textWithPid(monitor, pieces, pid);
}
