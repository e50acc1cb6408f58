import { kernelFeatures } from "../../src/linux/index.ts";
import { planNics, undo } from "../../src/net/index.ts";
import type { PlannedNic } from "../../src/spec/index.ts";

const nobody = {
  run: () => {
    throw new Error("nothing is looked up");
  },
};

/** Of root's container without a name. */
export const NIC_SURROUNDINGS: Parameters<typeof planNics>[1] = {
  containerName: "",
  features: kernelFeatures("6.12"),
  restarts: false,
  runtime: "/run/libct",
  privileged: true,
  stateDirectory: "/run/libct",
  runner: nobody,
  kept: "/run/libct/netns",
};

const plans = await planNics(
  {
    eth0: {
      type: "veth",
      master: "br0",
      mac: "02:00:00:00:00:01",
      addresses: ["10.0.0.2/24", "fd00::2/64"],
      routes: [{ to: "default", via: "10.0.0.1" }],
      peer: { name: "web0" },
      sysctl: { "net.ipv4.conf.IFNAME.rp_filter": "0" },
    },
    tap0: { type: "tap", uid: 1000 },
    eth1: { type: "veth" },
  },
  { ...NIC_SURROUNDINGS, containerName: "web" },
);

/** Of a container with a pair on a bridge, a tap, a lock and a port. */
export const NIC_PLANS: readonly PlannedNic[] = [
  {
    member: "nics.eth0",
    setUp: [
      { do: "lock", path: "/var/lib/libct/networks/web/leases", byte: 2, why: "take the address 10.0.0.2" },
      { do: "bind", protocol: "tcp", address: Uint8Array.of(0, 0, 0, 0), port: 8080, why: "reserve the port 8080" },
    ],
    tearDown: [undo("/run/libct/networks/web", 2)],
  },
  ...plans,
];
