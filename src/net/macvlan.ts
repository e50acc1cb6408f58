import { attribute, createLink } from "../linux/index.ts";
import type { MacvlanNic, NetValue, NicDriver } from "../spec/index.ts";
import { bornInContainer } from "./born.ts";
import { request } from "./request.ts";

/** linux/if_link.h */
const IFLA_MACVLAN_MODE = 1;
const MODE = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

/** Macvtap is the same with a character device, /dev/tapINDEX. */
export function macvlan({ type, link, mode = "bridge" }: MacvlanNic): NicDriver {
  return {
    type,
    plan: ({ name, nic }) => ({
      setUp: [
        request(
          "host",
          createLink<NetValue>({
            ...bornInContainer(name, nic, link),
            kind: type,
            data: [attribute.u32(IFLA_MACVLAN_MODE, MODE[mode])],
          }),
          `make the ${type} ${name} on ${link}`,
        ),
      ],
      sees: ["mac", "mtu", "txQueueLength"],
    }),
  };
}
