import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { inNetwork } from "../support/network.ts";
import { type Failed, playground, remove } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";

auditEachTest();

const PLUGINS = "/usr/lib/cni";
const available =
  requires("CNI's bridge", existsSync(`${PLUGINS}/bridge`), "its plugins make interfaces") &&
  requires("iptables", installed("iptables"), "the plugins portmap and firewall use it") &&
  requires("ip", installed("ip"), "it looks at what the plugins have made");

let dir: string;
beforeEach(() => {
  dir = playground();
});
afterEach(() => remove(dir));

/** A plugin as a script; it has its input in `$input`. */
const plugin = (name: string, script: string) => {
  writeFileSync(`${dir}/${name}`, `#!/bin/sh\ninput=$(cat)\n${script}\n`);
  chmodSync(`${dir}/${name}`, 0o755);
};

const ipam = (subnet = "10.88.0.0/24") => ({
  type: "host-local",
  dataDir: `${dir}/leases`,
  ranges: [[{ subnet }]],
  routes: [{ dst: "0.0.0.0/0" }],
});
const bridge = () => ({ type: "bridge", bridge: "cni0", isGateway: true, ipMasq: true, ipam: ipam() });
const list = (plugins: readonly object[], cniVersion = "1.0.0") => ({ cniVersion, name: "testnet", plugins });
const nic = (network: unknown, more: object = {}) =>
  JSON.stringify({ type: "cni", network, pluginDirs: [PLUGINS, dir], ...more });

/** Of host-local: files with the names of addresses. */
const LEASES = `(() => { try { return require("node:fs").readdirSync("%/testnet").filter((name) => /^[0-9.]+$/.test(name)); } catch { return []; } })()`;
const leases = () => LEASES.replace("%", `${dir}/leases`);
/** What the plugins have left of a container in the tables of iptables and among the interfaces. */
const LEFT = `({ leases: %, links: ipJson("link show").map(({ ifname }) => ifname), chains: (text("iptables-save", []).match(/^:CNI-(DN-|[0-9a-f]{24}).*/gm) ?? []).length,
  notes: require("node:fs").readdirSync("/run/libct/cni") })`;
const left = () => LEFT.replace("%", leases());
const CLEAN = { leases: [], chains: 0, notes: [] };
const NEEDS = `const require = (await import("node:module")).createRequire("/");`;

interface Left {
  readonly leases: readonly string[];
  readonly links: readonly string[];
  readonly chains: number;
}

