import { describe, expect, it } from "vitest";
import { isUserMode, userModeNic } from "../../src/cli/user-mode-nic.ts";
import { belowHolder } from "../../src/host/net-holder.ts";
import { netProcessFailure } from "../../src/host/net-process-failure.ts";
import { addRule } from "../../src/linux/index.ts";
import { planPasta } from "../../src/net/user-mode/pasta.ts";
import { type UserModePort, userModePorts } from "../../src/net/user-mode/ports.ts";
import { planPublished } from "../../src/net/user-mode/publish.ts";
import { withUserModeResolver } from "../../src/net/user-mode/resolver.ts";
import { planSlirp4netns } from "../../src/net/user-mode/slirp4netns.ts";
import type { NetStep, PastaNic, Slirp4netnsNic } from "../../src/spec/index.ts";

const words = (steps: readonly NetStep[]) =>
  steps.flatMap((step) =>
    step.do === "process" ? step.args.map((word) => (typeof word === "string" ? word : "*")) : [],
  );
const port = (more: Partial<UserModePort>): UserModePort => ({
  ...{ hostIP: undefined, hostPort: 8080, containerPort: 80, protocol: "tcp", range: 1 },
  ...more,
});
const pasta = (nic: Partial<PastaNic>, ports: readonly UserModePort[] = [], root = false) =>
  words(planPasta({ type: "pasta", ...nic }, { name: "eth0", program: "/usr/bin/pasta", root, ports }).setUp).join(" ");
const slirp = (nic: Partial<Slirp4netnsNic>, ports: readonly UserModePort[] = []) =>
  planSlirp4netns({ type: "slirp4netns", ...nic }, { name: "eth0", program: "/usr/bin/s", socket: "/run/s", ports });

describe("the command line of pasta", () => {
  it("shares nothing that was not asked for", () => {
    expect(pasta({})).toBe(
      "/usr/bin/pasta --config-net --ns-ifname eth0 --no-map-gw --dns-forward 169.254.1.1 --tcp-ports none --udp-ports none " +
        "--tcp-ns none --udp-ns none --no-netns-quit --netns-only --netns *",
    );
  });

  it("has what the interface has, and ports with their ranges and addresses", () => {
    const line = pasta(
      { mac: "02:00:00:00:00:01", mtu: 1400, device: "wlan0", hostLoopback: true, args: ["--debug"] },
      [
        port({}),
        port({ hostIP: "127.0.0.1", hostPort: 9000, containerPort: 90, range: 10 }),
        port({ protocol: "udp", hostPort: 53, containerPort: 53 }),
      ],
    );
    expect(line).toContain("--interface wlan0 --ns-mac-addr 02:00:00:00:00:01 --mtu 1400");
    expect(line).toContain("--tcp-ports 8080:80 --tcp-ports 127.0.0.1/9000-9009:90-99 --udp-ports 53:53");
    expect(line).toContain("--debug");
    expect(line).not.toContain("--no-map-gw");
    expect(pasta({}, [], true)).toContain("--runas 0:0");
  });

  it("has a gateway in the network of an address of one's own, and refuses a second one that would be silent", () => {
    expect(pasta({ addresses: ["10.7.0.2/24"] })).toContain("--address 10.7.0.2 --netmask 24 --gateway 10.7.0.1");
    expect(pasta({ addresses: ["10.7.0.1/24"] })).toContain("--gateway 10.7.0.2");
    const routes = [{ to: "default", via: "10.7.0.9" }];
    expect(pasta({ addresses: ["10.7.0.2/24", "fd00::2/64"], routes })).toContain(
      "--address 10.7.0.2 --netmask 24 --address fd00::2 --gateway 10.7.0.9",
    );
    expect(() => pasta({ addresses: ["10.7.0.2/24", "10.8.0.2/24"] })).toThrow(/one IPv4 and one IPv6 address/);
  });
});

