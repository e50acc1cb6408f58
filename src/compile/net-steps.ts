import {
  AF,
  AT,
  CLONE,
  E,
  F_OFD_SETLK,
  F_WRLCK,
  IPPROTO,
  NETLINK_ROUTE,
  O,
  SIOC,
  SOCK,
  TUN,
  u16s,
  u64s,
} from "../linux/index.ts";
import type { BlockBuilder, Register } from "../program/index.ts";
import type { NetPlace, NetStep } from "../spec/index.ts";
import { putBytes } from "./net-files.ts";
import { doHostStep } from "./net-host-steps.ts";
import { verifyIdentity } from "./net-identity.ts";
import { keep, release, remember } from "./net-keep.ts";
import { sendBatch, undo } from "./net-nftables.ts";
import { findIndex, interfaceRequest, keyOf, type MemberStep, sendRequests, wantReasons } from "./net-requests.ts";
import { setParameter } from "./net-sysctl.ts";
import type { NetWorker } from "./net-worker.ts";

type Step<D extends NetStep["do"]> = Extract<NetStep, { readonly do: D }>;
type Request = Step<"request">;

/** What is done in order, after everything that is held. */
export function doSteps(worker: NetWorker, steps: readonly MemberStep[]): void {
  let requests: MemberStep<Request>[] = [];
  const flush = () => {
    const [first] = requests;
    if (first) openSocket(worker, first.step.place);
    sendRequests(worker, requests);
    requests = [];
  };
  for (const { member, step, nic } of steps) {
    if (step.do === "lock" || step.do === "bind") continue;
    if (step.do === "request" && step.otherwise) {
      flush();
      doOrElse(worker, { member, step }, step.otherwise);
      continue;
    }
    if (step.do === "request") {
      if (requests.some((one) => one.step.place !== step.place)) flush();
      requests.push({ member, step });
      continue;
    }
    flush();
    worker.block.at(member);
    doStep(worker, { member, step, nic });
  }
  flush();
}

function doOrElse(worker: NetWorker, one: MemberStep<Request>, { on, step }: NonNullable<Request["otherwise"]>): void {
  const { block } = worker;
  const [unable, done] = [block.label(), block.label()];
  openSocket(worker, one.step.place);
  const place = worker.place ?? one.step.place;
  goTo(worker, place);
  sendRequests(worker, [one], { on, to: unable });
  block.jump(done);
  block.place(unable);
  doStep(worker, { member: one.member, step });
  // Both ways lead to where the next step begins.
  goTo(worker, place);
  block.place(done);
}

function doStep(
  worker: NetWorker,
  { member, step, nic }: MemberStep<Exclude<NetStep, Request | Step<"lock" | "bind">>>,
): void {
  switch (step.do) {
    case "nftables":
      goTo(worker, step.place ?? "host");
      sendBatch(worker, member, step);
      break;
    case "sysctl":
      // /proc/sys/net shows the network namespace of whoever looks at it.
      goTo(worker, step.place);
      setParameter(worker, step);
      break;
    case "put":
      putBytes(worker.block, step);
      break;
    case "undo":
      goTo(worker, "host");
      undo(worker, member, step);
      break;
    case "absent":
      openSocket(worker, step.place);
      expectAbsent(worker, step);
      break;
    case "recognize":
      openSocket(worker, step.place);
      recognize(worker, step);
      break;
    case "process":
    case "send":
      if (!worker.carry) break;
      goTo(worker, "host");
      worker.carry(step);
      break;
    case "find":
      openSocket(worker, step.place);
      findIndex(worker, member, { link: step.name, place: step.place });
      worker.lasting.add(keyOf({ link: step.name, place: step.place }));
      break;
    case "keep":
      keep(worker, step);
      break;
    case "remember":
      openSocket(worker, "container");
      remember(worker, member, step);
      break;
    case "verify":
      openSocket(worker, "container");
      verifyIdentity(worker, member, step);
      break;
    case "release":
      openSocket(worker, "container");
      release(worker, step);
      break;
    case "tun":
      goTo(worker, "container");
      makeTun(worker, step);
      break;
    default:
      // Programs are executed where the monitor is, and files are the host's in any case.
      goTo(worker, "host");
      doHostStep(worker, step, nic);
  }
}

/** setns(2), when it is not there already. */
export function goTo(worker: NetWorker, place: NetPlace): void {
  if (worker.place === place) return;
  const why = place === "container" ? "speak of the container's network namespace" : "come back";
  worker.block.sys("setns", [worker.namespace[place], CLONE.NEWNET], { why });
  worker.place = place;
}

/** A socket speaks of the network namespace that it was made in. */
function openSocket(worker: NetWorker, place: NetPlace): void {
  if (worker.opened.has(place)) return;
  goTo(worker, place);
  const { block, socket } = worker;
  block.sys("socket", [AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, NETLINK_ROUTE], { dst: socket[place] });
  wantReasons(block, socket[place]);
  worker.opened.add(place);
}

