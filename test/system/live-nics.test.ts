import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hasPidfds } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { inNetwork } from "../support/network.ts";
import type { Failed } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";

auditEachTest();

interface Link {
  readonly ifname: string;
  readonly mtu: number;
  readonly address: string;
  readonly operstate: string;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

/** A container with a veth on a bridge; `see()` gives its interface, `routes()` its routes, as ip(8) tells them. */
const SET_UP = "ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip link set br0 up";
const ETH0 = `{ type: "veth", master: "br0", addresses: ["10.0.0.2/24"], routes: [{ to: "default", via: "10.0.0.1" }] }`;
const SOURCES = new URL("../../src/", import.meta.url).pathname;
const START = `
  const { pid, container, end } = await lookInto({ nics: { eth0: ${ETH0} } });
  const see = (name = "eth0") => JSON.parse(inside(pid, "ip -j addr")).find(({ ifname }) => ifname === name);
  const routes = () => JSON.parse(inside(pid, "ip -j route"));
`;
/** Changes as `nics.set` makes them, whose steps can be told to a kernel that does not know token buckets. */
const STEPS = `
  const [{ inside: within }, net] = [await import("${SOURCES}host/inside-network.ts"), await import("${SOURCES}net/index.ts")];
  const running = await container.running();
  const look = (act) => within(container.host, running, act);
  const planned = (bandwidth) => look(async ({ surroundings: { runner }, where, look }) => {
    const limits = { host: await net.readLimits(runner, {}), container: await net.readLimits(runner, where) };
    return net.planChange("eth0", { bandwidth }, await look(), (await net.readNetworkState(runner, {}, "nics")).links, limits);
  });
  const change = (steps) => look(({ change }) => change(steps));
  const unknown = (step) => ({ ...step, message: Uint8Array.from(Buffer.from(Buffer.from(step.message).toString("latin1").replace("tbf", "tbx"), "latin1")) });
`;
const addresses = ({ addr_info }: Link) =>
  addr_info.filter(({ scope }) => scope === "global").map(({ local, prefixlen }) => `${local}/${prefixlen}`);

describe.runIf(requires("ip", installed("ip"), "it looks at what was changed"))(
  "the network of a container that runs",
  () => {
    it("gets an interface and loses it again, and nothing is left on the host", async () => {
      const seen = await inNetwork<{
        readonly with: Link;
        readonly answer: string;
        readonly list: readonly { readonly name: string }[];
        readonly without: readonly string[];
        readonly host: readonly string[];
      }>(
        SET_UP,
        `${START}
       await container.nics.attach("eth1", { type: "veth", master: "br0", mac: "02:00:00:00:00:09", addresses: ["10.0.0.9/24"], sysctl: { "net.ipv4.conf.IFNAME.forwarding": "1" } });
       const seen = see("eth1");
       const answer = text("/bin/busybox", ["ping", "-c1", "-W2", "10.0.0.9"]);
       const list = await container.nics.list();
       await container.nics.detach("eth1");
       const without = (await container.nics.list()).map(({ name }) => name);
       return { with: seen, answer, list, without, host: ipJson("link show").map(({ ifname }) => ifname) };`,
      );
      expect(seen.with).toMatchObject({ address: "02:00:00:00:00:09", operstate: "UP" });
      expect(seen.answer).toContain("1 packets received");
      expect(seen.list).toContainEqual(
        expect.objectContaining({
          name: "eth1",
          kind: "veth",
          mac: "02:00:00:00:00:09",
          addresses: ["10.0.0.9/24"],
          up: true,
        }),
      );
      expect(seen.list.find(({ name }) => name === "eth0")).toMatchObject({
        routes: [{ to: "default", via: "10.0.0.1" }],
      });
      expect(seen.without).toEqual(["lo", "eth0"]);
      expect(seen.host).toHaveLength(3); // lo, br0, the other side of eth0
    });

    it("is changed: addresses, routes, MTU, MAC, queue, up and down", async () => {
      const seen = await inNetwork<{
        readonly changed: Link;
        readonly routes: unknown;
        readonly down: Link;
        readonly up: Link;
        readonly last: unknown;
      }>(
        SET_UP,
        `${START}
       await container.nics.set("eth0", { mtu: 1300, mac: "02:00:00:00:00:0A", addresses: ["10.0.0.7/24", "10.0.0.8/24"] });
       const [changed, first] = [see(), routes()];
       await container.nics.set("eth0", { up: false });
       const down = see();
       await container.nics.set("eth0", { up: true, routes: [{ to: "10.9.0.0/16", via: "10.0.0.1", metric: 7 }] });
       return { changed, routes: first, down, up: see(), last: routes() };`,
      );
      expect(seen.changed).toMatchObject({ mtu: 1300, address: "02:00:00:00:00:0a" });
      expect(addresses(seen.changed)).toEqual(["10.0.0.7/24", "10.0.0.8/24"]);
      // The default route went with the first address, and is there again.
      expect(seen.routes).toContainEqual(expect.objectContaining({ dst: "default", gateway: "10.0.0.1" }));
      expect(seen.down.flags).not.toContain("UP");
      expect(seen.up.flags).toContain("UP");
      expect(seen.last).toContainEqual(expect.objectContaining({ dst: "10.9.0.0/16", metric: 7 }));
      expect(seen.last).not.toContainEqual(expect.objectContaining({ dst: "default" }));
    });

    it("stays as it was when a part of a change fails", async () => {
      const seen = await inNetwork<{
        readonly failed: Failed;
        readonly after: Link;
        readonly routes: unknown;
        readonly attached: Failed;
        readonly names: unknown;
        readonly host: unknown;
      }>(
        SET_UP,
        `${START}
       const failed = await attempt(() => container.nics.set("eth0", { mtu: 1300, addresses: ["10.0.0.7/24"], routes: [{ to: "10.9.0.0/16", via: "192.0.2.1" }] }));
       const [after, afterRoutes] = [see(), routes()];
       const attached = await attempt(() => container.nics.attach("eth1", { type: "veth", master: "br0", addresses: ["10.0.0.9/24"], routes: [{ to: "10.9.0.0/16", via: "192.0.2.1" }] }));
       const names = (await container.nics.list()).map(({ name }) => name);
       return { failed, after, routes: afterRoutes, attached, names, host: ipJson("link show").length };`,
      );
      expect(seen.failed).toMatchObject({ code: "ERR_CT_SYSCALL", errno: "ENETUNREACH" });
      expect(seen.failed.member).toMatch(/^nics\.eth0\.routes/);
      expect(seen.after.mtu).toBe(1500);
      expect(addresses(seen.after)).toEqual(["10.0.0.2/24"]);
      expect(seen.routes).toContainEqual(expect.objectContaining({ dst: "default", gateway: "10.0.0.1" }));
      expect(seen.attached).toMatchObject({ errno: "ENETUNREACH" });
      expect(seen.names).toEqual(["lo", "eth0"]);
      expect(seen.host).toBe(3);
    });

    it.runIf(requires("tc", installed("tc"), "it tells the limits"))(
      "has its bandwidth limited, from its start and later",
      async () => {
        interface Discipline {
          readonly kind: string;
          readonly options: { readonly rate?: number };
        }
        const seen = await inNetwork<{
          readonly first: readonly Discipline[];
          readonly later: readonly Discipline[];
          readonly failed: Failed;
        }>(
          SET_UP,
          `const eth0 = { ...${ETH0}, bandwidth: { ingress: "8mbit", egress: 16000000 } };
       const { pid, container } = await lookInto({ nics: { eth0 } });
       const outside = ipJson("link show type veth")[0].ifname;
       const limits = () => [
         ...JSON.parse(text("tc", ["-j", "qdisc", "show", "dev", outside])),
         ...JSON.parse(inside(pid, "tc -j qdisc show dev eth0")),
       ];
       const first = limits();
       await container.nics.set("eth0", { bandwidth: { ingress: "800kbit", egress: "1gbit" } });
       const later = limits();
       const failed = await attempt(() => container.nics.set("lo", { bandwidth: { ingress: "1mbit" } }));
       return { first, later, failed };`,
        );
        // Bytes per second.
        const rates = (disciplines: readonly Discipline[]) =>
          disciplines.map(({ kind, options }) => [kind, options.rate]);
        expect(rates(seen.first)).toEqual([
          ["tbf", 1_000_000],
          ["tbf", 2_000_000],
        ]);
        expect(rates(seen.later)).toEqual([
          ["tbf", 100_000],
          ["tbf", 125_000_000],
        ]);
        expect(seen.failed).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "nics.lo.bandwidth.ingress" });
      },
    );

