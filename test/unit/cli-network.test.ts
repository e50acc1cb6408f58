import { describe, expect, it } from "vitest";
import { networkOptions, networkWords } from "../../src/cli/network-options.ts";
import { parseNic } from "../../src/cli/nic-syntax.ts";
import type { Container } from "../../src/host/index.ts";

const nobody = () => Promise.reject(new Error("nobody is asked for"));
const NOTHING = { network: [], nic: [], publish: [], dns: [], dnsSearch: [], dnsOption: [], addHost: [] } as const;
const options = (words: readonly string[], ...network: readonly string[]) =>
  networkOptions({ ...NOTHING, nic: words, network }, nobody);
const message = async (words: readonly string[], ...network: readonly string[]) =>
  (await options(words, ...network).catch((error: Error) => error)) as Error;

describe("the words of --nic", () => {
  it("are members of an interface, with shorter ones for addresses, gateways, routes and parameters", () => {
    const word =
      "type=veth,name=lan,master=br0,address=10.0.0.2/24,address=fd00::2/64,gateway=10.0.0.1,mtu=1400,txQueueLength=5,up=false," +
      "route=10.1.0.0/16 via 10.0.0.9 metric 5 src 10.0.0.2,peer=out0,sysctl=net.ipv4.conf.IFNAME.rp_filter=0";
    expect(parseNic(word, 3)).toEqual({
      name: "lan",
      nic: {
        type: "veth",
        master: "br0",
        mtu: 1400,
        txQueueLength: 5,
        up: false,
        peer: { name: "out0" },
        addresses: ["10.0.0.2/24", "fd00::2/64"],
        routes: [
          { to: "default", via: "10.0.0.1" },
          { to: "10.1.0.0/16", via: "10.0.0.9", metric: 5, from: "10.0.0.2" },
        ],
        sysctl: { "net.ipv4.conf.IFNAME.rp_filter": "0" },
      },
    });
    expect(parseNic("type=tap", 3).name).toBe("eth3");
  });

  it("make a network with the loopback and them", async () => {
    expect(await options([], "none")).toEqual({ network: "none", nics: {} });
    expect(await options(["type=veth"])).toEqual({ network: "none", nics: { eth0: { type: "veth" } } });
  });

  it("that are wrong are told with the member that they are of", async () => {
    expect((await message(["type=veth,mtu"])).message).toContain("--nic");
    expect((await message(["type=veth", "type=veth,name=eth0"])).message).toContain("eth0 is there already");
    expect((await message(["type=veth,mtu=1"])).message).toContain("nics.eth0.mtu");
    expect((await message(["type=veth,route=10.0.0.0/8 over 10.0.0.1"])).message).toContain("a route such as");
    expect((await message(["type=veth"], "host")).message).toContain("exclude each other");
    expect((await message([], "web", "host")).message).toContain("--network host excludes every other network");
    expect((await message([], "web:ip=1,ip=2")).message).toContain("ip once");
    expect((await message([], "web:port=1")).message).toContain("ip, mac, alias");
  });
});

describe("--network", () => {
  it("is the same as --net", () => {
    expect(networkWords({ net: "host", network: [] })).toEqual(["host"]);
    expect(networkWords({ network: ["host"], net: "host" })).toEqual(["host"]);
  });

  it("names networks, the first of them for eth0, and before those of --nic", async () => {
    expect(await options(["type=veth"], "web:ip=10.9.0.5,alias=www,alias=w3", "default")).toEqual({
      network: "none",
      nics: {
        eth0: { type: "network", network: "web", address: "10.9.0.5", aliases: ["www", "w3"] },
        eth1: { type: "network", network: "libct" },
        eth2: { type: "veth" },
      },
    });
  });

  it("is the default one for who publishes ports and names none", async () => {
    const flags = { ...NOTHING, publish: ["8080:80"], dns: ["10.0.0.53"], addHost: ["db:10.0.0.5"] };
    expect(await networkOptions(flags, nobody)).toEqual({
      network: "none",
      nics: { eth0: { type: "network", network: "libct" } },
      ports: [{ hostPort: 8080, containerPort: 80 }],
      dns: { servers: ["10.0.0.53"] },
      hosts: { db: "10.0.0.5" },
    });
    await expect(networkOptions({ ...flags, net: "host" }, nobody)).rejects.toThrow(/--publish and --network host/);
    expect(await networkOptions({ ...flags, publish: [] }, nobody)).not.toHaveProperty("nics");
  });

  it("container:NAME joins the namespaces of that container", async () => {
    const other = (namespaces: readonly string[]) =>
      ({ name: "web", spec: { namespaces }, namespacePath: (type: string) => `/ns/${type}` }) as unknown as Container;
    const join = (namespaces: readonly string[]) =>
      networkOptions({ ...NOTHING, network: ["container:web"] }, () => Promise.resolve(other(namespaces)));
    expect(await join(["network", "pid"])).toEqual({ joined: [{ type: "network", path: "/ns/network" }] });
    expect((await join(["user", "network"])).joined?.map(({ type }) => type)).toEqual(["user", "network"]);
    await expect(join(["pid"])).rejects.toThrow("has no network of its own");
  });
});
