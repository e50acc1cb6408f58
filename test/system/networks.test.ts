import { describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { withNetworks } from "../support/managed-network.ts";
import type { Failed } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";

auditEachTest();
const NEEDED = ["ip", "nft", "curl", "unshare", "nsenter"];
const ready = requires(NEEDED.join(", "), NEEDED.every(installed), "networks are looked at with them");

describe.runIf(ready)("containers on networks", () => {
  it("find each other by name, are reached by published ports from wherever that is right, and by nothing else", async () => {
    const seen = await withNetworks<Record<string, string>>(`
      await mine.networks.create({ name: "web" });
      await mine.networks.create({ name: "db" });
      const one = await run("one", { ...on("web"), ports: [{ containerPort: 80, hostPort: 8080 }] }, serve("first"));
      const two = await run("two", on("web", { aliases: ["deux"] }));
      const three = await run("three", { ...on("db"), ports: [{ containerPort: 80, hostPort: 9090, hostIP: "127.0.0.1" }] }, serve("third"));
      const get = (url) => "curl -sm 5 " + url + " || echo failed";
      const wget = (url) => {
        const [, host, port = "80"] = /^http:..([^:]+):?(.*)$/.exec(url);
        return "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 2 " + host + " " + (port || 80) + " | grep -E '^(first|third)$'";
      };
      await until(async () => sh(get("http://127.0.0.1:8080")), "first");
      await until(async () => sh(get("http://127.0.0.1:9090")), "third");
      const plain = await address(one);
      return {
        byAddress: sh(get("http://192.0.2.1:8080")),
        byLocalhost: sh(get("http://localhost:8080")),
        directly: sh(get("http://" + plain)),
        second: second(get("http://192.0.2.1:8080")),
        secondToLoopback: second("curl -sm 1 http://192.0.2.1:9090"),
        secondDirectly: second("curl -sm 1 http://" + plain),
        byName: await inside(two, wget("http://one")),
        byHost: await inside(two, wget("http://192.0.2.1:8080")),
        otherNetworkByHost: await inside(three, wget("http://192.0.2.1:8080")),
        otherNetwork: await inside(three, wget("http://" + plain)),
        alias: await inside(one, "ping -c 1 -W 2 deux | grep -o '1 packets received'"),
        outside: await inside(two, "ping -c 1 -W 2 192.0.2.2 | grep -o '1 packets received'"),
        loopback: await inside(two, wget("http://127.0.0.1:8080")),
      };
    `);
    expect(seen).toEqual({
      byAddress: "first",
      byLocalhost: "first",
      directly: "first",
      second: "first",
      secondToLoopback: "failed",
      secondDirectly: "failed",
      byName: "first",
      byHost: "first",
      otherNetworkByHost: "first",
      otherNetwork: "failed",
      alias: "1 packets received",
      outside: "1 packets received",
      loopback: "failed",
    });
  });

  it("leave no rule, name or interface when they have ended, nor does the network when it is removed", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "web" });
      const before = sh("ip -j link");
      const one = await run("one", { ...on("web"), ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 53, protocol: "udp", hostPort: 53, range: 2 }] });
      const published = elements("ports4").map((one) => one[0].concat.join(" ") + " " + one[1].concat[1]).sort();
      const during = (await mine.networks.inspect("web")).containers.map(({ names }) => names);
      const refused = await attempt(() => mine.networks.remove("web"));
      await one[Symbol.asyncDispose]();
      const after = { ports: elements("ports4"), containers: (await mine.networks.inspect("web")).containers };
      const files = sh("ls " + state + "/networks-running/web; tr -d ' \\\\n' < " + state + "/networks-running/web/hosts");
      await mine.networks.remove("web");
      const rules = nft("list table inet libct").flatMap((one) => one.set?.elem ?? one.map?.elem ?? []);
      return { published, during, refused, after, files, rules, links: sh("ip -j link") === before, state: sh("ls -A " + state + "/networks " + state + "/networks-running") };
    `);
    expect(seen.published).toEqual(["tcp 8080 80", "udp 53 53", "udp 54 54"]);
    expect(seen.during).toEqual([["one"]]);
    expect(seen.refused).toMatchObject({
      code: "ERR_CT_STATE",
      message: expect.stringMatching(/in use by 1 container;/),
    });
    expect(seen.after).toEqual({ ports: [], containers: [] });
    expect(seen.files).toMatch(
      /^hosts\nleases\n127.0.0.1\tlocalhost::1\tlocalhostip6-localhostip6-loopback10\.\d+\.\d+\.1\thost\.libct\.internal$/,
    );
    expect(seen.rules).toEqual([]);
    expect(seen.links).toBe(true);
    expect(seen.state).not.toContain("web");
  });

  it("of both versions of IP have addresses, routes and published ports of both", async () => {
    const seen = await withNetworks<Record<string, string>>(`
      await mine.networks.create({ name: "both", subnets: [{ subnet: "10.9.0.0/24" }, { subnet: "fd09::/64" }], mtu: 1400 });
      const one = await run("one", { ...on("both", { address: "10.9.0.7" }), ports: [{ containerPort: 80, hostPort: 8080 }] }, serve("first"));
      const two = await run("two", on("both"));
      await until(async () => sh("curl -sm 5 http://192.0.2.1:8080"), "first");
      return {
        addresses: (await one.info()).networks.interfaces[0].addresses.join(" "),
        mtu: await inside(one, "cat /sys/class/net/eth0/mtu"),
        six: second("curl -sm 5 'http://[2001:db8::1]:8080'"),
        own: sh("curl -sm 5 'http://[2001:db8::1]:8080'"),
        byName: await inside(two, "busybox ping6 -c 1 -W 2 one | grep -o '1 packets received'"),
        outside: await inside(two, "busybox ping6 -c 1 -W 2 2001:db8::2 | grep -o '1 packets received'"),
      };
    `);
    expect(seen).toEqual({
      addresses: "10.9.0.7/24 fd09::7/64",
      mtu: "1400",
      six: "first",
      own: "first",
      byName: "1 packets received",
      outside: "1 packets received",
    });
  });

  it("of an internal network reach each other and nothing else; of a routed one they are reached by their addresses", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "inner", internal: true });
      await mine.networks.create({ name: "open", masquerade: false, subnets: [{ subnet: "10.9.0.0/24" }] });
      const [one, two] = [await run("one", on("inner")), await run("two", on("inner"))];
      const open = await run("open", on("open", { address: "10.9.0.5" }));
      const ping = (to) => "ping -c 1 -W 1 " + to + " > /dev/null && echo received";
      return {
        each: await inside(one, ping("two")),
        outside: await inside(one, ping("192.0.2.2")),
        route: await inside(one, "busybox ip route"),
        published: await attempt(() => run("three", { ...on("inner"), ports: [{ containerPort: 80 }] })),
        routed: second(ping("10.9.0.5")),
      };
    `);
    expect(seen).toMatchObject({
      each: "received",
      outside: "failed",
      routed: "received",
    });
    expect(seen.route).toMatch(/^10\.\d+\.\d+\.0\/24 dev eth0/);
    expect(seen.route).not.toContain("default");
    expect((seen.published as Failed).message).toMatch(/internal network inner.*\(ports\)/);
  });
});