    it.runIf(requires("tc", installed("tc"), "it tells the limits"))(
      "has both limits of its bandwidth, or those that it had",
      async () => {
        const seen = await inNetwork<{ readonly failed: Failed; readonly rates: readonly number[] }>(
          SET_UP,
          `${START}${STEPS}
       await container.nics.set("eth0", { bandwidth: { ingress: "8mbit", egress: "16mbit" } });
       const [first, second] = await planned({ ingress: "80kbit", egress: "80kbit" });
       const failed = await attempt(() => change([first, { ...second, step: { ...unknown(second.step), otherwise: undefined } }]));
       const outside = ipJson("link show type veth")[0].ifname;
       const shown = [...JSON.parse(text("tc", ["-j", "qdisc", "show", "dev", outside])), ...JSON.parse(inside(pid, "tc -j qdisc show dev eth0"))];
       return { failed, rates: shown.map(({ options }) => options.rate) };`,
        );
        expect(seen.failed.message).toMatch(/nics\.eth0/);
        expect(seen.rates).toEqual([1_000_000, 2_000_000]);
      },
    );

    it.runIf(requires("nft", installed("nft"), "it tells the limits"))(
      "has its bandwidth limited also by a kernel without token buckets",
      async () => {
        const seen = await inNetwork<{ rules: string; sent: number; received: number }>(
          SET_UP,
          `${START}${STEPS}
       await change((await planned({ ingress: "8mbit", egress: "8mbit" })).map((one) => ({ ...one, step: unknown(one.step) })));
       await change((await planned({ ingress: "80kbit", egress: "80kbit" })).map((one) => ({ ...one, step: unknown(one.step) })));
       const rules = inside(pid, "nft list table netdev libct-limits");
       const outside = ipJson("link show type veth")[0].ifname;
       const send = (to) => "n=0; while [ $n -lt 50 ]; do head -c 60000 /dev/zero > /dev/udp/" + to + "/9 || true; n=$((n+1)); done";
       const bytes = () => JSON.parse(text("ip", ["-j", "-s", "link", "show", "dev", outside]))[0].stats64.rx.bytes;
       const before = bytes();
       text("nsenter", ["-t", String(pid), "-n", "bash", "-c", send("10.0.0.1") + " 2>/dev/null"]);
       const sent = bytes() - before;
       const packets = () => Number(/\\nIp: \\d+ \\d+ (\\d+)/.exec(inside(pid, "cat /proc/net/snmp"))[1]);
       const had = packets();
       text("bash", ["-c", send("10.0.0.2") + " 2>/dev/null"]);
       const received = packets() - had;
       return { rules, sent, received };`,
        );
        expect(seen.rules).toMatch(/hook ingress device "?eth0"? priority/);
        expect(seen.rules).toMatch(/hook egress device "?eth0"? priority/);
        expect(seen.rules.match(/limit rate over 10000 bytes\/second burst 64 kbytes drop/g)).toHaveLength(2);
        // Of three million bytes, and of two thousand packets.
        expect(seen.sent).toBeLessThan(1_000_000);
        expect(seen.received).toBeLessThan(1000);
        expect(seen.received).toBeGreaterThan(0);
      },
    );

