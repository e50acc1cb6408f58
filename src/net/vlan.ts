import { attribute, createLink } from "../linux/index.ts";
import type { NetValue, NicDriver, VlanNic } from "../spec/index.ts";
import { bornInContainer } from "./born.ts";
import { request } from "./request.ts";

/** linux/if_link.h */
const IFLA_VLAN = { ID: 1, PROTOCOL: 5 } as const;
/** linux/if_ether.h, ETH_P_8021Q and ETH_P_8021AD */
const PROTOCOL = { "802.1q": 0x8100, "802.1ad": 0x88a8 } as const;

export function vlan({ link, id, protocol = "802.1q" }: VlanNic): NicDriver {
  return {
    type: "vlan",
    plan: ({ name, nic }) => ({
      setUp: [
        request(
          "host",
          createLink<NetValue>({
            ...bornInContainer(name, nic, link),
            kind: "vlan",
            data: [attribute.u16(IFLA_VLAN.ID, id), attribute.u16be(IFLA_VLAN.PROTOCOL, PROTOCOL[protocol])],
          }),
          `make the VLAN ${id} ${name} on ${link}`,
        ),
      ],
      sees: ["mac", "mtu", "txQueueLength"],
    }),
  };
}
