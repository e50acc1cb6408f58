import { AF, CLONE, E, getLinks, MSG, NETLINK_ROUTE, O, PR, SIG, SOCK, u16s, u32s } from "../linux/index.ts";
import { type BlockBuilder, type Program, ProgramBuilder } from "../program/index.ts";
import { NOTICE, REPORT } from "./context.ts";
import { openProcfs, spawn } from "./namespaces.ts";
import type { NetChange } from "./net-live.ts";

/** A program ends: when it has told so often, another one goes on, and compares. */
const MOST_MESSAGES = 200;
const MOST_PIECES = 16;
const PIECE = 32768;
/** rtnetlink(7): multicast group of links, as a bit. */
const RTMGRP_LINK = 1;

/** Tells what links there are in a container's network namespace, and then each change of one. */
export function compileNetWatch(watched: Pick<NetChange, "arch" | "features" | "target" | "userFirst">): Program {
  const program = new ProgramBuilder(watched.arch);
  const monitor = program.block("monitor").at("nics");
  const child = program.block("watch").at("nics");
  const proc = openProcfs(monitor, watched);
  const pid = program.register("init");
  spawn(monitor, { features: watched.features }, child, 0, pid);
  monitor.notify(NOTICE.STARTED, [pid]);
  monitor.supervise(pid, { master: -1, input: -1, output: -1 });

  child.sys("prctl", [PR.SET_PDEATHSIG, SIG.KILL, 0, 0, 0]);
  const join = (name: string, type: number) => {
    const path = child.str(`${watched.target}/ns/${name}`);
    const file = child.sysResult("file", "openat", [proc, path, O.RDONLY | O.CLOEXEC, 0]);
    child.sys("setns", [file, type], { why: "look into the container's network" });
  };
  if (watched.userFirst) {
    child.sys("prctl", [PR.SET_DUMPABLE, 0, 0, 0, 0], { why: "be no target for the container" });
    join("user", CLONE.NEWUSER);
  }
  join("net", CLONE.NEWNET);
  listen(child);
  return program.finish();
}

/** It listens before it asks, so that nothing is missed between the two. */
function listen(child: BlockBuilder): void {
  const socket = child.sysResult("socket", "socket", [AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, NETLINK_ROUTE]);
  // struct sockaddr_nl: u16 family, u16, u32 port, u32 groups
  const address = Uint8Array.from([...u16s(AF.NETLINK, 0), ...u32s(0, RTMGRP_LINK)]);
  child.sys("bind", [socket, child.memory.bytes(address), address.length]);
  const question = getLinks();
  child.sys("sendto", [socket, child.memory.bytes(question), question.length, 0, 0, 0]);
  const [buffer, length] = [child.memory.zeroed(PIECE), child.program.register("length")];
  const [told, lost] = [child.label(), child.label()];
  for (let piece = 0; piece < MOST_PIECES; piece++) {
    const options = { dst: length, jump: { on: [E.EAGAIN, E.ENOBUFS], to: told } };
    child.sys("recvfrom", [socket, buffer, PIECE, MSG.DONTWAIT, 0, 0], options);
    child.send(REPORT.LINKS, buffer, length);
  }
  child.place(told);
  // The result of a call that has failed is its negative errno.
  child.jumpIf(length, -E.ENOBUFS, lost);
  for (let message = 0; message < MOST_MESSAGES; message++) {
    // More has happened than the socket could keep: the next one sees what has come of it.
    const options = { dst: length, jump: { on: [E.ENOBUFS], to: lost } };
    child.sys("recvfrom", [socket, buffer, PIECE, 0, 0, 0], options);
    child.send(REPORT.LINKS, buffer, length);
  }
  child.place(lost);
}