    it.runIf(requires("nft", installed("nft"), "it tells the limits"))(
      "has limited what it receives also by an interface without another side",
      async () => {
        const rules = await inNetwork<string>(
          SET_UP,
          `const { pid } = await lookInto({ nics: { eth0: { type: "macvlan", link: "br0", bandwidth: { ingress: "8mbit" } } } });
       return inside(pid, "nft list table netdev libct-limits");`,
        );
        expect(rules).toMatch(/limit rate over (1000000 bytes|976 kbytes)/);
      },
    );

    it("tells what happens to its interfaces among its other events, and nothing of it to who does not want to know", async () => {
      const seen = await inNetwork<{ told: readonly string[]; other: readonly string[] }>(
        SET_UP,
        `${START}
       const read = async (options, into) => { for await (const event of container.events(options)) into.push(event.type === "link" ? event.link.name + " " + event.link.type : event.type); };
       const [told, other] = [[], []];
       const reading = [read({}, told), read({ links: false }, other)];
       // It listens from some moment on, of which nothing is told.
       for (let mtu = 1400; told.length === 0; mtu = 2801 - mtu) await container.nics.set("eth0", { mtu });
       await container.nics.attach("eth1", { type: "veth", master: "br0" });
       while (!told.includes("eth1 added")) await new Promise((resolve) => setTimeout(resolve, 5));
       await end();
       await Promise.all(reading);
       return { told, other };`,
      );
      expect(seen.told[0]).toBe("eth0 changed");
      expect(seen.told.at(-1)).toBe("exit");
      expect(seen.other).toEqual(["exit"]);
    });

