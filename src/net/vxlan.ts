import { attribute, createLink, type NetlinkAttribute, parseIp } from "../linux/index.ts";
import type { NetValue, NicDriver, VxlanNic } from "../spec/index.ts";
import { bornInContainer } from "./born.ts";
import { indexOf, request } from "./request.ts";

/** linux/if_link.h */
const IFLA_VXLAN = {
  ID: 1,
  GROUP: 2,
  LINK: 3,
  LOCAL: 4,
  TTL: 5,
  LEARNING: 7,
  PORT: 15,
  GROUP6: 16,
  LOCAL6: 17,
} as const;
/** RFC 7348; the kernel's own default is an older number. */
const PORT = 4789;

/** Made from the host, it sends its packets from there. */
export function vxlan(vxlanNic: VxlanNic): NicDriver {
  return {
    type: "vxlan",
    plan: ({ name, nic }) => ({
      setUp: [
        request(
          "host",
          createLink<NetValue>({ ...bornInContainer(name, nic), kind: "vxlan", data: dataOf(vxlanNic) }),
          `make the VXLAN ${vxlanNic.id} ${name}`,
        ),
      ],
      sees: ["mac", "mtu", "txQueueLength"],
    }),
  };
}

function dataOf({
  id,
  remote,
  local,
  link,
  port = PORT,
  ttl,
  learning,
}: VxlanNic): readonly NetlinkAttribute<NetValue>[] {
  return [
    attribute.u32(IFLA_VXLAN.ID, id),
    ...address(remote, IFLA_VXLAN.GROUP, IFLA_VXLAN.GROUP6),
    ...(link === undefined ? [] : [{ type: IFLA_VXLAN.LINK, later: indexOf(link, "host").later }]),
    ...address(local, IFLA_VXLAN.LOCAL, IFLA_VXLAN.LOCAL6),
    ...(ttl === undefined ? [] : [attribute.u8(IFLA_VXLAN.TTL, ttl)]),
    ...(learning === undefined ? [] : [attribute.u8(IFLA_VXLAN.LEARNING, learning ? 1 : 0)]),
    attribute.u16be(IFLA_VXLAN.PORT, port),
  ];
}

function address(text: string | undefined, ipv4: number, ipv6: number): readonly NetlinkAttribute[] {
  const bytes = text === undefined ? undefined : parseIp(text);
  return bytes ? [attribute.bytes(bytes.length === 4 ? ipv4 : ipv6, bytes)] : [];
}
