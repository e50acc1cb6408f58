import {
  ADDRESS_INDEX,
  AF,
  addAddress,
  CLONE,
  changeLink,
  E,
  IFF_UP,
  LINK_FIRST_ATTRIBUTE,
  LINK_INDEX,
  type LinkAddress,
  MSG,
  NETLINK_ROUTE,
  NLMSGERR_ERROR,
  nameAttribute,
  namespaceAttribute,
  O,
  SIOC,
  SOCK,
} from "../linux/index.ts";
import type { BlockBuilder, DataRef, Label, Register } from "../program/index.ts";
import type { Context } from "./context.ts";
import { pathOfProcess } from "./namespaces.ts";

/** An interface of the host's that goes into the container. */
export interface NetDevice {
  readonly name: string;
  /** Ends in "%d" when the kernel is to choose the number. */
  readonly newName: string;
  /** What it is to keep: an interface loses its addresses when it goes to another namespace. */
  readonly addresses: readonly LinkAddress[];
}

const isTemplate = (name: string) => name.endsWith("%d");

/** A name for an interface that the kernel has not given a number yet: by this it is found in the container's namespace. */
const LANDING = "libct-landing";

/** A socket speaks of the network namespace that it was made in: so this one is, before the monitor joins any other. */
export function openNetlink(c: Context): void {
  if (!c.resolved.netDevices?.length) return;
  openSocket(c.monitor.at("netDevices"), "netlink_host");
}

function openSocket(block: BlockBuilder, register: string): Register {
  return block.sysResult(register, "socket", [AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, NETLINK_ROUTE]);
}

/** Init waits for its interfaces: kernel parameters may be about them, and its command must not come sooner. */
export function awaitNetDevices(c: Context): void {
  const { init, resolved } = c;
  if (!resolved.netDevices?.length) return;
  init.at("netDevices");
  const got = init.sysResult("received", "recvfrom", [c.sync.child, init.memory.zeroed(8), 1, 0, 0, 0]);
  init.expect(got, 1, E.ECANCELED, "the interfaces were not moved");
}

/** The monitor's side: it has rights over the host's interfaces, which the container must not have. */
export function moveNetDevices(c: Context, pid: Register, ended: Label): void {
  const { monitor, program, resolved } = c;
  const devices = resolved.netDevices ?? [];
  if (devices.length === 0) return;
  const host = program.register("netlink_host");
  const namespace = openNamespace(c, pid, ended);
  const inside = openSocketIn(c, namespace);
  for (const device of devices) {
    monitor.at(`netDevices.${device.name}`);
    if (!isTemplate(device.newName)) expectFree(monitor, inside, device.newName);
    const landing = isTemplate(device.newName) ? LANDING : device.newName;
    move(monitor, host, device.name, landing, namespace);
    settle(monitor, inside, landing, device);
  }
  monitor.at("netDevices");
  for (const descriptor of [host, inside, namespace]) monitor.sys("close", [descriptor]);
  monitor.sys("sendto", [c.sync.monitor, monitor.str("n"), 1, MSG.NOSIGNAL, 0, 0]);
}

/** The descriptor keeps the namespace, whatever becomes of init; if that has ended, it has said why. */
function openNamespace(c: Context, pid: Register, ended: Label): Register {
  const { monitor, program } = c;
  const path = pathOfProcess(monitor.at("netDevices"), pid, "ns/net");
  const namespace = program.register("ns_container");
  const jump = { on: [E.ENOENT, E.ESRCH], to: ended };
  monitor.sys("openat", [c.proc, path, O.RDONLY | O.CLOEXEC, 0], { dst: namespace, jump });
  return namespace;
}