    it("tells what happens to its interfaces, until it has ended", async () => {
      const seen = await inNetwork<readonly (readonly string[])[]>(
        SET_UP,
        `${START}
       const told = [];
       const events = container.nics.events();
       const first = events.next();
       // It listens when it has told what is there, which is no event: something has to happen until one comes.
       let ticks = 0;
       const knocking = (async () => { while (ticks >= 0) await container.nics.set("eth0", { mtu: 1400 + (ticks++ % 2) }); })();
       told.push((await first).value);
       ticks = -2;
       await knocking;
       const rest = (async () => { for await (const event of events) told.push(event); })();
       await container.nics.attach("eth1", { type: "veth", master: "br0" });
       await container.nics.set("eth1", { up: false });
       await container.nics.detach("eth1");
       await container.nics.attach("eth2", { type: "veth" });
       await end();
       await rest;
       return told.map(({ type, name }) => [type, name]);`,
      );
      expect(seen[0]).toEqual(["changed", "eth0"]);
      const ofEth1 = seen.filter(([, name]) => name === "eth1").map(([type]) => type);
      expect(ofEth1[0]).toBe("added");
      expect(ofEth1).toContain("up");
      expect(ofEth1.slice(-2)).toEqual(["down", "removed"]);
      expect(seen).toContainEqual(["added", "eth2"]);
    });

    it("is changed from the command line", async () => {
      const ct = JSON.stringify([`${process.cwd()}/node_modules/.bin/bun`, `${process.cwd()}/src/cli/main.ts`]);
      const seen = await inNetwork<{
        readonly said: readonly string[];
        readonly list: readonly { readonly name: string }[];
      }>(
        SET_UP,
        `const [bun, main] = ${ct};
       const ct = (...words) => text(bun, [main, "net", ...words]);
       await lookInto({ name: "live-cli", nics: { eth0: ${ETH0} } });
       const said = [
         ct("attach", "live-cli", "type=veth,master=br0,address=10.0.0.9/24"),
         ct("set", "live-cli", "name=eth1,mtu=1400,egress=1mbit"),
         ct("detach", "live-cli", "eth0"),
         ct("ls", "live-cli"),
       ];
       return { said, list: JSON.parse(ct("ls", "live-cli", "--json")) };`,
      );
      expect(seen.said.slice(0, 3)).toEqual(["live-cli\n", "live-cli\n", "live-cli\n"]);
      expect(seen.said[3]).toMatch(/^NAME +KIND +STATE.*\nlo +.*\neth1 +veth +up +\S+ +1400 +10\.0\.0\.9\/24/s);
      expect(seen.list).toMatchObject([{ name: "lo" }, { name: "eth1", mtu: 1400, addresses: ["10.0.0.9/24"] }]);
    });

