import type { BlockBuilder, Label, Register } from "../program/index.ts";
import type { NetPlace, NetStep } from "../spec/index.ts";
import type { ExecutionContext } from "./net-programs.ts";
import type { NetSockets } from "./net-requests.ts";

/** Who does steps, and where it stands. */
export interface NetWorker extends NetSockets, ExecutionContext {
  /** The host's procfs. */
  readonly proc: Register;
  /** The network namespace that it is in; undefined: in neither of the two. */
  place: NetPlace | undefined;
  readonly opened: Set<NetPlace>;
  /** A procfs for the container's parameters, when there were some. */
  ownProcfs?: Register;
  /** The socket of batches, when there has been one. */
  nftables?: Register;
  /** Of what is undone: where it goes on after a program that has failed. */
  readonly failed?: Label;
  /** Who starts programs that carry the traffic. Undefined: somebody else has done it already. */
  readonly carry?: (step: Extract<NetStep, { readonly do: "process" | "send" }>) => void;
  /** What an id of the container is to it. */
  readonly idOf: (kind: "uid" | "gid", id: number) => number;
}

/** One that knows nothing yet. Without `idOf` ids are the host's. */
export function netWorker(
  block: BlockBuilder,
  place: NetPlace | undefined,
  known: Pick<NetWorker, "proc" | "resolved"> & Partial<Pick<NetWorker, "failed" | "carry" | "idOf" | "indexes">>,
): NetWorker {
  const { program } = block;
  const registers = (kind: string) => ({
    host: program.register(`${kind}_host`),
    container: program.register(`${kind}_container`),
  });
  return {
    block,
    program,
    place,
    socket: registers("netlink"),
    namespace: registers("ns"),
    indexes: new Map(),
    lasting: new Set(),
    opened: new Set(),
    idOf: (_, id) => id,
    ...known,
  };
}

/** What the worker has opened besides namespaces, and what nobody needs any more. */
export function closeOpened({ block, opened, socket, ownProcfs }: NetWorker): void {
  for (const place of opened) block.sys("close", [socket[place]]);
  if (ownProcfs) block.sys("close", [ownProcfs]);
}