describe.runIf(ready)("addresses and ports", () => {
  it("are never given twice, whoever asks for them at the same time", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "small", subnets: [{ subnet: "10.9.0.0/28" }] });
      const hosts = await Promise.all([open(), open(), open()]);
      const names = Array.from({ length: 15 }, (_, number) => "c" + number);
      const tries = await Promise.all(names.map((name, number) => attempt(async () => address(await run(name, { ...on("small"), ports: [{ containerPort: 80 }] }, undefined, hosts[number % 3])))));
      const got = tries.filter((one) => typeof one === "string");
      const ports = elements("ports4").length;
      const refused = tries.filter((one) => typeof one !== "string").map(({ message }) => message);
      await Promise.all(hosts.map((one) => one[Symbol.asyncDispose]()));
      return { got: got.length, different: new Set(got).size, refused, ports, left: elements("ports4").length };
    `);
    expect(seen).toMatchObject({ got: 13, different: 13, ports: 13, left: 0 });
    expect(seen.refused).toEqual(
      Array(2).fill(expect.stringMatching(/^all 13 addresses of the network small are in use/)),
    );
  });

  it("that cannot be had are refused with one line, and nothing is made", async () => {
    const refused = await withNetworks<readonly Failed[]>(`
      await mine.networks.create({ name: "web", subnets: [{ subnet: "10.9.0.0/24" }] });
      const one = await run("one", { ...on("web", { address: "10.9.0.5" }), ports: [{ containerPort: 80, hostPort: 8080 }] });
      const before = sh("ip -j link; nft list ruleset");
      const all = [];
      for (const spec of [
        on("web", { address: "10.9.0.5" }),
        on("web", { address: "10.8.0.5" }),
        on("web", { address: "10.9.0.1" }),
        on("wep"),
        { ...on("web"), ports: [{ containerPort: 80, hostPort: 8080 }] },
        { ...on("web"), ports: [{ containerPort: 80, hostIP: "192.0.2.77" }] },
        { ...on("web"), ports: [{ containerPort: 80, hostIP: "2001:db8::1" }] },
        { ...on("web"), ports: [{ containerPort: 65535, range: 2 }] },
        on("web", { aliases: ["no good"] }),
        { ports: [{ containerPort: 80 }] },
      ]) all.push(await attempt(() => run("two", spec)));
      all.push(await attempt(() => mine.networks.create({ name: "other", subnets: [{ subnet: "10.9.0.128/25" }] })));
      all.push(await attempt(() => mine.networks.create({ name: "other", subnets: [{ subnet: "192.0.2.0/25" }] })));
      all.push(await attempt(() => mine.networks.create({ name: "web" })));
      const after = sh("ip -j link; nft list ruleset");
      return [...all, { message: after === before ? "unchanged" : after }];
    `);
    const lines = refused.map(({ message }) => message);
    const expected = [
      /^the address 10\.9\.0\.5\/24 is in use by another container \(nics\.eth0\.address\); hint/,
      /^invalid value "10\.8\.0\.5": expected an address of 10\.9\.0\.0\/24.*\(nics\.eth0\.address\)/,
      /^invalid value "10\.9\.0\.1": .*the network's own/,
      /^there is no network named wep \(nics\.eth0\.network\); hint: did you mean web\?/,
      /^the port 8080\/tcp of the host is taken \(ports\[0\]\); hint/,
      /^the host has no address 192\.0\.2\.77 \(ports\[0\]\); hint/,
      /^invalid value "2001:db8::1": expected an address of a version of IP.*\(ports\[0\]\.hostIP\)/,
      /up to 65535 \(ports\[0\]\.range\)/,
      /^invalid value "no good".*\(nics\.eth0\.aliases\[0\]\)/,
      /^invalid value 1: expected none, since no interface.*\(ports\)/,
      /shares no address with the network web/,
      /192\.0\.2\.0\/24 by up0/,
      /^there is a network named web already/,
      /^unchanged$/,
    ];
    expect(lines).toHaveLength(expected.length);
    lines.forEach((line, index) => {
      expect(line).toMatch(expected[index] ?? /never/);
      expect(line).not.toContain("\n");
    });
  });

  it("come back when a monitor was killed: others get them at once, and repair takes away what was told of them", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "web", subnets: [{ subnet: "10.9.0.0/24" }] });
      const spec = { ...on("web", { address: "10.9.0.5" }), ports: [{ containerPort: 80, hostPort: 8080 }] };
      const killMonitor = async (container) => {
        const monitor = Number(/^\\d+ \\(.*\\) \\S (\\d+)/s.exec((await import("node:fs")).readFileSync("/proc/" + container.pid + "/stat", "utf8"))[1]);
        process.kill(monitor, "SIGKILL");
        await container.first.wait().catch(() => undefined);
        await container[Symbol.asyncDispose]();
        await until(async () => sh("test -e /proc/" + container.pid + " || echo gone"), "gone");
      };
      const names = async () => (await import("node:fs")).readFileSync(state + "/networks-running/web/hosts", "utf8").includes("one");
      await killMonitor(await run("one", spec));
      const left = { ports: elements("ports4").length, names: await names() };
      await mine.repair();
      const repaired = { ports: elements("ports4").length, names: await names() };
      await killMonitor(await run("one", spec));
      const heir = await run("two", on("web", { address: "10.9.0.5" }));
      const inherited = { ports: elements("ports4").length, names: await names() };
      await heir[Symbol.asyncDispose]();
      await killMonitor(await run("one", spec));
      const taken = await run("three", { ...on("web", { address: "10.9.0.6" }), ports: [{ containerPort: 81, hostPort: 8080 }] });
      const taker = elements("ports4").map((one) => one[1].concat.join(":"));
      await mine.repair();
      return { left, repaired, inherited, taker, kept: elements("ports4").length };
    `);
    expect(seen).toEqual({
      left: { ports: 1, names: true },
      repaired: { ports: 0, names: false },
      inherited: { ports: 0, names: false },
      taker: ["10.9.0.6:81"],
      kept: 1,
    });
  });
});

