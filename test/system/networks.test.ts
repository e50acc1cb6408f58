import { describe, expect, it } from "vitest";
import { hasInetTables } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { withNetworks } from "../support/managed-network.ts";
import type { Failed } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";

auditEachTest();
const NEEDED = ["ip", "nft", "curl", "unshare", "nsenter"];
const equipped = requires(NEEDED.join(", "), NEEDED.every(installed), "networks are looked at with them");
const inet = hasInetTables();
const ready = equipped && inet;

it.runIf(equipped && !inet)(
  "a network on a kernel without such tables is refused with what that lacks, and nothing is left",
  async () => {
    const { refused, links } = await withNetworks<{ refused: Failed; links: string }>(`
    await mine.networks.create({ name: "web" });
    const refused = await attempt(() => run("one", on("web")));
    return { refused, links: sh("ip -br link") };
  `);
    expect(refused).toMatchObject({ hint: expect.stringContaining("CONFIG_NF_TABLES_INET") });
    expect(links).not.toMatch(/^ct-/m);
  },
);

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
        itselfByHost: await inside(one, wget("http://192.0.2.1:8080")),
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
      itselfByHost: "first",
      otherNetworkByHost: "first",
      otherNetwork: "failed",
      alias: "1 packets received",
      outside: "1 packets received",
      loopback: "failed",
    });
  });

  it("published on 127.0.0.1 are not reached by a neighbour who sends for 127.0.0.1 to the host", async () => {
    const seen = await withNetworks<Record<string, string>>(`
      await mine.networks.create({ name: "web" });
      await run("one", { ...on("web"), ports: [{ containerPort: 80, hostPort: 9090, hostIP: "127.0.0.1" }, { containerPort: 80, hostPort: 9091 }] }, serve("first"));
      await until(async () => sh("curl -sm 5 http://127.0.0.1:9090"), "first");
      const sent = second("sysctl -qw net.ipv4.conf.all.route_localnet=1; ip route add 127.0.0.0/8 via 192.0.2.1; ip -o route get 127.0.0.1 | grep -o 'dev eth0'");
      const reach = (url) => second("curl -sm 2 " + url);
      return { sent, byFrame: reach("http://127.0.0.1:9090"), everywhere: reach("http://127.0.0.1:9091"), byAddress: reach("http://192.0.2.1:9091") };
    `);
    expect(seen).toEqual({ sent: "dev eth0", byFrame: "failed", everywhere: "failed", byAddress: "first" });
  });

  it("speak for nobody else", async () => {
    const seen = await withNetworks<Record<string, string>>(`
      await mine.networks.create({ name: "both", ipv6: true });
      const one = await run("one", on("both"));
      const two = await run("two", on("both"));
      const ping = (words) => inside(one, words + " > /dev/null && echo received");
      for (const words of ["table inet seen", "set inet seen sources { type ipv4_addr; size 64; flags dynamic; }", "chain inet seen arrived { type filter hook input priority 0; }", "rule inet seen arrived ip protocol icmp add @sources { ip saddr }"])
        second("nft 'add " + words + "'");
      const [four, six, neighbour] = [await ping("ping -c 1 -W 1 192.0.2.2"), await ping("busybox ping6 -c 1 -W 5 2001:db8::2"), await ping("ping -c 1 -W 1 two")];
      sh("nsenter -t " + one.pid + " -n sh -c 'ip addr add 192.0.2.77/32 dev eth0; ip addr add 2001:db8:7::7/128 dev eth0 nodad'");
      sh("nsenter -t " + one.pid + " -n ping -c 1 -W 1 -I 192.0.2.77 192.0.2.2 > /dev/null; true");
      const sources = second("nft list set inet seen sources");
      return { four, six, neighbour, sources, ra: await inside(one, "cat /proc/sys/net/ipv6/conf/eth0/accept_ra") };
    `);
    expect(seen).toMatchObject({ four: "received", six: "received", neighbour: "received", ra: "0" });
    // What was sent with the network's address has the host's; the other one never came.
    expect(seen.sources).toContain("192.0.2.1");
    expect(seen.sources).not.toContain("192.0.2.77");
  });

  it("are kept apart again by the next start, of any network, when somebody has removed all rules", async () => {
    const seen = await withNetworks<Record<string, string>>(`
      const opened = async () => (await mine.features()).checks.find(({ id }) => id === "rules").detail;
      await mine.networks.create({ name: "inner", internal: true });
      await mine.networks.create({ name: "web" });
      const [one, two] = [await run("one", on("inner")), await run("two", on("web"))];
      const localnet = sh("cat /proc/sys/net/ipv4/conf/ct-*/route_localnet | tr '\\\\n' ' '");
      const to = await address(one);
      const ping = () => inside(two, "ping -c 1 -W 1 " + to + " > /dev/null && echo received");
      const [before, ruled] = [await ping(), await opened()];
      sh("nft flush ruleset");
      const [during, told] = [await ping(), await opened()];
      await run("three", on("web"));
      return { before, ruled, during, told, after: await ping(), again: await opened(), localnet };
    `);
    expect(seen).toMatchObject({ before: "failed", after: "failed", localnet: "0 0" });
    expect(seen.told).toMatch(/there is ct-inner, ct-web/);
    expect([seen.ruled, seen.again]).toEqual(Array(2).fill("no network is without libct's rules"));
  });

  it("of two state directories never share a bridge, and neither takes the other's away", async () => {
    const seen = await withNetworks<Record<string, unknown>>(`
      const { mkdtempSync, cpSync, readFileSync, writeFileSync } = await import("node:fs");
      await mine.networks.create({ name: "web" });
      const second = mkdtempSync(state + "-second-");
      cpSync(state + "/networks", second + "/networks", { recursive: true });
      const file = second + "/networks/web.json";
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), created: 1, internal: true }));
      const one = await run("one", { ...on("web"), ports: [{ containerPort: 80, hostPort: 8080 }] }, serve("first"));
      await until(async () => sh("curl -sm 5 http://192.0.2.1:8080"), "first");
      const other = await libct.Host.open({ stateDirectory: second, ...(executor ? { executor } : {}) });
      const joined = await attempt(() => run("two", on("web"), "exec sleep 1000", other));
      const removed = await attempt(() => other.networks.remove("web"));
      await other[Symbol.asyncDispose]();
      const still = sh("curl -sm 5 http://192.0.2.1:8080");
      sh("rm -rf " + second);
      return { joined, removed, still, bridges: sh("ip -br link show type bridge | cut -d' ' -f1") };
    `);
    expect(seen.joined).toMatchObject({ errno: "ENOTUNIQ", member: "nics.eth0" });
    expect(seen.removed).toMatchObject({ code: "ERR_CT_STATE", message: expect.stringContaining("is not its bridge") });
    expect(seen).toMatchObject({ still: "first", bridges: "ct-web" });
  });

  it("have no IPv6 where the network has none, nor on the bridge's ports in any case", async () => {
    const seen = await withNetworks<Record<string, string>>(`
      await mine.networks.create({ name: "web" });
      await mine.networks.create({ name: "both", ipv6: true });
      const [one, two] = [await run("one", on("web")), await run("two", on("both"))];
      const six = (container) => inside(container, "grep -c eth0 /proc/net/if_inet6 || true");
      return { ports: sh("ip -6 addr show type veth | grep -c ct || true"), one: await six(one), two: await six(two) };
    `);
    expect(seen).toMatchObject({ ports: "0", one: "0", two: "2" });
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
      const fs = await import("node:fs");
      const monitorOf = (pid) => Number(/^\\d+ \\(.*\\) \\S (\\d+)/s.exec(fs.readFileSync("/proc/" + pid + "/stat", "utf8"))[1]);
      // Its application has gone, too, and nobody is left who would see to it.
      const killAll = async (name) => {
        const owner = await open();
        const { pid } = await run(name, { ...spec, lifetime: "host" }, undefined, owner);
        started.pop();
        await owner[Symbol.asyncDispose]();
        process.kill(monitorOf(pid), "SIGKILL");
        await until(async () => sh("test -e /proc/" + pid + " || echo gone"), "gone");
      };
      const names = async () => fs.readFileSync(state + "/networks-running/web/hosts", "utf8").includes("one");
      const own = await run("one", spec);
      process.kill(monitorOf(own.pid), "SIGKILL");
      await own.first.wait().catch(() => undefined);
      await own[Symbol.asyncDispose]();
      const owned = { ports: elements("ports4").length, names: await names() };
      await killAll("one1");
      const left = { ports: elements("ports4").length, names: await names() };
      await mine.repair();
      const repaired = { ports: elements("ports4").length, names: await names() };
      await killAll("one2");
      const heir = await run("two", on("web", { address: "10.9.0.5" }));
      const inherited = { ports: elements("ports4").length, names: await names() };
      await heir[Symbol.asyncDispose]();
      await killAll("one3");
      const taken = await run("three", { ...on("web", { address: "10.9.0.6" }), ports: [{ containerPort: 81, hostPort: 8080 }] });
      const taker = elements("ports4").map((one) => one[1].concat.join(":"));
      await mine.repair();
      for (const name of ["one1", "one2", "one3"]) await (await mine.open(name)).remove();
      return { owned, left, repaired, inherited, taker, kept: elements("ports4").length };
    `);
    expect(seen).toEqual({
      owned: { ports: 0, names: false },
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

describe.runIf(ready)("what libct says to nf_tables", () => {
  it("is what nft prints", async () => {
    const seen = await withNetworks<{ readonly text: string; readonly json: readonly Record<string, unknown>[] }>(`
      await mine.networks.create({ name: "both", subnets: [{ subnet: "10.9.0.0/24" }, { subnet: "fd09::/64" }] });
      await mine.networks.create({ name: "inner", internal: true, subnets: [{ subnet: "10.8.0.0/25" }] });
      await run("one", { ...on("both", { address: "10.9.0.7" }), ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 53, hostPort: 53, hostIP: "192.0.2.1", protocol: "udp" }] });
      await run("two", on("inner"));
      return { text: sh("nft list table inet libct"), json: nft("list table inet libct") };
    `);
    expect(seen.text).toMatchInlineSnapshot(`
      "table inet libct {
      	set bridges {
      		type ifname
      		elements = { "ct-both",
      			     "ct-inner" }
      	}

      	set same {
      		type ifname . ifname
      		elements = { "ct-both" . "ct-both",
      			     "ct-inner" . "ct-inner" }
      	}

      	set internal {
      		type ifname
      		elements = { "ct-inner" }
      	}

      	set routed {
      		type ifname
      	}

      	set subnets4 {
      		type ipv4_addr
      		flags interval
      		elements = { 10.8.0.0/25, 10.9.0.0/24 }
      	}

      	set subnets6 {
      		type ipv6_addr
      		flags interval
      		elements = { fd09::/64 }
      	}

      	set hidden4 {
      		type ipv4_addr
      		flags interval
      		elements = { 10.9.0.0/24 }
      	}

      	set hidden6 {
      		type ipv6_addr
      		flags interval
      		elements = { fd09::/64 }
      	}

      	map ports4 {
      		type inet_proto . inet_service : ipv4_addr . inet_service
      		elements = { tcp . 8080 : 10.9.0.7 . 80 }
      	}

      	map ports6 {
      		type inet_proto . inet_service : ipv6_addr . inet_service
      		elements = { tcp . 8080 : fd09::7 . 80 }
      	}

      	map at4 {
      		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
      		elements = { 192.0.2.1 . udp . 53 : 10.9.0.7 . 53 }
      	}

      	map at6 {
      		type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service
      	}

      	chain publish {
      		dnat ip to ip daddr . meta l4proto . th dport map @at4
      		meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports4
      		dnat ip6 to ip6 daddr . meta l4proto . th dport map @at6
      		meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @ports6
      	}

      	chain prerouting {
      		type nat hook prerouting priority dstnat; policy accept;
      		ip daddr 127.0.0.0/8 return
      		fib daddr type local jump publish
      	}

      	chain output {
      		type nat hook output priority -100; policy accept;
      		fib daddr type local jump publish
      	}

      	chain postrouting {
      		type nat hook postrouting priority srcnat; policy accept;
      		ip saddr @hidden4 oifname != @bridges masquerade
      		ct status dnat ip saddr @subnets4 oifname @bridges masquerade
      		ip6 saddr @hidden6 oifname != @bridges masquerade
      		ct status dnat ip6 saddr @subnets6 oifname @bridges masquerade
      		ip saddr 127.0.0.0/8 oifname @bridges masquerade
      	}

      	chain forward {
      		type filter hook forward priority filter; policy accept;
      		iifname . oifname @same accept
      		iifname @internal drop
      		oifname @internal drop
      		ct state established,related accept
      		ct status dnat accept
      		iifname @bridges oifname @bridges drop
      		oifname @routed accept
      		oifname @bridges drop
      	}

      	chain raw {
      		type filter hook prerouting priority raw; policy accept;
      		iifname @bridges ip daddr 127.0.0.0/8 drop
      		iifname @bridges ip6 saddr fe80::/10 accept
      		iifname @bridges ip6 saddr :: accept
      		iifname @bridges fib saddr oifname != @bridges drop
      	}
      }"
    `);
    const sets = Object.fromEntries(
      seen.json.flatMap(({ set, map }) => {
        const one = (set ?? map) as { readonly name: string; readonly elem?: unknown } | undefined;
        return one ? [[one.name, one.elem]] : [];
      }),
    );
    expect(sets).toEqual({
      bridges: ["ct-both", "ct-inner"],
      same: [{ concat: ["ct-both", "ct-both"] }, { concat: ["ct-inner", "ct-inner"] }],
      internal: ["ct-inner"],
      subnets4: [{ prefix: { addr: "10.8.0.0", len: 25 } }, { prefix: { addr: "10.9.0.0", len: 24 } }],
      subnets6: [{ prefix: { addr: "fd09::", len: 64 } }],
      hidden4: [{ prefix: { addr: "10.9.0.0", len: 24 } }],
      hidden6: [{ prefix: { addr: "fd09::", len: 64 } }],
      ports4: [[{ concat: ["tcp", 8080] }, { concat: ["10.9.0.7", 80] }]],
      ports6: [[{ concat: ["tcp", 8080] }, { concat: ["fd09::7", 80] }]],
      at4: [[{ concat: ["192.0.2.1", "udp", 53] }, { concat: ["10.9.0.7", 53] }]],
    });
  });
});
