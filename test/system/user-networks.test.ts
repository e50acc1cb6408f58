import { describe, expect, it } from "vitest";
import { hasInetTables } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { asUserOfNetwork, OTHER, OWN } from "../support/user-network.ts";

auditEachTest();

/** A container on a network that serves its name. */
const START = `
  const spec = (name, more = {}) => ({ ...libct.standard({ userNamespace: true }), root: libct.hostRoot(), name, hostname: name, nics: { eth0: { type: "network", network: "web" } }, ...more });
  const start = async (name, more) => {
    const container = await host.create(spec(name, more));
    const serve = "const h = require('http'); h.createServer((q, a) => a.end('" + name + " for ' + q.socket.remoteAddress.replace('::ffff:', ''))).listen(80);" +
      "const u = require('dgram').createSocket('udp4'); u.on('message', (m, from) => u.send('got ' + m, from.port, from.address)); u.bind(53)";
    await container.start([process.execPath, "-e", serve], { stdout: "ignore", stderr: "ignore" });
    return container;
  };
  const inside = async (container, script) => {
    const child = await container.exec(["sh", "-c", script]);
    const text = await new Response(child.stdout).text();
    await child.wait();
    return text.trim();
  };
`;

describe.runIf(hasInetTables())("networks of an ordinary user", () => {
  it("connect containers by name, lead to the outside, and publish ports with the clients' addresses", async () => {
    const seen = await asUserOfNetwork(`${START}
      await host.networks.create({ name: "web" });
      const ports = [{ hostPort: 8080, containerPort: 80 }, { hostPort: 5353, containerPort: 53, protocol: "udp" }];
      const [db, app, third] = [await start("db"), await start("app", { ports }), await start("third")];
      const datagram = "exec 3<>/dev/udp/${OWN}/5353; printf it >&3; timeout 1 head -c 6 <&3";
      const address = (await inside(third, "ip -j -4 addr show eth0")).match(/"local":"([0-9.]+)"/)[1];
      const taken = await attempt(() => start("late", { ports: [{ hostPort: 8080, containerPort: 80 }] }));
      const result = {
        byName: await until("db for " + address, () => inside(third, "curl -s -m 2 http://db/")) === "db for " + address,
        other: await inside(db, "curl -s -m 2 http://${OTHER}/"),
        links: [await inside(db, "ls /sys/class/net"), await inside(app, "ls /sys/class/net")],
        loopback: await until("app for 127.0.0.1", () => here("curl -s -m 2 http://127.0.0.1:8080/")),
        there: await there("curl -s -m 2 http://${OWN}:8080/"),
        udp: await until("got it", () => there("bash -c '" + datagram + "'")),
        neighbour: (await inside(db, "curl -s -m 2 http://app/")).startsWith("app for"),
        taken: taken.message,
        carriers: carriers(),
      };
      for (const one of [db, app, third]) await one[Symbol.asyncDispose]();
      return { ...result, left: await until(0, carriers) };
    `);
    expect(seen).toEqual({
      byName: true,
      other: "the other host",
      links: ["eth0\nlo", "eth0\nlo\nports0"],
      loopback: "app for 127.0.0.1",
      there: `app for ${OTHER}`,
      udp: "got it",
      neighbour: true,
      taken: expect.stringMatching(/8080.*\(ports\); hint: another program has the port/),
      // One connects the networks, the other publishes.
      carriers: 2,
      left: 0,
    });
  });

  it("are one place, however many containers come at once; it goes after the last one, and when all are killed", async () => {
    const seen = await asUserOfNetwork(`${START}
      await host.networks.create({ name: "web" });
      const names = ["a", "b", "c", "d"];
      const all = await Promise.all(names.map((name) => start(name)));
      const user = (one) => here("readlink /proc/" + one.process.pid + "/ns/user");
      const place = "/run/user/12345/libct/holder";
      const holders = () => readdirSync(place).filter((name) => name !== "lock").length;
      const pidOf = () => Number(readFileSync(place + "/" + readdirSync(place).find((name) => name !== "lock") + "/pid", "latin1"));
      const before = { holders: holders(), carriers: carriers(), users: new Set(all.map(user)).size };
      const reached = await until(true, async () => (await inside(all[0], "curl -s -m 2 http://d/")).startsWith("d for"));
      for (const one of all.slice(1)) await one[Symbol.asyncDispose]();
      const kept = carriers();
      // One that nobody is in goes from there, while others stay.
      await host.networks.create({ name: "other" });
      const other = await start("e", { nics: { eth0: { type: "network", network: "other" } } });
      await other[Symbol.asyncDispose]();
      await host.networks.remove("other");
      const bridges = here("nsenter --preserve-credentials -U -n -t " + pidOf() + " ip -br link");
      await all[0][Symbol.asyncDispose]();
      const gone = { carriers: await until(0, carriers), holders: await until(0, holders) };
      // A holder that is killed leaves files, and its successor takes them away.
      const last = await start("last");
      process.kill(pidOf(), "SIGKILL");
      const orphaned = await until(0, carriers);
      const next = await start("next");
      const again = { holders: holders(), carriers: carriers(), outside: await inside(next, "curl -s -m 2 http://${OTHER}/") };
      for (const one of [last, next]) await one[Symbol.asyncDispose]();
      return { before, reached, kept, bridges: bridges.includes("ct-web") && !bridges.includes("ct-other"), gone, orphaned, again, left: await until(0, carriers) };
    `);
    expect(seen).toEqual({
      before: { holders: 1, carriers: 1, users: 4 },
      reached: true,
      kept: 1,
      bridges: true,
      gone: { carriers: 0, holders: 0 },
      orphaned: 0,
      again: { holders: 1, carriers: 1, outside: "the other host" },
      left: 0,
    });
  });

  it("are not made for who only looks, and refuse what cannot be, before anything is made", async () => {
    const seen = await asUserOfNetwork<Record<string, unknown>>(`${START}
      await host.networks.create({ name: "web" });
      const failure = (name, more) => attempt(() => start(name, more));
      const listing = String(await (await host.create(spec("a"))).explain(["true"]));
      return {
        explained: /setns.*CLONE_NEWUSER/.test(listing) && listing.includes("ct-web"),
        restart: await failure("b", { restart: { policy: "always" }, lifetime: "host" }),
        privileges: await failure("c", { namespaces: ["mount", "pid", "network"], hostname: undefined }),
        six: await failure("d", { ports: [{ hostIP: "::1", hostPort: 8080, containerPort: 80 }] }),
        missing: await failure("e", { nics: { eth0: { type: "network", network: "nowhere" } } }),
        carriers: carriers(),
      };
    `);
    expect(seen).toMatchObject({
      explained: true,
      restart: { code: "ERR_CT_INVALID_SPEC", member: "restart.policy" },
      privileges: { code: "ERR_CT_INVALID_SPEC", member: "namespaces" },
      six: { code: "ERR_CT_INVALID_SPEC", member: "ports[0].hostIP" },
      missing: { code: "ERR_CT_NO_SUCH_NETWORK", member: "nics.eth0.network" },
      carriers: 0,
    });
  });
});