describe.runIf(ready)("rules", () => {
  it("are made by one of several who need them at once, beside those of others, which nobody touches", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      execFileSync("nft", ["add table ip other; add chain ip other forward { type filter hook forward priority 0; policy drop; }"]);
      const others = sh("nft list table ip other");
      const network = await mine.networks.create({ name: "web" });
      const hosts = await Promise.all([open(), open(), open()]);
      await Promise.all(hosts.map((one, number) => run("c" + number, on("web"), undefined, one)));
      const tables = nft("list tables").flatMap(({ table }) => (table ? [table.family + " " + table.name] : []));
      const rules = nft("list table inet libct").filter(({ rule }) => rule?.chain === "forward").length;
      await Promise.all(hosts.map((one) => one[Symbol.asyncDispose]()));
      return { notes: network.notes, tables, rules, others: others === sh("nft list table ip other") };
    `);
    expect(seen).toMatchObject({ tables: ["ip other", "inet libct"], rules: 8, others: true });
    expect(seen.notes).toContainEqual(expect.stringMatching(/"other forward".*ct-web/));
  });

  it("come back with the next container when somebody has flushed them", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      await mine.networks.create({ name: "web" });
      const one = await run("one", { ...on("web"), ports: [{ containerPort: 80, hostPort: 8080 }] });
      execFileSync("nft", ["flush", "ruleset"]);
      await run("two", { ...on("web"), ports: [{ containerPort: 80, hostPort: 8081 }] });
      await one[Symbol.asyncDispose]();
      return { ports: elements("ports4").length, bridges: nft("list set inet libct bridges").flatMap((one) => one.set?.elem ?? []) };
    `);
    expect(seen).toEqual({ ports: 1, bridges: ["ct-web"] });
  });
});
