/** What the rules must know of a network: its bridge, and its subnets. */

import { networkOf } from "../../linux/index.ts";
import {
  type Change,
  DATATYPE_SIZE,
  encodeBatch,
  getRequest,
  NFT_SET_ELEM_INTERVAL_END,
  type Verb,
} from "../../linux/nftables/index.ts";
import type { Network } from "./network.ts";
import { FAMILY, type SetName, TABLE } from "./rules.ts";
import { endOf, isIpv6, subnetOf } from "./subnet.ts";

const linkName = (name: string): Uint8Array => {
  const bytes = new Uint8Array(DATATYPE_SIZE.ifname);
  bytes.set(new TextEncoder().encode(name));
  return bytes;
};

type KeyedBy = { readonly key: Uint8Array; readonly flags?: number };

function changes(verb: Verb, set: SetName, keys: readonly KeyedBy[]): Change {
  const elements = keys.map(({ key, flags }) => ({ key: { value: key }, ...(flags === undefined ? {} : { flags }) }));
  return { verb, kind: "elements", family: FAMILY, table: TABLE, set, elements };
}

/** An interval is its first address, and the first one behind it. */
function interval(text: string): readonly KeyedBy[] {
  const subnet = subnetOf(text);
  const end = endOf(subnet);
  const start = { key: networkOf(subnet) };
  return end ? [start, { key: end, flags: NFT_SET_ELEM_INTERVAL_END }] : [start];
}

function networkChanges(verb: Verb, { bridge, subnets, internal, masquerade }: Network): readonly Change[] {
  const name = linkName(bridge);
  const one = [{ key: name }];
  const both = [{ key: Uint8Array.from([...name, ...name]) }];
  const intervals = subnets.flatMap(({ subnet }) => {
    const version = isIpv6(subnetOf(subnet)) ? 6 : 4;
    return [
      changes(verb, `subnets${version}`, interval(subnet)),
      ...(masquerade ? [changes(verb, `hidden${version}`, interval(subnet))] : []),
    ];
  });
  return [
    changes(verb, "bridges", one),
    changes(verb, "same", both),
    ...(internal ? [changes(verb, "internal", one)] : []),
    ...(masquerade || internal ? [] : [changes(verb, "routed", one)]),
    ...intervals,
  ];
}

let latest: { readonly key: string; readonly batch: Uint8Array } | undefined;

/** Changes nothing when they know it already. Containers of the same network follow each other, and get the same bytes. */
export function joinBatch(network: Network): Uint8Array {
  const key = JSON.stringify(network);
  if (latest?.key !== key) latest = { key, batch: encodeBatch(networkChanges("add", network)) };
  return latest.batch;
}

/** Whether they know it: its bridge is the first of what they are told, all of which comes and goes at once. */
export const knownRequest = ({ bridge }: Network): Uint8Array =>
  getRequest(changes("add", "bridges", [{ key: linkName(bridge) }]));

/** Added first, so that nothing is missed when only some of it is there. */
export const leaveBatch = (network: Network): Uint8Array =>
  encodeBatch([...networkChanges("add", network), ...networkChanges("delete", network)]);
