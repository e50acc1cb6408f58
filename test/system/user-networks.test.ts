import { describe, expect, it } from "vitest";
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

describe("networks of an ordinary user", () => {
  it("connect containers by name, lead to the outside, and publish ports with the clients' addresses", async () => {
    const seen = await asUserOfNetwork(`${START}
      await host.networks.create({ name: "web" });
      const [db, app] = [await start("db"), await start("app", { ports: [{ hostPort: 8080, containerPort: 80 }, { hostPort: 5353, containerPort: 53, protocol: "udp" }] })];
      const third = await start("third");
      const datagram = "exec 3<>/dev/udp/${OWN}/5353; printf it >&3; timeout 1 head -c 6 <&3";
      const address = (await inside(third, "ip -j -4 addr show eth0")).match(/"local":"([0-9.]+)"/)[1];
      const result = {
        byName: (await until(true, async () => (await inside(third, "curl -s -m 2 http://db/")).startsWith("db for " + address))),
        other: await inside(db, "curl -s -m 2 http://${OTHER}/"),
        links: (await inside(db, "ls /sys/class/net")).split("\\n"),
        loopback: await until("app for 127.0.0.1", () => here("curl -s -m 2 http://127.0.0.1:8080/")),
        own: here("curl -s -m 2 http://${OWN}:8080/"),
        there: await there("curl -s -m 2 http://${OWN}:8080/"),
        udp: await until("got it", () => there("bash -c '" + datagram + "'")),
        neighbour: (await inside(db, "curl -s -m 2 http://app/")).startsWith("app for"),
        owner: await inside(db, "stat -c %u /proc/self/root/etc/hostname; cat /proc/self/uid_map | tr -s ' '"),
        carriers: carriers(),
      };
      for (const one of [db, app, third]) await one[Symbol.asyncDispose]();
      return { ...result, left: await until(0, carriers) };
    `);
    console.log(seen);
  });
});
