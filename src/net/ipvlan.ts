import { attribute, createLink } from "../linux/index.ts";
import type { IpvlanNic, NetValue, NicDriver } from "../spec/index.ts";
import { bornInContainer } from "./born.ts";
import { request } from "./request.ts";

/** linux/if_link.h */
const IFLA_IPVLAN = { MODE: 1, FLAGS: 2 } as const;
const MODE = { l2: 0, l3: 1, l3s: 2 } as const;
const FLAGS = { bridge: 0, private: 1, vepa: 2 } as const;

export function ipvlan({ link, mode = "l2", isolation = "bridge" }: IpvlanNic): NicDriver {
  return {
    type: "ipvlan",
    plan: ({ name, nic }) => ({
      setUp: [
        request(
          "host",
          createLink<NetValue>({
            ...bornInContainer(name, nic, link),
            kind: "ipvlan",
            data: [attribute.u16(IFLA_IPVLAN.MODE, MODE[mode]), attribute.u16(IFLA_IPVLAN.FLAGS, FLAGS[isolation])],
          }),
          `make the ipvlan ${name} on ${link}`,
        ),
      ],
      sees: ["mac", "mtu", "txQueueLength"],
    }),
  };
}
