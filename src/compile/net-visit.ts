import { type Arch, AT, CLONE, E, LOCK, O } from "../linux/index.ts";
import { type BlockBuilder, type Program, ProgramBuilder, type Register } from "../program/index.ts";
import { NOTICE } from "./context.ts";

/** The files of a holder of networks, in a directory of its own. */
export const HOLDER_FILE = {
  /** Decimal: whose namespaces they are. Written when all is there. */
  PID: "pid",
  /** Whoever uses the networks has a shared lock on it (flock(2)). */
  USERS: "users",
  /** The holder has an exclusive lock on it: so nobody takes the pid for the holder's when it is another's. */
  ALIVE: "alive",
} as const;

/** Where a container's networks are. */
export interface HolderPlace {
  readonly directory: string;
  readonly pid: number;
}

/** What whoever uses a holder's networks has of it. */
export interface HolderVisit {
  /** With the shared lock: the networks stay as long as it is open. */
  readonly users: Register;
  /** Their network namespace. */
  readonly network: Register;
}

/**
 * Goes to the user namespace of an ordinary user's networks, where it has the rights of root over them and over what is made from there, in user namespaces below. It
 * stays in the host's network namespace: nobody could come back there, and programs that listen on the host are to be started from it.
 */
export function enterHolder(block: BlockBuilder, proc: Register, { directory, pid }: HolderPlace): HolderVisit {
  block.at("nics");
  const users = expectHolder(block, directory);
  const open = (name: string, file: string) =>
    block.sysResult(name, "openat", [proc, block.str(`${pid}/ns/${file}`), O.RDONLY | O.CLOEXEC, 0], {
      why: "find the user's networks",
    });
  const [user, network] = [open("ns_user", "user"), open("ns_host", "net")];
  block.sys("setns", [user, CLONE.NEWUSER], { why: "have the rights over the user's networks" });
  block.sys("close", [user]);
  return { users, network };
}

/** Takes the shared lock, and makes sure that there is a holder: it cannot go then. */
function expectHolder(block: BlockBuilder, directory: string): Register {
  const there = block.label();
  const open = (name: string) => {
    const path = block.str(`${directory}/${name}`);
    return block.sysResult(`holder_${name}`, "openat", [AT.FDCWD, path, O.RDWR | O.CLOEXEC, 0]);
  };
  const [users, alive] = [open(HOLDER_FILE.USERS), open(HOLDER_FILE.ALIVE)];
  block.sys("flock", [users, LOCK.SH], { why: "use the user's networks" });
  block.sys("flock", [alive, LOCK.SH | LOCK.NB], { jump: { on: [E.EAGAIN], to: there } });
  block.fail(E.ESTALE, "the holder of the user's networks has gone");
  block.place(there);
  block.sys("close", [alive]);
  return users;
}

/** A program that uses a holder until it is told to go on, so that it stays while a container is made. */
export function compileVisit(arch: Arch, directory: string): Program {
  const program = new ProgramBuilder(arch);
  const block = program.block("monitor").at("nics");
  expectHolder(block, directory);
  block.notify(NOTICE.STARTED, []);
  block.await(block.memory.zeroed(8), 8, program.register("length"));
  return program.finish();
}
