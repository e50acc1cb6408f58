import { afterAll, describe, expect, it } from "vitest";
import { hasInetTables } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { inNetwork } from "../support/network.ts";
import { type Failed, playground, remove } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";

auditEachTest();
const directory = playground();
afterAll(() => remove(directory));

/** A driver from outside: its plan is any list of steps. */
const DRIVER = `
  const { netlink } = libct;
  const driver = (setUp, tearDown) => ({ driver: { type: "mine", plan: () => ({ setUp, ...(tearDown ? { tearDown } : {}) }) } });
`;
const bind = (port: number, address = "0, 0, 0, 0") =>
  `{ do: "bind", protocol: "tcp", address: Uint8Array.of(${address}), port: ${port}, why: "reserve the port ${port}" }`;
const lock = (byte: number) =>
  `{ do: "lock", path: "${directory}/leases", byte: ${byte}, why: "take the address ${byte}" }`;

/** nft -f with the transaction's messages: one table that is made, as nf_tables has it on the wire. */
const TABLE = `
  const nfMessage = (type, family, attributes, subsystem = 10, resource = 0, flags = 1) => {
    const head = new Uint8Array(20 + attributes.length); const view = new DataView(head.buffer);
    view.setUint32(0, head.length, true); view.setUint16(4, subsystem < 0 ? type : (subsystem << 8) | type, true); view.setUint16(6, flags, true);
    head[16] = family; view.setUint16(18, resource, false); head.set(attributes, 20); return head;
  };
  const name = (text) => { const bytes = new Uint8Array((4 + text.length + 1 + 3) & ~3); const view = new DataView(bytes.buffer);
    view.setUint16(0, 4 + text.length + 1, true); view.setUint16(2, 1, true); bytes.set(new TextEncoder().encode(text), 4); return bytes; };
  const none = new Uint8Array(0);
  const transaction = (...messages) => Buffer.concat([nfMessage(16, 0, none, -1, 10), ...messages, nfMessage(17, 0, none, -1, 10)]);
  const NEW = 0, DEL = 2;
  const table = (type, text, flags) => nfMessage(type, 1, name(text), 10, 0, flags);
`;

