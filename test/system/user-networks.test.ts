import { describe, expect, it } from "vitest";
import { hasInetTables } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { asUserOfNetwork, OTHER, OWN, START } from "../support/user-network.ts";

auditEachTest();

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
      return { before, reached, kept, bridges: bridges.includes("ct-web") && !bridges.includes("ct-other"), gone };
    `);
    expect(seen).toEqual({
      before: { holders: 1, carriers: 1, users: 4 },
      reached: true,
      kept: 1,
      bridges: true,
      gone: { carriers: 0, holders: 0 },
    });
  });

  it("get another holder when theirs is killed, with its monitor or without, and containers that run are outside again", async () => {
    const seen = await asUserOfNetwork(`${START}
      await host.networks.create({ name: "web" });
      const place = "/run/user/12345/libct/holder";
      const holders = () => readdirSync(place).filter((name) => name !== "lock");
      const pidOf = () => Number(readFileSync(place + "/" + holders()[0] + "/pid", "latin1"));
      const [first, second] = [await start("first"), await start("second")];
      const outside = () => inside(first, "curl -s -m 1 http://${OTHER}/");
      const kill = async (...pids) => {
        for (const pid of pids) process.kill(pid, "SIGKILL");
        return await until(0, async () => pids.filter((pid) => here("cat /proc/" + pid + "/cmdline") !== "").filter((pid) => !here("cat /proc/" + pid + "/cmdline").startsWith("failed")).length);
      };
      const monitorOf = (pid) => Number(readFileSync("/proc/" + pid + "/status", "latin1").match(/PPid:\\s*(\\d+)/)[1]);
      const killed = pidOf();
      await kill(killed);
      const alone = { outside: await until("the other host", outside), another: pidOf() !== killed };
      const neighbour = (await until("second for", async () => (await inside(first, "curl -s -m 2 http://second/")).slice(0, 10)));
      // Nobody is left who would make another one: the next container is.
      await kill(monitorOf(pidOf()), pidOf());
      const lost = (await outside()) === "the other host";
      const check = async () => (await host.features()).checks.find(({ id }) => id === "holder").available;
      const told = await check();
      const third = await start("third");
      const joined = { outside: await until("the other host", outside), by: (await until("third for", async () => (await inside(first, "curl -s -m 2 http://third/")).slice(0, 9))), holders: holders().length, told: await check() };
      await kill(monitorOf(pidOf()), pidOf());
      const repaired = (await host.repair()).map(({ what }) => what);
      const again = await until("the other host", outside);
      for (const one of [first, second, third]) await one[Symbol.asyncDispose]();
      return { alone, neighbour, lost, told, joined, repaired, again, left: { carriers: await until(0, carriers), holders: await until(0, () => holders().length) } };
    `);
    expect(seen).toEqual({
      alone: { outside: "the other host", another: true },
      neighbour: "second for",
      lost: false,
      told: false,
      joined: { outside: "the other host", by: "third for", holders: 1, told: true },
      repaired: ["network"],
      again: "the other host",
      left: { carriers: 0, holders: 0 },
    });
  });

  it.each(["127.0.0.1", OWN])("resolve names by the host's resolver at %s", async (resolver) => {
    const seen = await asUserOfNetwork(
      `${START}
      const asked = [];
      const server = (await import("node:dgram")).createSocket("udp4");
      // The question comes back with one answer: a pointer to its name, type A, class IN, a minute, four bytes (RFC 1035, 4.1).
      server.on("message", (question, from) => {
        let end = 12;
        const labels = [];
        while (question[end] !== 0) { labels.push(question.toString("latin1", end + 1, end + 1 + question[end])); end += question[end] + 1; }
        const isA = question.readUInt16BE(end + 1) === 1;
        asked.push(labels.join("."));
        const head = Buffer.from(question.subarray(0, end + 5));
        head.writeUInt16BE(0x8180, 2);
        head.writeUInt16BE(isA ? 1 : 0, 6);
        head.fill(0, 8, 12);
        const answer = isA ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...Buffer.from([198, 51, 100, 1])]) : Buffer.alloc(0);
        server.send(Buffer.concat([head, answer]), from.port, from.address);
      });
      await new Promise((resolve) => server.bind(53, "${resolver}", resolve));
      await host.networks.create({ name: "web" });
      const one = await start("one");
      const script = "require('dns').resolve4('far.example', (error, addresses) => console.log(error ? error.code : addresses.join()))";
      const resolved = await until("${OTHER}", () => inside(one, process.execPath + ' -e "' + script + '"'));
      const reached = await inside(one, "curl -s -m 2 http://far.example/");
      await one[Symbol.asyncDispose]();
      server.close();
      return { resolved, reached, asked: asked.includes("far.example") };
    `,
      `echo "nameserver ${resolver}" > /run/user/resolv.conf; mount --bind /run/user/resolv.conf "$(readlink -f /etc/resolv.conf)"`,
    );
    expect(seen).toEqual({ resolved: OTHER, reached: "the other host", asked: true });
  });

  it("keep a container's address and port while it is started again", async () => {
    const seen = await asUserOfNetwork(`${START}
      await host.networks.create({ name: "web" });
      const spec2 = { restart: { policy: "always" }, lifetime: "host", ports: [{ hostPort: 8080, containerPort: 80 }] };
      const one = await start("one", spec2);
      const other = await start("other");
      const address = async () => (await one.info()).networks.interfaces[0].addresses[0].split("/")[0];
      const get = () => there("curl -s -m 1 http://${OWN}:8080/");
      const first = { address: await address(), reached: await until("one for ${OTHER}", get) };
      const pidOf = async () => (await one.info()).pid;
      const runs = [];
      for (let round = 0; round < 3; round++) {
        const pid = await pidOf();
        process.kill(pid, "SIGKILL");
        await until(true, async () => { const now = await pidOf(); return now !== undefined && now !== pid; });
        runs.push([await until("one for ${OTHER}", get), await until("other for", async () => (await inside(await host.open("one"), "curl -s -m 1 http://other/")).slice(0, 9)), await until("the other host", async () => inside(await host.open("one"), "curl -s -m 1 http://${OTHER}/")), (await address()) === first.address]);
      }
      const restarts = (await one.info()).restarts;
      const found = await until("one for", async () => (await inside(other, "curl -s -m 1 http://one/")).slice(0, 7));
      const taken = await attempt(() => start("thief", { nics: { eth0: { type: "network", network: "web", address: first.address } } }));
      const again = await host.open("one");
      await again.stop({ timeout: 1 });
      await again.remove();
      await other[Symbol.asyncDispose]();
      return { reached: first.reached, runs, restarts, found, taken: taken.code, left: await until(0, carriers), holders: await until(0, () => readdirSync("/run/user/12345/libct/holder").filter((name) => name !== "lock").length) };
    `);
    expect(seen).toEqual({
      reached: `one for ${OTHER}`,
      runs: Array.from({ length: 3 }, () => [`one for ${OTHER}`, "other for", "the other host", true]),
      restarts: 3,
      found: "one for",
      taken: "ERR_CT_STATE",
      left: 0,
      holders: 0,
    });
  });

  it("are not made for who only looks, and refuse what cannot be, before anything is made", async () => {
    const seen = await asUserOfNetwork<Record<string, unknown>>(`${START}
      await host.networks.create({ name: "web" });
      const failure = (name, more) => attempt(() => start(name, more));
      const listing = String(await (await host.create(spec("a"))).explain(["true"]));
      return {
        explained: /setns.*CLONE_NEWUSER/.test(listing) && listing.includes("ct-web"),
        privileges: await failure("c", { namespaces: ["mount", "pid", "network"], hostname: undefined }),
        twice: await failure("d", { ports: [{ hostPort: 8080, containerPort: 80 }, { hostPort: 8080, containerPort: 81 }] }),
        missing: await failure("e", { nics: { eth0: { type: "network", network: "nowhere" } } }),
        carriers: carriers(),
      };
    `);
    expect(seen).toMatchObject({
      explained: true,
      privileges: { code: "ERR_CT_INVALID_SPEC", member: "namespaces" },
      twice: { code: "ERR_CT_INVALID_SPEC", member: "ports[1]" },
      missing: { code: "ERR_CT_NO_SUCH_NETWORK", member: "nics.eth0.network" },
      carriers: 0,
    });
  });
});
