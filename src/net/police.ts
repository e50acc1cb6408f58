/** A limit of bandwidth by rules of the container's own network namespace: what is too much is lost at once, where a token bucket lets it wait. */
import {
  type Change,
  encodeBatch,
  NF,
  NF_NETDEV,
  NFPROTO,
  NFT_LIMIT,
  NFT_LIMIT_F_INV,
  NFT_REG,
} from "../linux/nftables/index.ts";
import type { NetTransaction } from "../spec/index.ts";

export type Direction = "ingress" | "egress";

const TABLE = "libct-limits";
const HOOK = { ingress: NF_NETDEV.INGRESS, egress: NF_NETDEV.EGRESS } as const;

/** In place of a limit that is there. It goes with the interface, whose hook the chain is at. `rate` and `burst`: bytes per second, and at once. */
export function police(
  name: string,
  direction: Direction,
  { rate, burst }: { readonly rate: number; readonly burst: number },
  why: string,
): NetTransaction {
  const common = { family: NFPROTO.NETDEV, table: TABLE } as const;
  const chain = `${direction}-${name}`;
  const hook = { hooknum: HOOK[direction], priority: 0, dev: name };
  const changes: readonly Change[] = [
    { verb: "add", kind: "table", family: NFPROTO.NETDEV, name: TABLE },
    { verb: "add", kind: "chain", ...common, name: chain, type: "filter", hook, policy: NF.ACCEPT },
    // Without one that is named: all rules of the chain.
    { verb: "delete", kind: "rule", ...common, chain },
    {
      verb: "add",
      kind: "rule",
      ...common,
      chain,
      expressions: [
        { expr: "limit", rate, unit: 1, burst, type: NFT_LIMIT.BYTES, flags: NFT_LIMIT_F_INV },
        { expr: "immediate", dreg: NFT_REG.VERDICT, data: { verdict: { code: NF.DROP } } },
      ],
    },
  ];
  return { do: "nftables", place: "container", batch: encodeBatch(changes), why };
}
