import { describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { asUserOfNetwork, OTHER, OWN } from "../support/user-network.ts";

auditEachTest();

describe.each(["pasta", "slirp4netns"])("%s", (type) => {
  it("gives an ordinary user's container the host's network", async () => {
    const seen = await asUserOfNetwork(`
      const { stdout } = await host.run(["sh", "-c", "ip -j addr; curl -s -m 5 http://${OTHER}/; ip route"], { nics: { eth0: { type: "${type}" } } });
      return { stdout, carriers: await until("0", carriers) };
    `);
    console.log(seen);
  });
  it("publishes", async () => {
    const seen = await asUserOfNetwork(`
      const container = await host.create({ ...libct.standard({ userNamespace: true }), root: libct.hostRoot(), nics: { eth0: { type: "${type}" } }, ports: [{ hostPort: 8080, containerPort: 80 }] });
      const p = await container.start(["sh", "-c", "mkdir -p /tmp/w; echo inside > /tmp/w/index.html; exec busybox httpd -f -p 80 -h /tmp/w"]);
      const result = { carriers: carriers(), local: await until("inside", () => here("curl -s -m 2 http://127.0.0.1:8080/")), own: here("curl -s -m 2 http://${OWN}:8080/"), there: await there("curl -s -m 2 http://${OWN}:8080/") };
      const other = await attempt(() => host.run(["true"], { nics: { eth0: { type: "${type}" } }, ports: [{ hostPort: 8080, containerPort: 80 }] }));
      await container[Symbol.asyncDispose]();
      return { ...result, other, carriers2: await until("0", carriers) };
    `);
    console.log(seen);
  });
});