describe.runIf(available)("an interface that CNI plugins make", () => {
  it("is in the container with its address and route, leads outside, and leaves nothing behind", async () => {
    const network = list([
      bridge(),
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "firewall" },
      { type: "tuning", mtu: 1400, capabilities: { mac: true } },
    ]);
    const capabilities = {
      portMappings: [{ hostPort: 8088, containerPort: 80, protocol: "tcp" }],
      mac: "02:00:00:00:00:77",
    };
    const seen = await inNetwork<{
      readonly address: string;
      readonly route: unknown;
      readonly link: unknown;
      readonly answer: string;
      readonly during: Left;
      readonly after: Left;
    }>(
      // A second host beside this one.
      "ip link add up0 type veth peer name far0; ip addr add 192.0.2.1/24 dev up0; ip link set up0 up",
      `${NEEDS}
       const { spawn } = await import("node:child_process");
       const far = spawn("unshare", ["--net", "sleep", "1000"]);
       const { readlinkSync } = await import("node:fs");
       const own = readlinkSync("/proc/self/ns/net");
       while (readlinkSync("/proc/" + far.pid + "/ns/net") === own) await new Promise((next) => setTimeout(next, 5));
       ip("link set far0 netns " + far.pid);
       inside(far.pid, "ip addr add 192.0.2.2/24 dev far0; ip link set far0 up");
       try {
         const seen = await lookInto({ nics: { eth0: ${nic(network, { capabilities })} } });
         const eth0 = seen.links.find(({ ifname }) => ifname === "eth0");
         const server = spawn("nsenter", ["-t", String(seen.pid), "-n", "/bin/busybox", "nc", "-ll", "-p", "80", "-e", "/bin/echo", "served"]);
         let answer = "";
         while (answer === "") answer = inside(far.pid, "/bin/busybox nc 192.0.2.1 8088 < /dev/null || true");
         server.kill("SIGKILL");
         const during = ${left()};
         await seen.end();
         return {
           address: eth0.addr_info[0].local, link: { mtu: eth0.mtu, mac: eth0.address }, answer, during,
           route: seen.routes.find(({ dst }) => dst === "default"), after: ${left()},
         };
       } finally { far.kill("SIGKILL"); }`,
    );
    expect(seen.address).toMatch(/^10\.88\.0\.\d+$/);
    expect(seen.route).toMatchObject({ gateway: "10.88.0.1", dev: "eth0" });
    expect(seen.link).toEqual({ mtu: 1400, mac: "02:00:00:00:00:77" });
    expect(seen.answer).toBe("served\n");
    expect(seen.during).toMatchObject({ leases: [seen.address], chains: 2 });
    expect(seen.after).toMatchObject(CLEAN);
    expect(seen.after.links.filter((name) => name.startsWith("veth"))).toEqual([]);
  });

  it("gets the container's published ports as the plugin's portMappings", async () => {
    const network = list([bridge(), { type: "portmap", capabilities: { portMappings: true }, snat: true }]);
    const ports = JSON.stringify([{ hostPort: 8090, containerPort: 80, range: 2 }]);
    const seen = await inNetwork<{ readonly rules: readonly string[]; readonly after: Left }>(
      "ip link set lo up",
      `${NEEDS}
       const seen = await lookInto({ ports: ${ports}, nics: { eth0: ${nic(network)} } });
       const rules = text("iptables-save", []).split("\\n").filter((line) => line.includes("--to-destination")).map((line) => line.match(/dport (\\d+).*:(\\d+)$/).slice(1).join(" "));
       await seen.end();
       return { rules, after: ${left()} };`,
    );
    expect([...seen.rules].sort()).toEqual(["8090 80", "8091 81"]);
    expect(seen.after).toMatchObject(CLEAN);
  });

  it.each([
    ["ptp", "0.4.0"],
    ["macvlan", "0.3.1"],
  ])("may be of the plugin %s, with version %s", async (type, version) => {
    const network = list([{ type, master: "up0", ipMasq: type === "ptp", ipam: ipam() }, { type: "tuning" }], version);
    const seen = await inNetwork<{ readonly address: string; readonly during: Left; readonly after: Left }>(
      "ip link add up0 type veth peer name far0; ip link set up0 up",
      `${NEEDS}
       const seen = await lookInto({ nics: { net1: ${nic(network)} } });
       const during = ${left()};
       await seen.end();
       return { address: seen.links.find(({ ifname }) => ifname === "net1").addr_info[0].local, during, after: ${left()} };`,
    );
    expect(seen.during.leases).toEqual([seen.address]);
    expect(seen.after).toMatchObject(CLEAN);
  });

  it("has its bandwidth limited by the plugin for that", async () => {
    const network = list([bridge(), { type: "bandwidth", capabilities: { bandwidth: true } }]);
    const rate = { ingressRate: 8_000_000, ingressBurst: 800_000, egressRate: 8_000_000, egressBurst: 800_000 };
    const seen = await inNetwork<{ readonly disciplines: readonly string[]; readonly after: Left }>(
      "",
      `${NEEDS}
       const seen = await lookInto({ nics: { eth0: ${nic(network, { capabilities: { bandwidth: rate } })} } });
       const disciplines = JSON.parse(text("tc", ["-j", "qdisc", "show"])).map(({ kind, dev }) => kind + " " + dev.slice(0, 4));
       await seen.end();
       return { disciplines, after: ${left()} };`,
    ).catch((error: unknown) => error as Failed);
    // Where the kernel has no action "mirred", the plugin cannot do it, and says so.
    if ("failed" in seen) expect(seen).toMatchObject({ code: "ERR_CT_CNI", member: "nics.eth0" });
    else expect(seen.disciplines).toContain("tbf veth");
  });

  it("is found by the network's name in a directory, and a container may be in two networks", async () => {
    writeFileSync(`${dir}/10-testnet.conflist`, JSON.stringify(list([bridge()])));
    const other = { ...list([{ ...bridge(), bridge: "cni1", ipam: ipam("10.89.0.0/24") }]), name: "other" };
    const named = nic("testnet", { confDirs: [dir], args: { IgnoreUnknown: "1" } });
    const seen = await inNetwork<{
      readonly addresses: readonly string[];
      readonly during: Left;
      readonly after: Left;
    }>(
      "",
      `${NEEDS}
       const seen = await lookInto({ nics: { eth0: ${named}, eth1: ${nic(other)} } });
       const during = ${left()};
       await seen.end();
       const addresses = ["eth0", "eth1"].map((name) => seen.links.find(({ ifname }) => ifname === name).addr_info[0].local);
       return { addresses, during, after: ${left()} };`,
    );
    expect(seen.addresses[0]).toMatch(/^10\.88\./);
    expect(seen.addresses[1]).toMatch(/^10\.89\./);
    expect(seen.during.leases).toEqual([seen.addresses[0]]);
    expect(seen.after).toMatchObject(CLEAN);
  });

  it("can be checked: its plugins see what is missing", async () => {
    const seen = await inNetwork<{
      readonly well: unknown;
      readonly failed: Failed;
      readonly none: Failed;
      readonly after: Left;
    }>(
      "",
      `${NEEDS}
       const seen = await lookInto({ nics: { eth0: ${nic(list([{ ...bridge(), ipMasq: false }, { type: "firewall" }], "0.4.0"))} } });
       const well = await attempt(() => seen.container.nics.check("eth0"));
       inside(seen.pid, "ip addr flush dev eth0");
       const failed = await attempt(() => seen.container.nics.check("eth0"));
       const none = await attempt(() => seen.container.nics.check("eth1"));
       await seen.end();
       return { well, failed, none, after: ${left()} };`,
    );
    expect(seen.well).toBeUndefined();
    expect(seen.failed).toMatchObject({ code: "ERR_CT_CNI", member: "nics.eth0" });
    expect(seen.failed.message).toMatch(/^the CNI plugin bridge of network testnet failed: .* at CHECK/);
    expect(seen.none).toMatchObject({ code: "ERR_CT_STATE", member: "nics.eth1" });
    expect(seen.after).toMatchObject(CLEAN);
  });

  it("is undone when a later plugin fails, with the words of that one", async () => {
    plugin(
      "picky",
      `[ "$CNI_COMMAND" = DEL ] && exit 0; echo '{"code":100,"msg":"no room","details":"on the moon"}'; exit 1`,
    );
    const seen = await inNetwork<{ readonly failed: Failed; readonly after: Left }>(
      "",
      `${NEEDS}
       const failed = await attempt(() => lookInto({ nics: { eth0: ${nic(list([bridge(), { type: "picky" }]))} } }));
       return { failed, after: ${left()} };`,
    );
    expect(seen.failed).toMatchObject({ code: "ERR_CT_CNI", member: "nics.eth0" });
    expect(seen.failed.message).toBe(
      "the CNI plugin picky of network testnet failed: no room: on the moon (code 100) at ADD (nics.eth0)",
    );
    expect(seen.after).toMatchObject(CLEAN);
  });

  it("does not keep a plugin that never ends waiting for ever", async () => {
    plugin("slow", `[ "$CNI_COMMAND" = DEL ] && exit 0; exec sleep 1000`);
    const failed = await inNetwork<Failed>(
      "",
      `return await attempt(() => lookInto({ nics: { eth0: ${nic(list([{ type: "slow" }]), { timeout: 1 })} } }));`,
    );
    expect(failed.code).toBe("ERR_CT_CNI");
    expect(failed.message).toContain("the CNI plugin slow of network testnet took too long and was killed at ADD");
  });

  it("whose plugin fails at the end is undone later by a repair", async () => {
    plugin(
      "stuck",
      `[ "$CNI_COMMAND" = ADD ] && { echo '{"ips":[]}'; exit 0; }; [ -e ${dir}/mended ] || { echo '{"code":11,"msg":"try again later"}'; exit 1; }`,
    );
    const seen = await inNetwork<{
      readonly failed: Failed;
      readonly during: Left & { readonly notes: readonly string[] };
      readonly repaired: readonly { readonly what: string }[];
      readonly after: Left;
    }>(
      "",
      `${NEEDS}
       const seen = await lookInto({ nics: { eth0: ${nic(list([bridge(), { type: "stuck" }]))} } });
       const waits = seen.container.wait();
       seen.container.kill().catch(() => undefined);
       const failed = await attempt(() => waits);
       const during = ${left()};
       require("node:fs").writeFileSync("${dir}/mended", "");
       const repaired = await host.repair();
       return { failed, during, repaired, after: ${left()} };`,
    );
    expect(seen.failed.message).toContain("DEL of the CNI plugin stuck of network testnet failed: see /run/libct/cni/");
    expect(seen.during.leases).toHaveLength(1);
    expect(seen.during.notes).not.toEqual([]);
    expect(seen.repaired).toMatchObject([{ what: "network" }]);
    expect(seen.after).toMatchObject(CLEAN);
  });

  it.each([
    ["a network that is not there", { network: "nowhere" }, "there is no CNI network named nowhere"],
    ["a plugin that is not there", { network: list([{ type: "warp" }]) }, "there is no CNI plugin warp"],
    [
      "a capability that nobody has",
      { network: list([bridge()]), capabilities: { mac: "02:00:00:00:00:01" } },
      "a capability",
    ],
    ["an argument that would be two", { network: list([bridge()]), args: { A: "1;B=2" } }, 'without ";"'],
    ["a name that leads elsewhere", { network: list([{ type: "../sh" }]) }, "the name of a plugin"],
  ])("is refused with %s, and nothing is made", async (_, given, words) => {
    const seen = await inNetwork<{ readonly failed: Failed; readonly after: Left }>(
      "",
      `${NEEDS}
       require("node:fs").mkdirSync("/run/libct/cni", { recursive: true });
       const failed = await attempt(() => lookInto({ nics: { eth0: ${nic("", given)} } }));
       return { failed, after: ${left()} };`,
    );
    expect(seen.failed.code).toBe("ERR_CT_INVALID_SPEC");
    expect(seen.failed.message).toContain(words);
    expect(seen.failed.member).toMatch(/^nics\.eth0/);
    expect(seen.after).toMatchObject(CLEAN);
  });
});