describe("the command line of slirp4netns", () => {
  it("closes the host's loopback, and asks for each port of a range by its socket", () => {
    const { setUp } = slirp({}, [port({ hostIP: "127.0.0.1", range: 2 }), port({ protocol: "udp" })]);
    expect(words(setUp).join(" ")).toBe(
      "/usr/bin/s --configure --mtu 65520 --cidr 10.0.2.0/24 --disable-host-loopback --api-socket /run/s --ready-fd * --netns-type=path * eth0",
    );
    const asked = setUp.flatMap((step) =>
      step.do === "send" ? [{ ...JSON.parse(step.request).arguments, last: step.last }] : [],
    );
    expect(asked).toEqual([
      { proto: "tcp", host_addr: "127.0.0.1", host_port: 8080, guest_addr: "10.0.2.100", guest_port: 80, last: false },
      { proto: "tcp", host_addr: "127.0.0.1", host_port: 8081, guest_addr: "10.0.2.100", guest_port: 81, last: false },
      { proto: "udp", host_addr: "0.0.0.0", host_port: 8080, guest_addr: "10.0.2.100", guest_port: 80, last: true },
    ]);
  });

  it("has its network as a whole", () => {
    expect(words(slirp({ network: "10.9.0.128/25" }).setUp)).toContain("10.9.0.128/25");
    expect(() => slirp({ network: "10.9.0.0/28" })).toThrow(/at least 128 addresses/);
    expect(() => slirp({ addresses: ["10.9.0.2/24"] })).toThrow(/slirp4netns chooses it/);
  });
});

describe("published ports of ordinary users", () => {
  it("are whole: a free port where none was said, and no SCTP", async () => {
    const [chosen] = await userModePorts([{ containerPort: 80 }]);
    expect(chosen).toMatchObject({ containerPort: 80, protocol: "tcp", range: 1 });
    expect(chosen?.hostPort).toBeGreaterThan(0);
    await expect(userModePorts([{ containerPort: 80, protocol: "sctp" }])).rejects.toThrow(/tcp or udp/);
    await expect(userModePorts([{ containerPort: 80, range: 3 }])).rejects.toMatchObject({
      member: "ports[0].hostPort",
    });
  });
});

describe("ports that a pasta publishes on networks of one's own", () => {
  const published = (ports: readonly UserModePort[], number = 0) => planPublished("/usr/bin/pasta", ports, number);
  const line = (ports: readonly UserModePort[], number = 0) => words(published(ports, number).setUp).join(" ");

  it("are of IPv4 unless their address is another one", () => {
    expect(line([port({})])).toContain("--ipv4-only --ns-ifname ports0 --address 169.254.2.2 --gateway 169.254.2.1");
    const six = line([port({ hostIP: "::1" })], 3);
    expect(six).toContain(
      "--ipv6-only --ns-ifname ports3 --address fd63:7400:3::2 --gateway fd63:7400:3::1 --no-map-gw",
    );
    expect(six).toContain("--tcp-ports ::1/8080:80");
    const both = line([port({}), port({ hostIP: "::" })]);
    expect(both).not.toMatch(/ipv[46]-only/);
    expect(both).toContain("--tcp-ports 0.0.0.0/8080:80 --tcp-ports ::/8080:80");
  });

  it("have rules that are taken away again, and are said once", () => {
    const { tearDown } = published([port({}), port({ protocol: "udp" })], 1);
    expect(tearDown).toHaveLength(2);
    expect(() => published([port({ range: 3 }), port({ hostPort: 8082 })])).toThrow(/only once/);
  });
});

