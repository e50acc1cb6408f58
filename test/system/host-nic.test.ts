import { describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { inNetwork } from "../support/network.ts";
import type { Failed } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";

auditEachTest();

/** A virtual interface, which the kernel would delete with the container's namespace; its other side is what it is connected to. */
const NETWORK = `
  ip link add br0 type bridge
  ip link set br0 up
  ip link add nic0 type veth peer name wire0
  ip link set nic0 address 02:00:00:00:00:07 mtu 1400 txqueuelen 55
  ip addr add 10.9.8.7/24 brd + dev nic0
  ip addr add 2001:db8::7/64 dev nic0 nodad
  ip link set nic0 up
  ip link set wire0 up
  ip addr add 10.9.8.1/24 dev wire0
  ip route add 10.50.0.0/16 via 10.9.8.9 metric 5
  ip -6 route add 2001:db8:1::/48 via 2001:db8::9
`;
const NIC = `{ nics: { eth0: { type: "host", device: "nic0" } } }`;

/** Its name, settings, addresses and routes, without its index and what changes by itself. */
const STATE = `
  const state = () => {
    const [link] = ipJson("addr show nic0");
    const { ifname, address, mtu, txqlen, flags, master } = link;
    const addresses = link.addr_info.filter(({ scope }) => scope === "global").map(({ local, prefixlen, broadcast }) => [local, prefixlen, broadcast]);
    const routes = [...ipJson("route show dev nic0"), ...ipJson("-6 route show dev nic0")].map(({ dst, gateway, metric, protocol }) => [dst, gateway, metric, protocol]);
    return JSON.stringify({ ifname, address, mtu, txqlen, flags, master, addresses, routes: routes.filter(([dst]) => !dst.startsWith("fe80")) });
  };
  const pins = () => { try { return readdirSync("/run/libct/netns"); } catch { return []; } };
  const { readdirSync } = await import("node:fs");
`;

interface Seen {
  readonly before: string;
  readonly after: string;
  readonly meanwhile?: string;
  readonly links?: readonly { readonly ifname: string; readonly addr_info: readonly { readonly local: string }[] }[];
  readonly pins: readonly string[];
}

describe.runIf(requires("ip", installed("ip"), "it makes the interface"))("an interface of the host", () => {
  it("comes back with its name, settings, addresses and routes when the container ends", async () => {
    const seen = await inNetwork<Seen>(
      NETWORK,
      `${STATE}
       const before = state();
       const { links, pid, end } = await lookInto(${NIC});
       const meanwhile = ip("-o link show") + inside(pid, "ip link set eth0 down; ip link set eth0 name mine address 02:00:00:00:00:99 mtu 1300; ip addr flush dev mine");
       await end();
       return { before, links, meanwhile, after: state(), pins: pins() };`,
    );
    expect(seen.meanwhile).not.toContain("nic0");
    const eth0 = seen.links?.find(({ ifname }) => ifname === "eth0");
    expect(eth0?.addr_info.map(({ local }) => local)).toEqual(expect.arrayContaining(["10.9.8.7", "2001:db8::7"]));
    expect(seen.after).toBe(seen.before);
    expect(seen.pins).toEqual([]);
  });

  it("belongs to its bridge again", async () => {
    const seen = await inNetwork<Seen>(
      `${NETWORK}\nip link set nic0 master br0`,
      `${STATE} const before = state(); const { end } = await lookInto(${NIC}); await end(); return { before, after: state(), pins: pins() };`,
    );
    expect(seen.before).toContain("br0");
    expect(seen.after).toBe(seen.before);
  });

  it("has other addresses in the container if they are given", async () => {
    const seen = await inNetwork<Seen>(
      NETWORK,
      `${STATE} const before = state();
       const { links, end } = await lookInto({ nics: { nic0: { type: "host", addresses: ["10.9.8.66/24"] } } });
       await end();
       return { before, links, after: state(), pins: pins() };`,
    );
    const nic0 = seen.links?.find(({ ifname }) => ifname === "nic0");
    const own = nic0?.addr_info.map(({ local }) => local).filter((local) => !local.startsWith("fe80"));
    expect(own).toEqual(["10.9.8.66"]);
    expect(seen.after).toBe(seen.before);
  });

  it("comes back when its container cannot be made", async () => {
    const seen = await inNetwork<Seen & { readonly failed: Failed }>(
      NETWORK,
      `${STATE} const before = state();
       const failed = await attempt(() => lookInto({ nics: { eth0: { type: "host", device: "nic0",
         routes: [{ to: "default", via: "10.77.0.1" }] } } }));
       return { before, failed, after: state(), pins: pins() };`,
    );
    expect(seen.failed).toMatchObject({ errno: "ENETUNREACH" });
    expect(seen.after).toBe(seen.before);
    expect(seen.pins).toEqual([]);
  });

  it("comes back when the monitor is killed, as long as the application lives", async () => {
    const seen = await inNetwork<Seen>(
      NETWORK,
      `${STATE} const before = state();
       const { readFileSync } = await import("node:fs");
       const { pid, container } = await lookInto(${NIC});
       const monitor = Number(/^PPid:\\s*(\\d+)/m.exec(readFileSync("/proc/" + pid + "/status", "utf8"))[1]);
       const ended = container.wait().catch(() => undefined);
       process.kill(monitor, "SIGKILL");
       await ended;
       return { before, after: state(), pins: pins() };`,
    );
    expect(seen.after).toBe(seen.before);
    expect(seen.pins).toEqual([]);
  });

  it("comes back by a repair when monitor and application were killed", async () => {
    const seen = await inNetwork<Seen & { readonly repaired: readonly unknown[]; readonly lost: string }>(
      NETWORK,
      `${STATE} const before = state();
       const { spawn } = await import("node:child_process");
       const other = spawn(process.execPath, [process.argv[1]], { env: { ...process.env, CT_TEST_CHILD: "1" }, stdio: ["ignore", "pipe", "inherit"] });
       const [monitor, zygote] = String(await new Promise((next) => other.stdout.once("data", next))).trim().split(" ").map(Number);
       process.kill(other.pid, "SIGSTOP");
       process.kill(monitor, "SIGKILL");
       const ended = new Promise((next) => other.once("exit", next));
       process.kill(other.pid, "SIGKILL");
       await ended;
       const lost = ip("-o link show");
       const repaired = await host.repair();
       return { before, after: state(), repaired, lost, pins: pins() };`,
      `if (process.env.CT_TEST_CHILD) {
         const { readFileSync } = await import("node:fs");
         const parent = (pid) => Number(/^PPid:\\s*(\\d+)/m.exec(readFileSync("/proc/" + pid + "/status", "utf8"))[1]);
         const container = await host.create({ ...libct.standard({ userNamespace: false }), root, nics: { eth0: { type: "host", device: "nic0" } } });
         const { pid } = await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
         console.log(parent(pid), parent(parent(pid)));
         await new Promise(() => setInterval(() => undefined, 1000));
       }`,
    );
    expect(seen.lost).not.toContain("nic0");
    expect(seen.repaired).toContainEqual({ what: "interface", path: "nic0" });
    expect(seen.after).toBe(seen.before);
    expect(seen.pins).toEqual([]);
  });

  it("comes back when the container has given it further names, such as one that the host has", async () => {
    const seen = await inNetwork<Seen & { readonly failed: Failed }>(
      NETWORK,
      `${STATE} const before = state();
       const { pid, end, container } = await lookInto(${NIC});
       inside(pid, "ip link property add dev eth0 altname wire0 altname br0");
       const failed = await attempt(async () => { const ended = container.wait(); await end(); await ended; });
       return { before, failed, after: state(), pins: pins() };`,
    );
    expect(seen.failed).toMatchObject({ errno: "EEXIST" });
    expect(seen.after).toBe(seen.before);
    expect(seen.pins).toEqual([]);
  });

  it("does not come back when the container has put another one in its place", async () => {
    const seen = await inNetwork<{ readonly failed: Failed; readonly links: string; readonly pins: readonly string[] }>(
      NETWORK,
      `${STATE}
       const { pid, end, container } = await lookInto(${NIC});
       const index = inside(pid, "ip -o link show eth0").match(/^\\d+/)[0];
       inside(pid, "ip link del eth0; ip link add index " + index + " name eth0 type bridge");
       const failed = await attempt(async () => { const ended = container.wait(); await end(); await ended; });
       return { failed, links: ip("-o link show"), pins: pins() };`,
    );
    expect(seen.failed).toMatchObject({ errno: "ENOTUNIQ" });
    expect(seen.links).not.toContain("nic0");
    expect(seen.pins).toEqual([]);
  });

  it("does nothing to another one that has its name by then", async () => {
    const seen = await inNetwork<{ failed: Failed; links: string; other: string }>(
      NETWORK,
      `const { end, container } = await lookInto(${NIC});
       ip("link add nic0 type veth peer name other0");
       const failed = await attempt(async () => { const ended = container.wait(); await end(); await ended; });
       return { failed, links: ip("-o -d link show"), other: ip("-o addr show nic0") };`,
    );
    expect(seen.failed).toMatchObject({ errno: "EEXIST" });
    expect(seen.failed.message).toContain("give nic0 its name again");
    // It is there under another name.
    expect(seen.links).toMatch(/ct[0-9a-f]{8}\.0@.*02:00:00:00:00:07/);
    expect(seen.other).not.toContain("10.9.8.7");
  });

  it("that is not there, or the loopback, is refused before anything is made", async () => {
    const seen = await inNetwork<readonly Failed[]>(
      NETWORK,
      `return [await attempt(() => lookInto({ nics: { eth7: { type: "host" } } })),
               await attempt(() => lookInto({ nics: { eth7: { type: "host", device: "lo" } } }))];`,
    );
    for (const failed of seen) expect(failed).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "nics.eth7" });
  });
});