describe.runIf(available)("an interface that CNI plugins have made for somebody who was killed", () => {
  /** An application in the same network that starts a container and tells the pids of its init and its monitor. */
  const application = (network: unknown) => `
    const { spawn } = await import("node:child_process");
    const script = \`
      const libct = await import("${process.cwd()}/src/index.ts");
      const host = await libct.Host.open();
      const container = await host.create({ ...libct.standard({ userNamespace: false }), root: "\${root}", nics: { eth0: ${nic(network)} } });
      const { pid } = await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
      const { readFileSync } = await import("node:fs");
      const monitor = readFileSync("/proc/" + pid + "/stat", "utf8").split(" ")[3];
      console.log(JSON.stringify({ pid, monitor: Number(monitor) }));
      await new Promise((resolve) => setTimeout(resolve, 1000000));
    \`;
    const application = spawn("${process.cwd()}/node_modules/.bin/bun", ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const { pid, monitor } = JSON.parse(await new Promise((next) => application.stdout.once("data", (data) => next(String(data)))));
    const gone = async (one) => { while (require("node:fs").existsSync("/proc/" + one)) await new Promise((next) => setTimeout(next, 5)); };
  `;

  it("goes with the application", async () => {
    const seen = await inNetwork<{ readonly during: Left; readonly after: Left }>(
      "",
      `${NEEDS} ${application(list([bridge(), { type: "portmap" }]))}
       const during = ${left()};
       application.kill("SIGKILL");
       await gone(monitor);
       return { during, after: ${left()} };`,
    );
    expect(seen.during.leases).toHaveLength(1);
    expect(seen.after).toMatchObject(CLEAN);
  });

  it("is removed by the application when its monitor was killed, and by a repair when both were", async () => {
    const seen = await inNetwork<{
      readonly during: Left;
      readonly repaired: readonly unknown[];
      readonly after: Left;
    }>(
      "",
      `${NEEDS} ${application(list([bridge(), { type: "portmap" }]))}
       application.kill("SIGSTOP");
       process.kill(monitor, "SIGKILL");
       application.kill("SIGKILL");
       await gone(pid);
       const during = ${left()};
       const repaired = await host.repair();
       return { during, repaired, after: ${left()} };`,
    );
    expect(seen.during.leases).toHaveLength(1);
    expect(seen.repaired).toMatchObject([{ what: "network" }]);
    expect(seen.after).toMatchObject(CLEAN);
  });

  it("is removed by the application that goes on", async () => {
    const seen = await inNetwork<{ readonly failed: Failed; readonly after: Left }>(
      "",
      `${NEEDS}
       const seen = await lookInto({ nics: { eth0: ${nic(list([bridge()]))} } });
       const monitor = Number(require("node:fs").readFileSync("/proc/" + seen.pid + "/stat", "utf8").split(" ")[3]);
       const waits = attempt(() => seen.container.wait());
       process.kill(monitor, "SIGKILL");
       return { failed: await waits, after: ${left()} };`,
    );
    expect(seen.failed).toMatchObject({ code: "ERR_CT_EXECUTOR" });
    expect(seen.after).toMatchObject(CLEAN);
  });
});

it.runIf(available)("leaves the directory for attachments empty", () => {
  expect(readdirSync("/run/libct/cni")).toEqual([]);
});
