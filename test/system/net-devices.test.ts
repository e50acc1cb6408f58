import { describe, expect, it } from "vitest";
import { auditEachTest } from "../support/leaks.ts";
import { type Failed, inProcess } from "../support/playground.ts";
import { installed, requires } from "../support/prerequisite.ts";
import { busyboxRoot } from "../support/rootfs.ts";

auditEachTest();
const root = busyboxRoot();

/** A host of one's own, as far as networks are concerned: it goes with the process that looks at it. */
const NETWORK = `
  ip link set lo up
  ip link add veth0 type veth peer name peer0
  ip link set veth0 address 02:00:00:00:00:07 mtu 1400
  ip addr add 10.9.8.7/24 brd + dev veth0
  ip addr add 10.9.9.1/24 dev veth0 noprefixroute
  ip addr add 169.254.3.3/16 scope link dev veth0
  ip addr add 2001:db8::7/64 dev veth0 nodad
  ip addr add 10.1.1.1/24 dev peer0
  ip link set veth0 up
  ip link set peer0 up
`;

/** `run(spec, script)` gives the output of a shell in a container, `ip(words)` that of ip(8) on the host. */
const onHost = <T>(body: string, setUp = NETWORK) =>
  inProcess<T>(
    `const { execFileSync } = await import("node:child_process");
     const ip = (words) => execFileSync("ip", words.split(" "), { encoding: "utf8" });
     const described = (spec) => ({
       ...libct.standard({ userNamespace: false }), root: "${root}", ...spec,
     });
     const run = async (spec, script) => {
       await using container = await host.create(described(spec));
       const process = await container.start(["/bin/sh", "-c", script + " 2>&1"]);
       let text = "";
       for await (const chunk of process.stdout) text += chunk;
       await process.wait();
       return text.trim();
     };
     ${body}`,
    { launcher: ["unshare", "--net", "/bin/sh", "-ec", `${setUp}\nexec "$@"`, "sh"] },
  );

/** Name, addresses and state by ip(8) of busybox, in the container. */
const LOOK = "busybox ip -o addr show; busybox ip -o link show";

describe.runIf(requires("ip", installed("ip"), "it makes the interfaces that move"))("an interface of the host", () => {
  it("moves into the container with its lasting addresses, under another name, and is up", async () => {
    const seen = await onHost<string>(`return await run({ netDevices: { veth0: { name: "eth0" } } }, "${LOOK}");`);
    expect(seen).toMatch(/eth0 +inet 10\.9\.8\.7\/24 brd 10\.9\.8\.255 scope global/);
    expect(seen).toMatch(/eth0 +inet 10\.9\.9\.1\/24 scope global/);
    expect(seen).toMatch(/eth0 +inet6 2001:db8::7\/64 scope global/);
    expect(seen).not.toContain("169.254.3.3");
    expect(seen).toMatch(/eth0.*<BROADCAST,MULTICAST,UP.*mtu 1400 .*02:00:00:00:00:07/);
    expect(seen).not.toContain("veth0");
  });

  it("is gone from the host while the container runs, and can be spoken to from there", async () => {
    const seen = await onHost<{ links: string; answer: string }>(
      `await using container = await host.create(described({ netDevices: { veth0: {} } }));
       await container.start(["/bin/sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
       ip("addr add 10.9.8.1/24 dev peer0");
       const answer = execFileSync("/bin/busybox", ["ping", "-c1", "-W2", "10.9.8.7"], { encoding: "utf8" });
       return { links: ip("-o link show"), answer };`,
    );
    expect(seen.links).not.toContain("veth0:");
    expect(seen.links).toContain("peer0");
    expect(seen.answer).toContain("1 packets received");
  });

  it("gets a free number where its new name is a template", async () => {
    const setUp = `${NETWORK}\nip link add veth1 type veth peer name peer1`;
    const netDevices = { veth0: { name: "net%d" }, veth1: { name: "net%d" } };
    const seen = await onHost<string>(
      `return await run({ netDevices: ${JSON.stringify(netDevices)} }, "${LOOK}");`,
      setUp,
    );
    expect(seen).toMatch(/net0 +inet 10\.9\.8\.7/);
    expect(seen).toMatch(/: net1/);
    expect(seen).not.toContain("landing");
  });

  it("is there when its kernel parameters are set", async () => {
    const spec = { netDevices: { veth0: { name: "eth0" } }, sysctl: { "net.ipv4.conf.eth0.forwarding": "1" } };
    const seen = await onHost<string>(
      `return await run(${JSON.stringify(spec)}, "cat /proc/sys/net/ipv4/conf/eth0/forwarding");`,
    );
    expect(seen).toBe("1");
  });

  it("moves into a container with a user namespace, too", async () => {
    const seen = await onHost<string>(
      `return await run({ ...libct.standard({ userNamespace: true }), root: "${root}", netDevices: { veth0: { name: "eth0" } } }, "${LOOK}");`,
    );
    expect(seen).toMatch(/eth0 +inet 10\.9\.8\.7\/24/);
  });

  it("moves into a namespace that others have made, and stays there", async () => {
    const seen = await onHost<{ inside: string; after: string }>(
      `const { spawn } = await import("node:child_process");
       const other = spawn("unshare", ["--net", "sleep", "1000"]);
       const { readlinkSync } = await import("node:fs");
       const own = readlinkSync("/proc/self/ns/net");
       while (readlinkSync("/proc/" + other.pid + "/ns/net") === own) await new Promise((next) => setTimeout(next, 5));
       const path = "/proc/" + other.pid + "/ns/net";
       const namespaces = libct.standard({ userNamespace: false }).namespaces.map((one) => one === "network" ? { type: one, path } : one);
       const inside = await run({ namespaces, netDevices: { veth0: { name: "eth0" } } }, "${LOOK}");
       const after = execFileSync("nsenter", ["-n", "-t", String(other.pid), "ip", "-o", "addr", "show"], { encoding: "utf8" });
       other.kill("SIGKILL");
       return { inside, after };`,
    );
    expect(seen.inside).toMatch(/eth0 +inet 10\.9\.8\.7\/24/);
    expect(seen.after).toMatch(/eth0 +inet 10\.9\.8\.7\/24/);
  });

  it("stays where it is when the container has one of its name already", async () => {
    const seen = await onHost<{ failed: Failed; links: string }>(
      `const { spawn } = await import("node:child_process");
       const other = spawn("unshare", ["--net", "sh", "-c", "ip link add eth0 type veth peer name other0; echo; exec sleep 1000"]);
       await new Promise((next) => other.stdout.once("data", next));
       const path = "/proc/" + other.pid + "/ns/net";
       const namespaces = libct.standard({ userNamespace: false }).namespaces.map((one) => one === "network" ? { type: one, path } : one);
       const failed = await run({ namespaces, netDevices: { veth0: { name: "eth0" } } }, "true").catch(failedAs);
       other.kill("SIGKILL");
       return { failed, links: ip("-o link show") };
       function failedAs(error) { return { code: error.code, errno: error.errno, message: error.message, member: error.member }; }`,
    );
    expect(seen.failed).toMatchObject({ code: "ERR_CT_SYSCALL", errno: "EEXIST", member: "netDevices.veth0" });
    expect(seen.failed.message).toContain("has an interface eth0 already");
    expect(seen.links).toContain("veth0@");
  });

  it("that is not there is an error before anything is made", async () => {
    const failed = await onHost<Failed>(`return await run({ netDevices: { eth77: {} } }, "true");`);
    expect(failed).toMatchObject({ code: "ERR_CT_INVALID_SPEC", member: "netDevices.eth77" });
  });
});
