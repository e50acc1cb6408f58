import { describe, expect, it } from "vitest";
import { hasInetTables, hasPidfds } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";
import { asUserOfNetwork, OTHER, OWN, START } from "../support/user-network.ts";

auditEachTest();
const equipped = hasInetTables() && hasPidfds();

/** What of it is in files. */
const FILES = `
  const RUNTIME = "/run/user/12345/libct";
  const files = (directory) => { try { return readdirSync(RUNTIME + "/" + directory).length; } catch { return 0; } };
  const holders = () => readdirSync(RUNTIME + "/holder").filter((name) => name !== "lock").length;
`;

describe.runIf(equipped)("a running container of an ordinary user", () => {
  it("joins another of his networks, where others find it, and leaves it", async () => {
    const seen = await asUserOfNetwork<Record<string, unknown>>(`${START}${FILES}
      for (const name of ["web", "db"]) await host.networks.create({ name });
      const [one, two] = [await start("one"), await start("two", { nics: { eth0: { type: "network", network: "db" } } })];
      const members = async () => (await host.networks.inspect("db")).containers.map(({ names }) => names.join(" ")).sort();
      const address = async (container) => (await container.info()).networks.interfaces[0].addresses[0].split("/")[0];
      await one.nics.attach("eth1", { type: "network", network: "db", aliases: ["front"], bandwidth: { ingress: "100mbit" } });
      const result = {
        byName: (await until("one for", async () => (await inside(two, "curl -s -m 1 http://front/")).slice(0, 7))),
        outside: await inside(one, "curl -s -m 2 http://${OTHER}/"),
        listed: (await one.info()).networks.interfaces.map(({ name, network }) => name + " " + network),
        members: await members(),
        refused: [
          await attempt(() => one.nics.attach("eth1", { type: "network", network: "db" })),
          await attempt(() => one.nics.attach("eth2", { type: "network", network: "nowhere" })),
          await attempt(async () => one.nics.attach("eth2", { type: "network", network: "db", address: await address(two) })),
          await attempt(() => one.nics.attach("eth2", { type: "pasta" })),
        ].map(({ message }) => message),
      };
      await one.nics.set("eth1", { mtu: 1400, bandwidth: { ingress: "10mbit", egress: "10mbit" } });
      const mtu = await inside(one, "cat /sys/class/net/eth1/mtu");
      await one.nics.detach("eth1");
      const left = { members: await members(), names: (await one.nics.list()).map(({ name }) => name), files: files("nics"), lost: await inside(two, "curl -s -m 1 http://front/ || echo lost") };
      await one.nics.detach("eth0");
      const bare = { names: (await host.networks.inspect("web")).containers.map(({ names }) => names), links: (await one.nics.list()).map(({ name }) => name) };
      await one.nics.attach("eth0", { type: "network", network: "web" });
      const back = await inside(one, "curl -s -m 2 http://${OTHER}/");
      for (const container of [one, two]) await container[Symbol.asyncDispose]();
      return { ...result, mtu, left, bare, back, after: { files: await until(0, () => files("nics")), holders: await until(0, holders) } };
    `);
    expect(seen).toEqual({
      byName: "one for",
      outside: "the other host",
      listed: ["eth0 web", "eth1 db"],
      members: ["one front", "two"],
      refused: [
        expect.stringMatching(/interface eth1 already/),
        expect.stringMatching(/no network named nowhere/),
        expect.stringMatching(/is in use by another/),
        expect.stringMatching(/cannot be added to a running container/),
      ],
      mtu: "1400",
      left: { members: ["two"], names: ["lo", "eth0"], files: 0, lost: "lost" },
      bare: { names: [[]], links: ["lo"] },
      back: "the other host",
      after: { files: 0, holders: 0 },
    });
  });

  it("has ports published and taken away, by IPv4 and IPv6, which nobody is left to listen at when it has ended", async () => {
    const seen = await asUserOfNetwork<Record<string, unknown>>(`${START}${FILES}
      await host.networks.create({ name: "web" });
      const one = await start("one", { ports: [{ hostPort: 8000, containerPort: 80 }] });
      const two = await start("two");
      const get = (port) => there("curl -s -m 1 http://${OWN}:" + port + "/ || echo closed");
      const datagram = "exec 3<>/dev/udp/${OWN}/5353; printf it >&3; timeout 1 head -c 6 <&3";
      const published = await one.nics.publish({ hostPort: 8080, containerPort: 80 });
      const chosen = await one.nics.publish({ containerPort: 80 });
      await one.nics.publish({ hostPort: 5353, containerPort: 53, protocol: "udp" });
      await one.nics.publish({ hostPort: 8081, containerPort: 80, hostIP: "::" });
      await one.nics.publish({ hostPort: 8082, containerPort: 80, hostIP: "::1" });
      const result = {
        published,
        reached: [await until("one for ${OTHER}", () => get(8080)), await get(chosen.hostPort), await get(8000)],
        udp: await until("got it", () => there("bash -c '" + datagram + "'")),
        six: [await there("curl -s -m 1 'http://[2001:db8::2]:8081/' || echo closed"), here("curl -s -m 1 'http://[::1]:8082/'"), await there("curl -s -m 1 'http://[2001:db8::2]:8082/' || echo closed"), await get(8081)],
        outside: await inside(one, "curl -s -m 2 http://${OTHER}/"),
        links: (await one.nics.list()).length,
        told: (await one.info()).networks.ports.length,
        carriers: carriers(),
        refused: [
          await attempt(() => two.nics.publish({ hostPort: 8080, containerPort: 80 })),
          await attempt(() => one.nics.unpublish({ hostPort: 8000 })),
          await attempt(() => one.nics.unpublish({ hostPort: 81 })),
          await attempt(() => one.nics.publish({ hostPort: 8085, containerPort: 80, protocol: "sctp" })),
        ].map(({ message }) => message),
      };
      const kept = carriers();
      await one.nics.unpublish({ hostPort: 8080 });
      const closed = await get(8080);
      await two.nics.publish({ hostPort: 8080, containerPort: 80 });
      const moved = await until("two for ${OTHER}", () => get(8080));
      await one.nics.unpublish({ hostPort: 5353, protocol: "udp" });
      const rules = await inside(one, "ip rule | grep -c sport || true");
      await one.nics.detach("eth0");
      const detached = { reached: await get(8000), links: (await one.nics.list()).map(({ name }) => name), carriers: await until(2, carriers) };
      for (const container of [one, two]) await container[Symbol.asyncDispose]();
      return { ...result, kept, closed, moved, rules, detached, after: { carriers: await until(0, carriers), files: await until(0, () => files("networks/web/published")) } };
    `);
    expect(seen).toEqual({
      published: { hostPort: 8080, containerPort: 80 },
      reached: [`one for ${OTHER}`, `one for ${OTHER}`, `one for ${OTHER}`],
      udp: "got it",
      six: ["one for 2001:db8::1", expect.stringMatching(/^one for/), "closed", "closed"],
      outside: "the other host",
      links: 8,
      told: 6,
      // One connects the networks.
      carriers: 7,
      refused: [
        expect.stringMatching(/8080.*\(ports\); hint: another program has the port/),
        expect.stringMatching(/from its start/),
        expect.stringMatching(/has not published the port 81/),
        expect.stringMatching(/tcp or udp/),
      ],
      kept: 7,
      closed: "closed",
      moved: `two for ${OTHER}`,
      rules: "0",
      // What leads to the other one's port, and what connects the networks.
      detached: { reached: "closed", links: ["lo"], carriers: 2 },
      after: { carriers: 0, files: 0 },
    });
  });

  it("leaves nothing when who keeps it for the container is killed", async () => {
    const seen = await asUserOfNetwork<Record<string, unknown>>(`${START}${FILES}
      await host.networks.create({ name: "web" });
      const one = await start("one");
      const get = () => there("curl -s -m 1 http://${OWN}:8080/ || echo closed");
      const port = { hostPort: 8080, containerPort: 80 };
      const kill = async () => {
        const [name] = readdirSync(RUNTIME + "/networks/web/published");
        process.kill(parseInt(readFileSync(RUNTIME + "/networks/web/published/" + name + "/keeper", "utf8")), "SIGKILL");
        return await until(1, carriers);
      };
      await one.nics.publish(port);
      const killed = [await until("one for ${OTHER}", get), await kill(), await get()];
      await one.nics.publish(port);
      const again = [await until("one for ${OTHER}", get), await kill(), await get()];
      await one.nics.unpublish(port);
      await one.nics.publish(port);
      await kill();
      await one[Symbol.asyncDispose]();
      await host.repair();
      return { killed, again, left: files("networks/web/published"), carriers: await until(0, carriers) };
    `);
    expect(seen).toEqual({
      killed: [`one for ${OTHER}`, 1, "closed"],
      again: [`one for ${OTHER}`, 1, "closed"],
      left: 0,
      carriers: 0,
    });
  });

  it("cannot join a network when it was made without one", async () => {
    const seen = await asUserOfNetwork<Record<string, unknown>>(`${START}${FILES}
      await host.networks.create({ name: "web" });
      const one = await start("one", { nics: { lo: { type: "loopback" } } });
      const refused = await attempt(() => one.nics.attach("eth0", { type: "network", network: "web" }));
      const ports = await attempt(() => one.nics.publish({ containerPort: 80 }));
      await one[Symbol.asyncDispose]();
      return { refused: refused.code, ports: ports.message, carriers: carriers() };
    `);
    expect(seen).toEqual({
      refused: "ERR_CT_NOT_SUPPORTED",
      ports: expect.stringMatching(/in no managed network/),
      carriers: 0,
    });
  });
});
