import { createLink } from "../linux/index.ts";
import type { NetValue, NicDriver, PlainNic } from "../spec/index.ts";
import { bornWith } from "./born.ts";
import { request } from "./request.ts";

/** What needs nothing of the host: it is made in the container's namespace. */
export function plain({ type }: PlainNic): NicDriver {
  return {
    type,
    plan: ({ name, nic }) => ({
      setUp: [
        request("container", createLink<NetValue>({ name, ...bornWith(nic), kind: type }), `make the ${type} ${name}`),
      ],
      sees: ["mac", "mtu", "txQueueLength"],
    }),
  };
}