describe.runIf(requires("ip", installed("ip"), "it looks from outside"))("a driver from outside of libct", () => {
  it("makes an interface by messages of its own, and libct gives it the rest", async () => {
    const link = await inNetwork<Record<string, unknown>>(
      "",
      `${DRIVER}
       const made = netlink.request("container", netlink.createLink({ name: "br7", kind: "bridge" }), "make br7");
       const { links } = await lookInto({ nics: { br7: { ...driver([made]), addresses: ["10.1.2.3/24"], mtu: 1333 } } });
       return links.find(({ ifname }) => ifname === "br7");`,
    );
    expect(link).toMatchObject({ ifname: "br7", mtu: 1333, linkinfo: { info_kind: "bridge" } });
    expect(link.addr_info).toContainEqual(expect.objectContaining({ local: "10.1.2.3" }));
  });

  it("holds locks as long as the container is there, however its monitor ends", async () => {
    const seen = await inNetwork<{ failed: Failed; links: string; other: boolean; again: boolean }>(
      `: > ${directory}/leases`,
      `${DRIVER}
       const { readFileSync } = await import("node:fs");
       const first = await lookInto({ nics: { eth0: { ...driver([${lock(2)}]), up: false } } });
       const failed = await attempt(() => lookInto({ nics: { eth0: { ...driver([${lock(2)}]), up: false } } }));
       const links = ip("-o link show");
       const other = await lookInto({ nics: { eth0: { ...driver([${lock(3)}]), up: false } } });
       const monitor = Number(/^PPid:\\s*(\\d+)/m.exec(readFileSync("/proc/" + first.pid + "/status", "utf8"))[1]);
       const ended = first.container.wait().catch(() => undefined);
       process.kill(monitor, "SIGKILL");
       await ended;
       const again = await lookInto({ nics: { eth0: { ...driver([${lock(2)}]), up: false } } });
       return { failed, links, other: other.pid > 0, again: again.pid > 0 };`,
    );
    expect(seen.failed).toMatchObject({ errno: "EAGAIN", syscall: "fcntl", member: "nics.eth0" });
    expect(seen.failed.message).toContain("take the address 2");
    expect(seen).toMatchObject({ other: true, again: true });
    expect(seen.links.trim().split("\n")).toHaveLength(1);
  });

  it("holds ports, of IPv4 and IPv6 apart", async () => {
    const seen = await inNetwork<{ failed: Failed; elsewhere: boolean; free: string }>(
      "",
      `${DRIVER}
       const { createServer } = await import("node:net");
       const nic = (...steps) => ({ nics: { eth0: { ...driver(steps), up: false } } });
       const { end } = await lookInto(nic(${bind(8080)}));
       const failed = await attempt(() => lookInto(nic(${bind(8080, "127, 0, 0, 1")})));
       const { pid } = await lookInto(nic(${bind(8080, new Array(16).fill(0).join(", "))}));
       await end();
       const free = await new Promise((next) => {
         const server = createServer().on("error", ({ code }) => next(code)).listen(8080, "127.0.0.1", () => server.close(() => next("free")));
       });
       return { failed, elsewhere: pid > 0, free };`,
    );
    expect(seen.failed).toMatchObject({ errno: "EADDRINUSE", syscall: "bind", member: "nics.eth0" });
    expect(seen.failed.hint).toContain("ss -tulpn");
    expect(seen).toMatchObject({ elsewhere: true, free: "free" });
  });

  it("sets kernel parameters of the host's and of the container's namespace", async () => {
    const seen = await inNetwork<{ host: string; inside: string }>(
      "",
      `${DRIVER}
       const { readFileSync } = await import("node:fs");
       const set = (place, value) => ({ do: "sysctl", place, key: "net.ipv4.ip_forward", value, why: "forward" });
       const { pid } = await lookInto({ nics: { eth0: { ...driver([set("container", "0"), set("host", "1"), set("container", "1"), set("host", "0")]), up: false } } });
       return { host: readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8"), inside: inside(pid, "cat /proc/sys/net/ipv4/ip_forward") };`,
    );
    expect([seen.host.trim(), seen.inside.trim()]).toEqual(["0", "1"]);
  });

  it.runIf(requires("nft", installed("nft"), "it lists what there is") && hasInetTables())(
    "makes rules of nf_tables, which go with the container",
    async () => {
      const seen = await inNetwork<{ meanwhile: string; after: string; failed: Failed; left: string }>(
        "",
        `${DRIVER} ${TABLE}
         const make = (text) => ({ do: "nftables", batch: transaction(table(NEW, text, 0x605)), why: "make the table " + text });
         const remove = (text) => ({ do: "nftables", batch: transaction(table(DEL, text, 5)), why: "remove the table " + text });
         const nic = (...steps) => ({ nics: { eth0: { ...driver(...steps), up: false } } });
         const { end } = await lookInto(nic([make("ours")], [remove("ours")]));
         const meanwhile = text("nft", ["list", "tables"]);
         await end();
         const after = text("nft", ["list", "tables"]);
         const both = { do: "nftables", batch: transaction(table(NEW, "one", 0x605), table(NEW, "one", 0x605)), why: "make a table twice" };
         const failed = await attempt(() => lookInto(nic([both])));
         return { meanwhile, after, failed, left: text("nft", ["list", "tables"]) };`,
      );
      expect(seen.meanwhile).toContain("table inet ours");
      expect(seen.after).toBe("");
      expect(seen.failed).toMatchObject({ errno: "EEXIST", member: "nics.eth0" });
      expect(seen.failed.message).toContain("make a table twice");
      expect(seen.left).toBe("");
    },
  );
});