/** The monitor goes there and comes back. */
function openSocketIn(c: Context, namespace: Register): Register {
  const { monitor } = c;
  const own = monitor.sysResult("ns_own", "openat", [c.proc, monitor.str("self/ns/net"), O.RDONLY | O.CLOEXEC, 0]);
  monitor.sys("setns", [namespace, CLONE.NEWNET], { why: "speak of the container's network namespace" });
  const socket = openSocket(monitor, "netlink_container");
  monitor.sys("setns", [own, CLONE.NEWNET], { why: "come back" });
  monitor.sys("close", [own]);
  return socket;
}

/** struct ifreq: a name, then what is asked (netdevice(7)). */
const IFREQ = 40;
const IFREQ_INDEX = 16;

function interfaceRequest(block: BlockBuilder, name: string): DataRef {
  const request = new Uint8Array(IFREQ);
  request.set(new TextEncoder().encode(name));
  return block.memory.bytes(request);
}

/** The kernel would rename first and complain then, when the interface is there and lost with the namespace. */
function expectFree(block: BlockBuilder, socket: Register, name: string): void {
  const free = block.label();
  const what = { jump: { on: [E.ENODEV], to: free }, why: `is there an interface ${name} already?` };
  block.sys("ioctl", [socket, SIOC.GIFINDEX, interfaceRequest(block, name)], what);
  block.fail(E.EEXIST, `the container's network namespace has an interface ${name} already`);
  block.place(free);
}

function indexOf(block: BlockBuilder, socket: Register, name: string): Register {
  const index = block.program.register("link");
  const request = interfaceRequest(block, name);
  block.sys("ioctl", [socket, SIOC.GIFINDEX, request], { why: `find ${name}` });
  block.load(index, block.memory.at(request, IFREQ_INDEX), 4);
  return index;
}

/** Namespace and name in one request: there is no moment in which the name could be in somebody's way. */
function move(block: BlockBuilder, socket: Register, name: string, landing: string, namespace: Register): void {
  const index = indexOf(block, socket, name);
  const message = changeLink({ attributes: [namespaceAttribute(0), nameAttribute(landing)] });
  const place = block.memory.bytes(message);
  block.store(block.memory.at(place, LINK_INDEX), index, 4);
  block.store(block.memory.at(place, LINK_FIRST_ATTRIBUTE), namespace, 4);
  request(block, socket, place, message.length, `move ${name} into the container's network namespace`);
}

/** In the container: its name, if the kernel chooses that, its addresses, and up. Its index may be another one there. */
function settle(block: BlockBuilder, socket: Register, landing: string, { newName, addresses }: NetDevice): void {
  const index = indexOf(block, socket, landing);
  const about = (message: Uint8Array, at: number, why: string) => {
    const place = block.memory.bytes(message);
    block.store(block.memory.at(place, at), index, 4);
    request(block, socket, place, message.length, why);
  };
  if (landing !== newName) {
    about(changeLink({ attributes: [nameAttribute(newName)] }), LINK_INDEX, `name it ${newName}`);
  }
  for (const address of addresses) about(addAddress(address), ADDRESS_INDEX, "give it the address that it had");
  about(changeLink({ flags: IFF_UP, change: IFF_UP }), LINK_INDEX, `set ${newName} up`);
}

/** What the kernel may answer; anything else is told as EIO. */
const ANSWERS = [E.EPERM, E.ENODEV, E.EEXIST, E.EBUSY, E.EINVAL, E.EACCES, E.ENOTSUP];
const ANSWER_SIZE = 1024;

function request(block: BlockBuilder, socket: Register, message: DataRef, length: number, why: string): void {
  const answer = block.memory.zeroed(ANSWER_SIZE);
  const error = block.program.register("error");
  block.sys("sendto", [socket, message, length, 0, 0, 0], { why });
  block.sys("recvfrom", [socket, answer, ANSWER_SIZE, 0, 0, 0], { why });
  block.load(error, block.memory.at(answer, NLMSGERR_ERROR), 4, true);
  for (const errno of ANSWERS) block.expectNot(error, -errno, errno, why);
  block.expect(error, 0, E.EIO, why);
}
