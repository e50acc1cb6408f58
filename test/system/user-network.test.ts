import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import type { Failed } from "../support/playground.ts";
import { asUserOfNetwork, OTHER, OWN } from "../support/user-network.ts";

auditEachTest();

/** Another pasta than the installed one can be tried. */
const PASTA = process.env.LIBCT_TEST_PASTA;
const KINDS = {
  pasta: { nic: { type: "pasta", ...(PASTA === undefined ? {} : { program: PASTA }) }, gateway: OTHER },
  slirp4netns: { nic: { type: "slirp4netns" }, gateway: "10.0.2.2" },
} as const;

/** Programs of the tests' user that carry traffic, on the whole machine. */
const carriersOfAll = (): readonly string[] =>
  readdirSync("/proc").filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, "latin1").includes("/run/user/12345/libct/scratch/network");
    } catch {
      return false; // No process, or gone.
    }
  });

describe.each(["pasta", "slirp4netns"] as const)("%s", (type) => {
  const { nic, gateway } = KINDS[type];
  const nics = (more = {}) => JSON.stringify({ eth0: { ...nic, ...more } });

  it("connects an ordinary user's container to the host's network, but not to the host's loopback", async () => {
    const seen = await asUserOfNetwork<{ readonly out: string; readonly open: string; readonly left: number }>(`
      const { createServer } = await import("node:http");
      const secret = createServer((_, answer) => answer.end("of the loopback"));
      await new Promise((resolve) => secret.listen(7777, "127.0.0.1", resolve));
      const look = "curl -s -m 2 http://${OTHER}/ || echo none; curl -s -m 2 http://${gateway}:7777/ || echo closed";
      const { stdout: out } = await host.run(["sh", "-c", look + "; cat /sys/class/net/eth0/address; ip -j addr show eth0; ip -j route"], {
        nics: ${nics({ mac: "02:42:ac:11:00:02", mtu: 1400 })},
      });
      const { stdout: open } = await host.run(["curl", "-s", "-m", "2", "http://${gateway}:7777/"], { nics: ${nics({ hostLoopback: true })} });
      secret.close();
      return { out, open, left: await until(0, carriers) };
    `);
    const [web, loopback, mac, addresses = "", routes = ""] = seen.out.trim().split("\n");
    expect([web, loopback, mac]).toEqual(["the other host", "closed", "02:42:ac:11:00:02"]);
    const [link] = JSON.parse(addresses);
    const own = link.addr_info.filter(({ scope }: { scope: string }) => scope === "global");
    expect(link.mtu).toBe(1400);
    expect(own.map(({ local }: { local: string }) => local)).toEqual(
      type === "pasta" ? [OWN, "2001:db8::2"] : ["10.0.2.100"],
    );
    expect(JSON.parse(routes)).toContainEqual(expect.objectContaining({ dst: "default", gateway, dev: "eth0" }));
    expect(seen.open).toBe("of the loopback");
    expect(seen.left).toBe(0);
  });

  it("leaves no process in which a container that sees the host's could find the host's files", async () => {
    const all = ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_NET_ADMIN", "CAP_SETUID", "CAP_SETGID"];
    const look = [
      "exec 2>/dev/null; own=$(readlink /proc/self/ns/mnt)",
      'for p in /proc/[0-9]*; do n=$(readlink $p/ns/mnt) && [ "$n" != "$own" ] && cat $p/comm; done',
      "echo seen $(ls -d /proc/[0-9]* | wc -l)",
    ].join("\n");
    const seen = await asUserOfNetwork<{ readonly out: string; readonly left: number }>(`
      const plain = libct.standard({ userNamespace: true });
      const all = ${JSON.stringify(all)};
      const container = await host.create({ ...plain, root: libct.hostRoot(), nics: ${nics()},
        namespaces: plain.namespaces.filter((one) => one !== "pid"),
        mounts: plain.mounts.map((one) => (one.destination === "/proc" ? { destination: "/proc", type: "bind", source: "/proc", options: ["rbind"] } : one)),
        process: { ...plain.process, capabilities: { bounding: all, effective: all, permitted: all } } });
      const shell = await container.start(["sh", "-c", ${JSON.stringify(look)}]);
      let out = "";
      for await (const chunk of shell.stdout) out += chunk;
      await container[Symbol.asyncDispose]();
      return { out, left: await until(0, carriers) };
    `);
    // The program itself is as any other; but not who has started it, and has the host's tree.
    expect(seen).toEqual({ out: expect.stringMatching(/^(passt\S*|pasta\S*|slirp4netns)\nseen \d\d+\n$/), left: 0 });
  });

  it("publishes ports, to the host itself and to others; one that is taken is an error, and nothing is left", async () => {
    const ports = [
      { hostPort: 8080, containerPort: 80 },
      { hostIP: "127.0.0.1", hostPort: 8081, containerPort: 81, range: 2 },
      { hostPort: 5353, containerPort: 53, protocol: "udp" },
    ];
    const seen = await asUserOfNetwork<Record<string, string | number> & { readonly taken: Failed }>(`
      const container = await host.create({ ...libct.standard({ userNamespace: true }), root: libct.hostRoot(), nics: ${nics()}, ports: ${JSON.stringify(ports)} });
      const serve = 'const h = require("http"); for (const p of [80, 82]) h.createServer((_, a) => a.end("inside")).listen(p);' +
        'const u = require("dgram").createSocket("udp4"); u.on("message", (m, from) => u.send("got " + m, from.port, from.address)); u.bind(53)';
      await container.start([process.execPath, "-e", serve], { stdout: "ignore", stderr: "ignore" });
      const datagram = "exec 3<>/dev/udp/${OWN}/5353; printf it >&3; timeout 1 head -c 6 <&3";
      const get = (where) => "curl -s -m 2 http://" + where + "/ || echo refused";
      const seen = {
        carriers: carriers(),
        loopback: await until("inside", () => here(get("127.0.0.1:8080"))),
        own: here(get("${OWN}:8080")),
        there: await there(get("${OWN}:8080")),
        range: here(get("127.0.0.1:8082")),
        privately: await there(get("${OWN}:8082")),
        udp: await until("got it", () => there("bash -c '" + datagram + "'")),
        taken: await attempt(() => host.run(["true"], { nics: ${nics()}, ports: [{ hostPort: 8080, containerPort: 80 }] })),
        still: await until(1, carriers),
      };
      await container[Symbol.asyncDispose]();
      return { ...seen, left: await until(0, carriers) };
    `);
    const { taken, ...rest } = seen;
    expect(rest).toEqual({
      ...{ carriers: 1, loopback: "inside", own: "inside", there: "inside", range: "inside", privately: "refused" },
      ...{ udp: "got it", still: 1, left: 0 },
    });
    expect(taken).toMatchObject({ code: "ERR_CT_SYSCALL", member: "nics.eth0" });
    expect(taken.message).toMatch(/8080.*hint: another program has the port/);
  });

  it("ends with the monitor, and with the application, when these are killed", async () => {
    const start = `
      const container = await host.create({ ...libct.standard({ userNamespace: true }), root: libct.hostRoot(), nics: ${nics()} });
      const { pid } = await container.start(["sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
      const before = carriers();`;
    const seen = await asUserOfNetwork(`${start}
      process.kill(Number(/PPid:\\s*(\\d+)/.exec(readFileSync("/proc/" + pid + "/status", "utf8"))[1]), "SIGKILL");
      const ended = await attempt(() => container.wait());
      return { before, code: ended.code, after: await until(0, carriers) };
    `);
    expect(seen).toEqual({ before: 1, code: "ERR_CT_EXECUTOR", after: 0 });
    const killed = asUserOfNetwork(`${start} if (before === 1) process.kill(process.pid, "SIGKILL"); return before;`);
    await expect(killed).rejects.toMatchObject({ signal: "SIGKILL" });
    await expect.poll(carriersOfAll, { timeout: 3000 }).toEqual([]);
  });
});