    it("refuses what cannot be meant, and nothing is changed", async () => {
      const seen = await inNetwork<readonly Failed[]>(
        SET_UP,
        `${START}
       const { nics } = container;
       return [
         await attempt(() => nics.attach("eth0", { type: "veth" })),
         await attempt(() => nics.attach("a-name-that-is-too-long", { type: "veth" })),
         await attempt(() => nics.attach("eth1", { type: "veth", master: "nothing" })),
         await attempt(() => nics.detach("eth7")),
         await attempt(() => nics.detach("lo")),
         await attempt(() => nics.set("eth7", { mtu: 1400 })),
         await attempt(() => nics.set("eth0", { mtu: 7 })),
         await attempt(() => nics.set("eth0", { addresses: ["10.0.0.0/24"] })),
       ];`,
      );
      expect(seen.map(({ message }) => message)).toEqual([
        expect.stringContaining("the container has an interface eth0 already"),
        expect.stringContaining("at most 15 bytes"),
        expect.stringContaining("nothing"),
        expect.stringContaining("an interface that the container has: lo, eth0"),
        expect.stringContaining("another interface"),
        expect.stringContaining("an interface that the container has: lo, eth0"),
        expect.stringContaining("expected an integer from 68 to 65535"),
        expect.stringContaining("expected an address"),
      ]);
    });

    it("gets what needs somebody to take it away: it goes with the container, also when nobody is there who has added it", async () => {
      const network = JSON.stringify({
        cniVersion: "1.0.0",
        name: "livenet",
        plugins: [
          {
            type: "bridge",
            bridge: "cni0",
            isGateway: true,
            ipMasq: true,
            ipam: { type: "host-local", dataDir: "/run/libct/cni-test", ranges: [[{ subnet: "10.87.0.0/24" }]] },
          },
        ],
      });
      if (!requires("CNI's bridge", existsSync("/usr/lib/cni/bridge"), "it makes an interface") || !hasPidfds()) return;
      const seen = await inNetwork<{
        readonly attached: Link;
        readonly answers: string;
        readonly still: boolean;
        readonly detached: unknown;
        readonly notes: unknown;
        readonly left: unknown;
      }>(
        SET_UP,
        `const { existsSync, readdirSync, rmSync } = await import("node:fs");
       const { pid, container, end } = await lookInto({ name: "live-cni", nics: { eth0: ${ETH0} } });
       const see = (name) => JSON.parse(inside(pid, "ip -j addr")).find(({ ifname }) => ifname === name);
       const nic = { type: "cni", network: ${network}, pluginDirs: ["/usr/lib/cni"] };
       const files = () => [...readdirSync("/run/libct/cni"), ...readdirSync("/run/libct/nics")];
       try {
         await container.nics.attach("net1", nic);
         await container.nics.detach("net1");
         const detached = { names: (await container.nics.list()).map(({ name }) => name), files: files() };
         const other = await openHost();
         await (await other.open("live-cni")).nics.attach("net1", nic);
         await other[Symbol.asyncDispose]();
         const attached = see("net1");
         // Whoever looks after it is there as long as the container: it would be undone in less time than this exchange takes.
         const answers = text("/bin/busybox", ["ping", "-c2", "-W2", attached.addr_info[0].local]);
         const still = see("net1") !== undefined;
         const notes = files().length;
         await end();
         while (files().length > 0) await new Promise((next) => setTimeout(next, 5));
         return { attached, answers, still, detached, notes, left: readdirSync("/run/libct/cni-test/livenet").filter((name) => name.startsWith("10.")) };
       } finally { rmSync("/run/libct/cni-test", { recursive: true, force: true }); }`,
      );
      expect(seen.detached).toEqual({ names: ["lo", "eth0"], files: [] });
      expect(seen.attached).toMatchObject({ ifname: "net1", operstate: "UP" });
      expect(seen.answers).toContain("2 packets received");
      expect(seen.still).toBe(true);
      expect(seen.notes).toBe(3);
      expect(seen.left).toEqual([]);
    });
  },
);