describe("names of ordinary users' containers", () => {
  it("are asked of the program that carries the traffic, unless there is something else", () => {
    const servers = (nic: object, holder?: "pasta" | "slirp4netns", dns = {}) =>
      withUserModeResolver({ nics: { eth0: nic as PastaNic }, dns }, holder).dns?.servers;
    expect(servers({ type: "pasta" })).toEqual(["169.254.1.1"]);
    expect(servers({ type: "slirp4netns", network: "10.9.0.0/24" })).toEqual(["10.9.0.3"]);
    expect(servers({ type: "network", network: "web" }, "slirp4netns")).toEqual(["10.0.2.3"]);
    expect(servers({ type: "network", network: "web" })).toBeUndefined();
    expect(servers({ type: "pasta" }, undefined, { servers: ["1.1.1.1"] })).toEqual(["1.1.1.1"]);
  });
});

describe("ids of a container below a holder", () => {
  const map = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });
  const both = (...uid: ReturnType<typeof map>[]) =>
    ({ uid, gid: uid, writer: "monitor", denySetgroups: false }) as const;
  const holder = both(map(0, 1000, 1), map(1, 100000, 65535));

  it("are the same ids of the host", () => {
    expect(belowHolder(holder, holder).uid).toEqual([map(0, 0, 1), map(1, 1, 65535)]);
    expect(belowHolder(both(map(5, 100009, 10)), holder).uid).toEqual([map(5, 10, 10)]);
  });

  it("are refused when the user may not map them", () => {
    expect(() => belowHolder(both(map(0, 0, 1)), holder)).toThrow(/uid 0 is none that this user may map/);
    expect(() => belowHolder(both(map(0, 165534, 2)), holder)).toThrow(/uid 165535/);
  });
});

describe("what a program says that has failed", () => {
  const said = (text: string) =>
    netProcessFailure("/usr/bin/pasta failed", text, {
      member: "nics.eth0",
      syscall: undefined,
      errno: undefined,
      path: undefined,
    }).message;

  it("is told as one line, with why and the way out", () => {
    expect(
      said("Failed to send 51 bytes to syslog\nFailed to bind port 80 (Permission denied) for option '-t 80'\n"),
    ).toMatch(/^\/usr\/bin\/pasta failed: Failed to bind port 80 .*\(nics.eth0\); hint: another program has the port/);
    expect(said("Listen failed for *:80: Address already in use\nCouldn't listen on requested ports\n")).toMatch(
      /failed: Listen failed .* in use: Couldn't listen on requested ports/,
    );
    expect(said('{"error": {"desc": "bad request: add_hostfwd"}}')).toMatch(/failed: bad request: add_hostfwd \(/);
    expect(said("")).toBe("/usr/bin/pasta failed (nics.eth0)");
  });
});

describe("a rule of routing", () => {
  it("has the bytes that ip(8) sends for it", () => {
    const { message } = addRule({ family: 2, priority: 102, table: 7767, protocol: 17, sourcePorts: [53, 54] });
    const hex = Buffer.from(message.subarray(16)).toString("hex");
    // struct fib_rule_hdr; FRA_PRIORITY, FRA_TABLE, FRA_IP_PROTO, FRA_SPORT_RANGE
    expect(hex).toBe(
      "020000000000000100000000" + "0800060066000000" + "08000f00571e0000" + "0500160011000000" + "0800170035003600",
    );
  });
});

describe("words of --network", () => {
  it("name the two programs, with their options", () => {
    const nic = (name: string, ...options: [string, string][]) => userModeNic(name, { name, options });
    expect(nic("pasta", ["mtu", "1400"], ["host-loopback", ""])).toEqual({
      type: "pasta",
      mtu: 1400,
      hostLoopback: true,
    });
    expect(nic("slirp4netns", ["cidr", "10.9.0.0/24"])).toEqual({ type: "slirp4netns", network: "10.9.0.0/24" });
    expect(() => nic("pasta", ["cidr", "10.9.0.0/24"])).toThrow(/options of mac, mtu, host-loopback, device, ip/);
    expect(["pasta", "slirp4netns", "web", "default"].map(isUserMode)).toEqual([true, true, false, false]);
  });
});