function expectAbsent({ block, socket }: NetWorker, { place, name, why }: Step<"absent">): void {
  const free = block.label();
  const asked = { jump: { on: [E.ENODEV], to: free }, why: `is there an interface ${name} already?` };
  block.sys("ioctl", [socket[place], SIOC.GIFINDEX, interfaceRequest(block, name)], asked);
  block.fail(E.EEXIST, why);
  block.place(free);
}

/** struct ifreq: the address after the name and the address family. */
const IFREQ_HWADDR = 18;

function recognize({ block, socket }: NetWorker, { place, name, mac, why }: Step<"recognize">): void {
  const gone = block.label();
  const request = interfaceRequest(block, name);
  const part = block.program.register("mac");
  block.sys("ioctl", [socket[place], SIOC.GIFHWADDR, request], { jump: { on: [E.ENODEV], to: gone } });
  const view = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
  block.load(part, block.memory.at(request, IFREQ_HWADDR), 4);
  block.expect(part, view.getUint32(0, true), E.ENOTUNIQ, why);
  block.load(part, block.memory.at(request, IFREQ_HWADDR + 4), 2);
  block.expect(part, view.getUint16(4, true), E.ENOTUNIQ, why);
  block.place(gone);
}

/** struct ifreq: the flags after the name. */
const IFREQ_FLAGS = 16;

function makeTun({ block, idOf }: NetWorker, { name, kind, uid, gid, multiQueue, why }: Step<"tun">): void {
  const flags = (kind === "tun" ? TUN.IFF_TUN : TUN.IFF_TAP) | TUN.IFF_NO_PI | (multiQueue ? TUN.IFF_MULTI_QUEUE : 0);
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode(name));
  request.set(u16s(flags), IFREQ_FLAGS);
  const path = block.str("/dev/net/tun");
  const file = block.sysResult("file", "openat", [AT.FDCWD, path, O.RDWR | O.CLOEXEC, 0], { why });
  block.sys("ioctl", [file, TUN.SETIFF, block.memory.bytes(request)], { why });
  if (uid !== undefined) block.sys("ioctl", [file, TUN.SETOWNER, idOf("uid", uid)], { why });
  if (gid !== undefined) block.sys("ioctl", [file, TUN.SETGROUP, idOf("gid", gid)], { why });
  block.sys("ioctl", [file, TUN.SETPERSIST, 1], { why });
  block.sys("close", [file]);
}

/** Takes what the container is to hold; gives where its descriptors are. EAGAIN: somebody else has the lock; EADDRINUSE: the port. */
export function takeHeld(block: BlockBuilder, { member, step }: MemberStep): Register | undefined {
  if (step.do === "lock") return takeLock(block.at(member), step);
  return step.do === "bind" ? bindPort(block.at(member), step) : undefined;
}

/** fcntl(2), "Open file description locks": it is the descriptor's, and so goes with the last process that has it. */
function takeLock(block: BlockBuilder, { path, byte, all, create, why }: Step<"lock">): Register {
  const flags = O.RDWR | O.CLOEXEC | (create ? O.CREAT : 0);
  const parent = path.slice(0, path.lastIndexOf("/"));
  if (create) block.sys("mkdirat", [AT.FDCWD, block.str(parent), 0o700], { tolerate: [E.EEXIST], why });
  const file = block.sysResult("held", "openat", [AT.FDCWD, block.str(path), flags, create ? 0o600 : 0], { why });
  // struct flock: s16 type, s16 whence, s64 start, s64 length, s32 pid
  const lock = block.memory.bytes(u64s(F_WRLCK, byte, all ? 0 : 1, 0));
  block.sys("fcntl", [file, F_OFD_SETLK, lock], { why });
  return file;
}

const SOCKET_TYPE = { tcp: SOCK.STREAM, udp: SOCK.DGRAM, sctp: SOCK.STREAM } as const;

function bindPort(block: BlockBuilder, { protocol, address, port, why }: Step<"bind">): Register {
  const ipv6 = address.length === 16;
  const family = ipv6 ? AF.INET6 : AF.INET;
  const socket = block.sysResult(
    "held",
    "socket",
    [family, SOCKET_TYPE[protocol] | SOCK.CLOEXEC, protocol === "sctp" ? IPPROTO.SCTP : 0],
    { why },
  );
  const on = block.memory.bytes(Uint8Array.of(1, 0, 0, 0));
  // "::" would take the port of IPv4 as well (ipv6(7)).
  if (ipv6) block.sys("setsockopt", [socket, IPPROTO.IPV6, IPV6_V6ONLY, on, 4], { why });
  const name = socketAddress(family, address, port);
  block.sys("bind", [socket, block.memory.bytes(name), name.length], { why });
  return socket;
}

const IPV6_V6ONLY = 26;

/** struct sockaddr_in: u16 family, port in network byte order, address; struct sockaddr_in6 has the flow label before the address. */
function socketAddress(family: number, address: Uint8Array, port: number): Uint8Array {
  const bytes = new Uint8Array(address.length === 16 ? 28 : 16);
  bytes.set(u16s(family));
  bytes.set([port >> 8, port & 0xff], 2);
  bytes.set(address, address.length === 16 ? 8 : 4);
  return bytes;
}
