import { AF, CLONE, MSG, SOCK } from "../linux/index.ts";
import type { Block, Program } from "./program.ts";
import { type Call, callsOf, firstIndex, indexOfLast, registerName } from "./verify-calls.ts";

/** What must hold because the monitor works in two network namespaces, and has rights over the host's that the container must not get. */
export function verifyNetwork(program: Program, init: Block): readonly string[] {
  const [monitor] = program.blocks;
  if (!monitor || monitor === init) return [];
  const calls = callsOf(program, monitor);
  return [
    ...program.blocks.flatMap((block) => [...socketsClose(block, program), ...answersNotWaitedFor(block, program)]),
    ...comesBack(calls),
    ...keepsHostFrom(calls, callsOf(program, init), init.index),
  ];
}

function socketsClose(block: Block, program: Program): readonly string[] {
  return callsOf(program, block)
    .filter(({ op, name }) => (name === "socket" || name === "socketpair") && !(Number(op.args[1]) & SOCK.CLOEXEC))
    .map(({ index }) => `${block.name}[${index}]: a socket without SOCK_CLOEXEC`);
}

/** The kernel answers while the request is sent: who waits for an answer that does not come would never clean up. */
function answersNotWaitedFor(block: Block, program: Program): readonly string[] {
  const calls = callsOf(program, block);
  const sockets = new Set(
    calls.filter(({ op, name }) => name === "socket" && op.args[0] === AF.NETLINK).map(({ op }) => op.dst?.name),
  );
  return calls
    .filter(({ op, name }) => name === "recvfrom" && sockets.has(registerName(op.args[0])))
    .filter(({ op }) => !(Number(op.args[3]) & MSG.DONTWAIT))
    .map(({ index }) => `${block.name}[${index}]: waits for an answer of netlink`);
}

const entersNetwork = (register: string) => (call: Call) =>
  call.name === "setns" && call.op.args[1] === CLONE.NEWNET && registerName(call.op.args[0]) === register;

/** Whatever the monitor does later for the host it does in the host's network namespace, unless the container's is one that was joined. */
function comesBack(calls: readonly Call[]): readonly string[] {
  if (calls.some(entersNetwork("ns_network"))) return [];
  const away = indexOfLast(calls, entersNetwork("ns_container"));
  return away < 0 || indexOfLast(calls, entersNetwork("ns_host")) > away
    ? []
    : ["the monitor stays in the container's network namespace"];
}

/** The host's network namespace, locks and ports are the monitor's: init is born without them, or lets them go at once. */
function keepsHostFrom(monitor: readonly Call[], init: readonly Call[], block: number): readonly string[] {
  const born = firstIndex(monitor, ({ op, name }) => name === "SPAWN" && op.nr === block);
  const opens = ({ op, name, index }: Call) =>
    ["openat", "socket"].includes(name) &&
    ["ns_host", "held", "netlink_host"].includes(op.dst?.name ?? "") &&
    index < born;
  const closed = init.filter(({ op, name }) => name === "close" && registerName(op.args[0]) === "held").length;
  return closed >= monitor.filter(opens).length ? [] : ["init has descriptors of the host's network"];
}
