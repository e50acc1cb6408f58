import { type Check, check } from "./check.ts";
import type { Facts } from "./facts.ts";

/** Whether containers of managed networks reach the outside: root's through the host, an ordinary user's through the holder of his networks. */
export function networks({ caller, forwardingBlockers, lostNetworks, unruledBridges }: Facts): readonly Check[] {
  if (!caller.privileged) return [holder(lostNetworks)];
  const names = forwardingBlockers.map((chain) => `"${chain}"`).join(", ");
  const blocked = forwardingBlockers.length > 0;
  return [
    check({
      id: "forwarding",
      title: "networks that reach outside",
      available: !blocked,
      detail: blocked
        ? `what is forwarded is dropped by the chain ${names}`
        : "no chain of others drops what is forwarded",
      cost: "containers of managed networks reach each other and the host, and nothing else",
      remedy:
        "let their bridges through; for Docker: iptables -I DOCKER-USER -i BRIDGE -j ACCEPT, and the same with -o",
    }),
    rules(unruledBridges),
  ];
}

const rules = (unruled: readonly string[]): Check =>
  check({
    id: "rules",
    title: "rules of networks",
    available: unruled.length === 0,
    detail:
      unruled.length === 0
        ? "no network is without libct's rules"
        : `somebody has removed libct's rules (the table inet libct), and there is ${unruled.join(", ")}`,
    cost: "containers of these networks are reached by others, and published ports are not reached",
    remedy:
      "start a container in one of the networks: that makes the rules for all of them again; ports are published by starting theirs again",
  });

const holder = (lost: boolean): Check =>
  check({
    id: "holder",
    title: "networks of one's own that reach outside",
    available: !lost,
    detail: lost ? "who connects them to the host was killed" : "nobody is on networks that have lost their holder",
    cost: "containers that run there reach each other, and nothing else",
    remedy: "`ct doctor --repair` connects them again, and so does the next container on them",
  });