describe("networking for ordinary users", () => {
  it("says in one line what is missing, before anything is made", async () => {
    const nics = (more: object) => JSON.stringify({ eth0: { type: "pasta", ...more } });
    const seen = await asUserOfNetwork<readonly Failed[]>(
      `
      const failure = (options) => attempt(() => host.run(["true"], options));
      const all = [
        await failure({ nics: ${nics({ program: "/nowhere/pasta" })} }),
        await failure({ nics: ${nics({ args: ["--no-such-option"] })} }),
        await failure({ nics: ${nics({ addresses: ["10.7.0.2/24", "10.8.0.2/24"] })} }),
        await failure({ nics: ${nics({})}, ports: [{ containerPort: 80, protocol: "sctp" }] }),
        await failure({ nics: ${nics({})} }),
      ];
      return [...all, carriers()];`,
      "chmod 600 /dev/net/tun",
    );
    const [missing, option, addresses, sctp, tun, left] = seen;
    expect(missing).toMatchObject({ code: "ERR_CT_NOT_SUPPORTED", member: "nics.eth0" });
    expect(missing?.hint).toMatch(/install the package passt/);
    expect(option?.message).toMatch(/^\/usr\/bin\/pasta failed: .*no-such-option/);
    expect(addresses).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "nics.eth0.addresses" });
    expect(sctp).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "ports[0].protocol" });
    expect(tun?.message).toMatch(/tun.*chmod 0666 \/dev\/net\/tun/);
    expect(left).toBe(0);
  });
});
