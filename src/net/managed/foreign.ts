/** Rules of others that would keep a network's containers from the outside. They are told of, and never touched. */
import { hostArch, type ProgramRunner } from "../../executor/index.ts";
import { AF, decodeMessages, E, MSG, NETLINK_NETFILTER, NLMSG, SOCK } from "../../linux/index.ts";
import { type Chain, decodeObject, dumpRequest, NF, NF_INET, NFPROTO } from "../../linux/nftables/index.ts";
import { encodeProgram, ProgramBuilder } from "../../program/index.ts";
import { TABLE } from "./rules.ts";

const PIECE = 32768;
const MOST_PIECES = 16;

/** Every chain of the host's network namespace; none where the kernel has no nf_tables, or does not tell this user. */
export function readChains(runner: ProgramRunner): Promise<readonly Chain[]> {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("ask").at("network");
  const [buffer, length, done] = [block.memory.zeroed(PIECE), program.register("length"), block.label()];
  const jump = { on: "any", to: done } as const;
  block.sys("socket", [AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, NETLINK_NETFILTER], {
    dst: program.register("socket"),
    jump,
  });
  const socket = program.register("socket");
  const request = dumpRequest("chain", NFPROTO.UNSPEC);
  block.sys("sendto", [socket, block.memory.bytes(request), request.length, 0, 0, 0], { jump });
  for (let piece = 0; piece < MOST_PIECES; piece++) {
    block.sys("recvfrom", [socket, buffer, PIECE, MSG.DONTWAIT, 0, 0], {
      dst: length,
      jump: { on: [E.EAGAIN], to: done },
    });
    block.send(0, buffer, length);
  }
  block.place(done);
  return new Promise((resolve, reject) => {
    const chains: Chain[] = [];
    runner.run(encodeProgram(program.finish()), {
      data: (_, bytes) => {
        const told = decodeMessages(bytes).filter(({ type }) => type !== NLMSG.DONE && type !== NLMSG.ERROR);
        for (const message of told) {
          const object = decodeObject(message);
          if (object?.kind === "chain") chains.push(object);
        }
      },
      done: (error) => (error ? reject(error) : resolve(chains)),
    });
  });
}

/** Whether libct's own are there: somebody may have removed those of all (`nft flush ruleset`). */
export const hasRules = (chains: readonly Chain[]): boolean => chains.some(({ table }) => table === TABLE);

/** What drops packets that it does not know: that libct accepts them does not help then, since each chain of a hook has its say. */
export function blockingChains(chains: readonly Chain[]): readonly string[] {
  return chains
    .filter(({ table, hook, policy }) => table !== TABLE && hook?.hooknum === NF_INET.FORWARD && policy === NF.DROP)
    .map(({ table = "", name = "" }) => `${table} ${name}`);
}
