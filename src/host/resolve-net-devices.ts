import type { NetDevice } from "../compile/index.ts";
import { invalid, LibctError } from "../errors.ts";
import { hostArch, type ProgramRunner } from "../executor/index.ts";
import {
  AF,
  decodeAddress,
  decodeLink,
  decodeMessages,
  E,
  errnoName,
  getAddresses,
  getLink,
  IFA_F,
  type LinkAddress,
  MSG,
  NETLINK_ROUTE,
  type NetlinkMessage,
  NLMSG,
  RT_SCOPE_UNIVERSE,
  SOCK,
} from "../linux/index.ts";
import { type BlockBuilder, encodeProgram, ProgramBuilder, type Register } from "../program/index.ts";
import type { ContainerSpec } from "../spec/index.ts";

/** Looks at the interfaces that are to go into a container: only what has been told before can be given to them again. */
export async function planNetDevices(
  netDevices: NonNullable<ContainerSpec["netDevices"]>,
  runner: ProgramRunner,
): Promise<readonly NetDevice[]> {
  const names = Object.keys(netDevices);
  if (names.length === 0) return [];
  const messages = (await ask(runner, names)).flatMap(decodeMessages);
  if (!messages.some(({ type }) => type === NLMSG.DONE)) {
    const hint = "there are more addresses than any machine should have";
    throw new LibctError("ERR_CT_SYSCALL", "the addresses of the interfaces are not known", {
      member: "netDevices",
      hint,
    });
  }
  return names.map((name) => planDevice(name, netDevices[name]?.name ?? name, messages));
}

function planDevice(name: string, newName: string, messages: readonly NetlinkMessage[]): NetDevice {
  const link = messages.map(decodeLink).find((one) => one?.name === name);
  if (!link) throw invalid(`netDevices.${name}`, name, "an interface of the host's network namespace", "see `ip link`");
  const addresses = messages.flatMap((message) => {
    const address = decodeAddress(message);
    return address?.index === link.index && lasts(address) ? [kept(address)] : [];
  });
  return { name, newName, addresses };
}

/** "All permanent IP addresses of any family with global scope" (config-linux.md, netDevices): others are the old namespace's. */
const lasts = ({ flags, scope }: LinkAddress) => (flags & IFA_F.PERMANENT) !== 0 && scope === RT_SCOPE_UNIVERSE;

/** Of its flags only those that somebody has chosen. */
const kept = (address: LinkAddress): LinkAddress => ({
  ...address,
  index: 0,
  flags: address.flags & (IFA_F.NODAD | IFA_F.HOMEADDRESS | IFA_F.NOPREFIXROUTE),
});

/** A dump comes in pieces of at most this; netlink(7) recommends 8 KiB, the kernel gives up to 32. */
const PIECE = 32768;
const MOST_PIECES = 32;

/** The answers, asked for in the executor's network namespace, which is the application's. */
function ask(runner: ProgramRunner, names: readonly string[]): Promise<readonly Uint8Array[]> {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("ask").at("netDevices");
  const socket = block.sysResult("socket", "socket", [AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, NETLINK_ROUTE]);
  const length = program.register("length");
  const buffer = block.memory.zeroed(PIECE);
  for (const name of names) {
    sendTo(block, socket, getLink(name));
    block.sys("recvfrom", [socket, buffer, PIECE, 0, 0, 0], { dst: length });
    block.send(0, buffer, length);
  }
  sendTo(block, socket, getAddresses());
  const done = block.label();
  for (let piece = 0; piece < MOST_PIECES; piece++) {
    const jump = { on: [E.EAGAIN], to: done };
    block.sys("recvfrom", [socket, buffer, PIECE, MSG.DONTWAIT, 0, 0], { dst: length, jump });
    block.send(0, buffer, length);
  }
  block.place(done);
  return collect(runner, program);
}

function sendTo(block: BlockBuilder, socket: Register, message: Uint8Array): void {
  block.sys("sendto", [socket, block.memory.bytes(message), message.length, 0, 0, 0]);
}

function collect(runner: ProgramRunner, program: ProgramBuilder): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    runner.run(encodeProgram(program.finish()), {
      data: (_, bytes) => {
        pieces.push(bytes.slice());
      },
      fail: ({ errno }) => {
        const name = errnoName(errno);
        const details = { errno: name, member: "netDevices" };
        reject(new LibctError("ERR_CT_SYSCALL", `the host's interfaces cannot be asked for: ${name}`, details));
      },
      done: (error) => (error ? reject(error) : resolve(pieces)),
    });
  });
}
