import { describe, expect, it } from "vitest";
import { hasInetTables, hasPidfds } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { withNetworks } from "../support/managed-network.ts";
import { installed, requires } from "../support/prerequisite.ts";

auditEachTest();
const NEEDED = ["ip", "nft", "curl", "unshare", "nsenter"];
const ready =
  requires(NEEDED.join(", "), NEEDED.every(installed), "networks are looked at with them") &&
  hasInetTables() &&
  hasPidfds();

describe.runIf(ready)("a container that runs", () => {
  it("joins a network, where others find it, and leaves it with its ports", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "web" });
      await mine.networks.create({ name: "db" });
      const one = await run("one", on("web"), serve("first"));
      const two = await run("two", on("db"));
      const members = async () => (await mine.networks.inspect("db")).containers.map(({ names }) => names.join(" ")).sort();
      const files = () => sh("cd " + state + "; ls nics networks-running/db/published | grep -c -e - || true");
      await one.nics.attach("eth1", { type: "network", network: "db", aliases: ["front"] });
      const byName = await inside(two, "ping -c 1 -W 2 front | grep -o '1 packets received'");
      const listed = (await one.info()).networks.interfaces.map(({ name, network }) => name + " " + network);
      const joined = await members();
      const routes = (await one.nics.list()).flatMap(({ routes }) => routes).filter(({ to }) => to === "0.0.0.0/0" || to === "default").length;
      const refused = [
        await attempt(() => one.nics.attach("eth1", { type: "network", network: "db" })),
        await attempt(() => one.nics.attach("eth2", { type: "network", network: "dba" })),
        await attempt(() => one.nics.attach("eth2", { type: "network", network: "db", address: "10.250.0.1" })),
        await attempt(async () => one.nics.attach("eth2", { type: "network", network: "db", address: await address(two) })),
      ].map(({ message }) => message);
      const kept = await members();
      await one.nics.detach("eth1");
      const left = { members: await members(), names: (await one.nics.list()).map(({ name }) => name), files: files() };
      const found = await inside(two, "ping -c 1 -W 1 front");
      await one.nics.publish({ hostPort: 8080, containerPort: 80 });
      await one.nics.attach("eth1", { type: "network", network: "db" });
      await one.nics.detach("eth0");
      const bare = { ports: elements("ports4").length, web: (await mine.networks.inspect("web")).containers.map(({ names }) => names) };
      await one[Symbol.asyncDispose]();
      await until(async () => files(), "0");
      return { byName, listed, joined, routes, refused, kept, left, found, bare, after: await members() };
    `);
    expect(seen.byName).toBe("1 packets received");
    expect(seen.listed).toEqual(["eth0 web", "eth1 db"]);
    expect(seen.joined).toEqual(["one front", "two"]);
    expect(seen.routes).toBe(1);
    const expected = [
      /interface eth1 already/,
      /no network named dba/,
      /which the network db has/,
      /is in use by another/,
    ];
    for (const [index, line] of (seen.refused as string[]).entries()) expect(line).toMatch(expected[index] ?? /never/);
    expect(seen.kept).toEqual(["one front", "two"]);
    expect(seen.left).toEqual({ members: ["two"], names: ["lo", "eth0"], files: "0" });
    expect(seen.found).toBe("failed");
    // Its lease is its own until it has ended, but nobody is told of it.
    expect(seen.bare).toEqual({ ports: 0, web: [[]] });
    expect(seen.after).toEqual(["two"]);
  });

  it("keeps its later address when who kept it was killed, until it leaves or ends", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "web" });
      await mine.networks.create({ name: "db", subnets: [{ subnet: "10.9.0.0/29" }] });
      const fs = await import("node:fs");
      const one = await run("one", on("web"));
      const killKeeper = async (name) => {
        const directory = state + "/nics/" + fs.readdirSync(state + "/nics").find((entry) => entry.endsWith("-" + name));
        const pid = parseInt(fs.readFileSync(directory + "/keeper", "utf8"));
        process.kill(pid, "SIGKILL");
        await until(async () => sh("test -e /proc/" + pid + " || echo gone"), "gone");
      };
      const attach = async () => {
        await one.nics.attach("eth1", { type: "network", network: "db", address: "10.9.0.3" });
        await killKeeper("eth1");
      };
      await attach();
      const others = [];
      for (const name of ["a", "b", "c", "d"]) others.push(await run(name, on("db")));
      const addresses = await Promise.all(others.map(address));
      const full = await attempt(() => run("e", on("db")));
      const asked = await attempt(() => run("f", on("db", { address: "10.9.0.3" })));
      for (const other of others) await other[Symbol.asyncDispose]();
      const repaired = (await mine.repair()).length;
      const removed = await attempt(() => mine.networks.remove("db"));
      const reached = await inside(one, "ping -c 1 -W 2 10.9.0.1 | grep -o '1 packets received'");
      await one.nics.detach("eth1");
      const left = await run("g", on("db", { address: "10.9.0.3" }));
      await left[Symbol.asyncDispose]();
      await attach();
      await one[Symbol.asyncDispose]();
      const ended = await run("h", on("db", { address: "10.9.0.3" }));
      const again = await address(ended);
      await ended[Symbol.asyncDispose]();
      await mine.repair();
      return { addresses: addresses.sort(), full: full.message, asked: asked.message, repaired, removed: removed.message, reached, again, files: sh("ls " + state + "/nics | wc -l") };
    `);
    expect(seen).toEqual({
      addresses: ["10.9.0.2", "10.9.0.4", "10.9.0.5", "10.9.0.6"],
      full: expect.stringMatching(/addresses of the network db are in use/),
      asked: expect.stringMatching(/10\.9\.0\.3\/29 is in use by another container/),
      repaired: 0,
      removed: expect.stringMatching(/in use by 1 container/),
      reached: "1 packets received",
      again: "10.9.0.3",
      files: "0",
    });
  });

  it("gets no MAC address that another one has on the same network", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "web" });
      await mine.networks.create({ name: "db" });
      const mac = "02:00:00:00:00:07";
      const one = await run("one", on("web", { mac }));
      const refused = await attempt(() => run("two", on("web", { mac: mac.toUpperCase() })));
      const elsewhere = await run("three", on("db", { mac }));
      const later = await attempt(() => elsewhere.nics.attach("eth1", { type: "network", network: "web", mac }));
      const own = (await one.nics.list()).find(({ name }) => name === "eth0").mac;
      const four = await run("four", on("web"));
      const changed = await attempt(() => four.nics.set("eth0", { mac }));
      for (const container of [one, elsewhere, four]) await container[Symbol.asyncDispose]();
      return { refused, later, own, changed };
    `);
    const error = { code: "ERR_CT_INVALID_SPEC", message: expect.stringMatching(/one has it \(eth0\)/) };
    expect(seen).toMatchObject({
      refused: { ...error, member: "nics.eth0.mac" },
      later: { ...error, member: "nics.eth1.mac" },
      changed: { ...error, member: "nics.eth0.mac" },
      own: "02:00:00:00:00:07",
    });
  });

  it("publishes ports, takes them away, and leaves none when it ends", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "web" });
      const one = await run("one", { ...on("web"), ports: [{ containerPort: 80, hostPort: 8000 }] }, serve("first"));
      const two = await run("two", on("web"));
      await until(async () => sh("curl -sm 5 http://127.0.0.1:8000"), "first");
      const get = (port) => second("curl -sm 1 http://192.0.2.1:" + port);
      const ports = async () => (await one.info()).networks.ports.map(({ hostPort, containerPort }) => hostPort + " " + containerPort).sort();
      const files = () => sh("ls " + state + "/networks-running/web/published | wc -l");
      const published = await one.nics.publish({ hostPort: 8080, containerPort: 80 });
      const chosen = await one.nics.publish({ containerPort: 80 });
      await one.nics.publish({ hostPort: 5353, containerPort: 53, protocol: "udp", range: 2 });
      const reached = [get(8080), get(chosen.hostPort), get(8000)];
      const during = { ports: (await ports()).length, elements: elements("ports4").length };
      const refused = [
        await attempt(() => two.nics.publish({ hostPort: 8080, containerPort: 80 })),
        await attempt(() => one.nics.unpublish({ hostPort: 8000 })),
        await attempt(() => one.nics.unpublish({ hostPort: 81 })),
        await attempt(() => one.nics.publish({ hostPort: 8081, containerPort: 80, hostIP: "203.0.113.1" })),
        await attempt(() => one.nics.publish({ hostPort: 65535, containerPort: 80, range: 2 })),
      ].map(({ message }) => message);
      await one.nics.unpublish({ hostPort: 8080 });
      const closed = get(8080);
      // The port is free at once.
      await two.nics.publish({ hostPort: 8080, containerPort: 80 });
      await two.nics.unpublish({ hostPort: 8080 });
      await one.nics.unpublish({ hostPort: 5353, protocol: "udp" });
      const rest = await ports();
      await one[Symbol.asyncDispose]();
      await until(async () => elements("ports4").length + " " + files(), "0 0");
      return { published, reached, during, refused, closed, rest, chosen: chosen.hostPort };
    `);
    expect(seen.published).toEqual({ hostPort: 8080, containerPort: 80 });
    expect(seen.reached).toEqual(["first", "first", "first"]);
    expect(seen.during).toEqual({ ports: 4, elements: 5 });
    const expected = [
      /port 8080\/tcp of the host is taken/,
      /from its start/,
      /has not published the port 81/,
      /no address 203/,
      /up to 65535/,
    ];
    for (const [index, line] of (seen.refused as string[]).entries()) expect(line).toMatch(expected[index] ?? /never/);
    expect(seen.closed).toBe("failed");
    expect(seen.rest).toEqual([`${seen.chosen} 80`, "8000 80"].sort());
  });

  it("has its later ports taken away by others when those who kept them were killed", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "web", subnets: [{ subnet: "10.9.0.0/24" }] });
      const fs = await import("node:fs");
      const published = state + "/networks-running/web/published";
      const port = { hostPort: 8080, containerPort: 80 };
      // Publishes a port, and kills who keeps it.
      const orphaned = async (container) => {
        const before = fs.existsSync(published) ? fs.readdirSync(published) : [];
        await container.nics.publish(port);
        const name = fs.readdirSync(published).find((one) => !before.includes(one));
        const pid = parseInt(fs.readFileSync(published + "/" + name + "/keeper", "utf8"));
        process.kill(pid, "SIGKILL");
        await until(async () => sh("test -e /proc/" + pid + " || echo gone"), "gone");
      };
      const count = () => elements("ports4").length + " " + fs.readdirSync(published).length;
      const spec = on("web", { address: "10.9.0.5" });
      const one = await run("one", spec);
      await orphaned(one);
      const killed = count();
      await one.nics.unpublish(port);
      const unpublished = count();
      await orphaned(one);
      await one.nics.publish(port);
      const again = count();
      await one.nics.unpublish(port);
      await orphaned(one);
      await one[Symbol.asyncDispose]();
      const left = count();
      await mine.repair();
      const repaired = count();
      const two = await run("two", spec);
      await orphaned(two);
      await two[Symbol.asyncDispose]();
      const heir = await run("three", spec);
      const inherited = elements("ports4").length;
      await heir[Symbol.asyncDispose]();
      const four = await run("four", spec);
      await orphaned(four);
      await four[Symbol.asyncDispose]();
      const other = await run("five", { ...on("web", { address: "10.9.0.6" }), ports: [port] });
      const taken = elements("ports4").map((one) => one[1].concat[0]);
      await other[Symbol.asyncDispose]();
      await mine.repair();
      return { killed, unpublished, again, left, repaired, inherited, taken, end: count() };
    `);
    expect(seen).toEqual({
      killed: "1 1",
      unpublished: "0 0",
      again: "1 1",
      left: "1 1",
      repaired: "0 0",
      inherited: 0,
      taken: ["10.9.0.6"],
      end: "0 0",
    });
  });

  it("keeps its address and ports when it is started again, and nobody gets them in between", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "web", subnets: [{ subnet: "10.9.0.0/24" }] });
      const ports = [{ containerPort: 80, hostPort: 8080 }];
      const durable = { ...on("web", { address: "10.9.0.5" }), ports, lifetime: "host", restart: { policy: "always" } };
      const one = await run("one", durable, serve("first"));
      started.pop();
      try {
        const held = [];
        const rounds = 2;
        for (let round = 1; round <= rounds; round++) {
          await until(async () => sh("curl -sm 1 http://192.0.2.1:8080"), "first");
          process.kill((await one.info()).pid, "SIGKILL");
          await until(async () => {
            held.push((await mine.networks.inspect("web")).containers.length);
            return (await one.info()).restarts;
          }, round);
        }
        await until(async () => sh("curl -sm 1 http://192.0.2.1:8080"), "first");
        const refused = await attempt(() => run("two", on("web", { address: "10.9.0.5" })));
        const bound = await attempt(() => run("three", { ...on("web"), ports }));
       
        return { held: [...new Set(held)], looked: held.length > rounds, address: await address(one), refused: refused.message, bound: bound.message };
      } finally {
        await one.stop({ timeout: 0 });
        await one.remove();
        await until(async () => (await mine.networks.inspect("web")).containers.length + " " + elements("ports4").length, "0 0");
      }
    `);
    expect(seen).toMatchObject({ held: [1], looked: true, address: "10.9.0.5" });
    expect(seen.refused).toMatch(/in use by another container/);
    expect(seen.bound).toMatch(/8080\/tcp of the host is taken/);
  });
});
