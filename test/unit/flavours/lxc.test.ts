import { describe, expect, it } from "vitest";
import type { ImportContext } from "../../../src/flavours/index.ts";
import { importLxc } from "../../../src/flavours/lxc/index.ts";
import { validateSpec } from "../../../src/spec/index.ts";
import { contextWith } from "./context.ts";

const CONFIG = "/var/lib/lxc/web/config";
const ROOT = "lxc.rootfs.path = dir:/srv/web";

const imported = (text: string, files: Readonly<Record<string, string>> = {}, more: Partial<ImportContext> = {}) =>
  importLxc(
    CONFIG,
    contextWith({ [CONFIG]: text.includes("lxc.rootfs") ? text : `${text}\n${ROOT}\n`, ...files }, more),
  );
const spec = (text: string, files = {}, more = {}) => imported(text, files, more).spec;
const notes = (text: string, files = {}) =>
  imported(text, files).notes.map(({ key, value, effect }) => `${key} = ${value}: ${effect}`);
const types = (text: string) => (spec(text).namespaces ?? []).map((one) => (typeof one === "string" ? one : one.type));

describe("a container of LXC", () => {
  it("has an init, namespaces, a /dev and terminals when its configuration is empty", () => {
    const { spec: made, process, notes: said } = imported("");
    expect(made.namespaces).toEqual(["mount", "pid", "network", "ipc", "uts", "cgroup"].map((type) => ({ type })));
    expect(made.mounts?.map(({ destination }) => destination)).toEqual(["/dev", "/dev/pts"]);
    expect(process).toMatchObject({ args: ["/sbin/init"], cwd: "/", user: { uid: 0, gid: 0 }, noNewPrivileges: false });
    expect(process.env).toMatchObject({ container: "lxc" });
    expect(said).toEqual([]);
  });

  it("is a valid specification", () => {
    const text = `lxc.rootfs.path = dir:/srv/web
lxc.uts.name = web
lxc.mount.auto = proc:mixed sys:ro cgroup:rw:force
lxc.cap.drop = sys_module
lxc.cgroup2.memory.max = 100M
lxc.prlimit.nofile = 1024
lxc.sysctl.net.ipv4.ip_forward = 1`;
    expect(() => validateSpec(spec(text))).not.toThrow();
  });

  it("lists every key that is not followed, with where it stands and why", () => {
    const { notes: said } = imported("lxc.log.level = 1\nlxc.made.up = 2\nfoo = 3\n");
    expect(said).toEqual([
      {
        key: "lxc.log.level",
        value: "1",
        where: `${CONFIG}:1`,
        effect: "ignored",
        reason: "it is about LXC's own log",
      },
      {
        key: "lxc.made.up",
        value: "2",
        where: `${CONFIG}:2`,
        effect: "ignored",
        reason: "LXC knows no such key, or libct does not",
      },
      { key: "foo", value: "3", where: `${CONFIG}:3`, effect: "ignored", reason: "it is no key of LXC's" },
    ]);
  });

  it("refuses a line that is no setting, and a file that is not there", () => {
    expect(() => imported("lxc.uts.name web")).toThrow(`${CONFIG}:1: "lxc.uts.name web" is no "key = value"`);
    expect(() => importLxc("/nowhere", contextWith())).toThrow("/nowhere cannot be read");
  });
});

describe("the configuration's files", () => {
  it("are included where it says so, those of a directory in their order", () => {
    const files = {
      "/etc/lxc/a.d/2.conf": "lxc.uts.name = second\n",
      "/etc/lxc/a.d/1.conf": "lxc.uts.name = first\n",
      "/etc/lxc/a.d/README": "nothing\n",
    };
    expect(spec("lxc.include = /etc/lxc/a.d/\n", files).hostname).toBe("second");
    expect(spec("lxc.include = /etc/lxc/a.d\nlxc.uts.name = own\n", files).hostname).toBe("own");
  });

  it("are not included forever", () => {
    expect(() => imported(`lxc.include = ${CONFIG}`)).toThrow(/includes itself/);
  });

  it("take back what an empty value is given for, or for what is above it", () => {
    expect(spec("lxc.net.0.type = veth\nlxc.net.0.link = br0\nlxc.net =\n")).not.toHaveProperty("nics");
    expect(imported("lxc.cap.drop = sys_time\nlxc.cap.drop =\n").process.capabilities?.bounding).toContain(
      "CAP_SYS_TIME",
    );
  });

  it("may have the keys from before LXC 2.1", () => {
    const text = `lxc.utsname = old
lxc.rootfs = /srv/old
lxc.id_map = u 0 100000 65536
lxc.id_map = g 0 100000 65536
lxc.limit.nofile = 10:20
lxc.network.type = veth
lxc.network.link = br0
lxc.network.flags = up
lxc.network.ipv4 = 10.0.0.2/24
lxc.network.type = empty`;
    const made = spec(text);
    expect(made).toMatchObject({
      hostname: "old",
      root: "/srv/old",
      uidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
      nics: { eth0: { type: "veth", master: "br0", addresses: ["10.0.0.2/24"] } },
    });
    expect(imported(text).process.rlimits).toEqual([{ type: "RLIMIT_NOFILE", soft: 10, hard: 20 }]);
    expect(notes(text)).toEqual([]);
  });
});

describe("the root", () => {
  it.each([
    ["dir:/srv/web", "/srv/web"],
    ["btrfs:/srv/web", "/srv/web"],
    ["/srv/web", "/srv/web"],
  ])("%s is a directory", (path, root) => {
    expect(spec(`lxc.rootfs.path = ${path}`).root).toBe(root);
  });

  it("may be an overlay or an image", () => {
    expect(spec("lxc.rootfs.path = overlay:/lower:/upper").root).toMatchObject({ type: "overlay" });
    expect(spec("lxc.rootfs.path = overlayfs:/a:/b:/upper").root).toMatchObject({ type: "overlay" });
    expect(spec("lxc.rootfs.path = loop:/srv/web.img").root).toMatchObject({ type: "image" });
    expect(spec("lxc.rootfs.path = /srv/web.img", { "/srv/web.img": "" }).root).toMatchObject({ type: "image" });
  });

  it("is refused when libct cannot mount it", () => {
    expect(() => spec("lxc.rootfs.path = zfs:tank/web")).toThrow(/zfs.*mount it, and give the directory/s);
    expect(() => spec("lxc.rootfs.path = overlay:/upper")).toThrow(/LOWER:UPPER/);
  });

  it("is the host's without one, and so is /dev", () => {
    const { spec: made } = importLxc(CONFIG, contextWith({ [CONFIG]: "lxc.mount.auto = proc\n" }));
    expect(made).not.toHaveProperty("root");
    expect(made).toMatchObject({ mounts: [{ destination: "/proc" }], devices: [], links: [] });
  });

  it("is read-only when its options say so", () => {
    expect(spec("lxc.rootfs.path = /srv\nlxc.rootfs.options = ro,defaults").readonlyRoot).toBe(true);
    expect(notes("lxc.rootfs.path = /srv\nlxc.rootfs.options = noatime")).toEqual([
      "lxc.rootfs.options = noatime: ignored",
    ]);
  });
});

describe("namespaces", () => {
  it("are all but those that are kept", () => {
    expect(types("lxc.namespace.keep = net ipc")).toEqual(["mount", "pid", "uts", "cgroup"]);
    expect(types("lxc.namespace.clone = mnt pid")).toEqual(["mount", "pid"]);
  });

  it("may be another process's", () => {
    expect(spec("lxc.namespace.share.net = 42").namespaces).toContainEqual({
      type: "network",
      path: "/proc/42/ns/net",
    });
    expect(notes("lxc.namespace.share.net = other")).toEqual(["lxc.namespace.share.net = other: ignored"]);
  });

  it("have ids mapped, and clocks moved", () => {
    expect(types("lxc.idmap = b 0 100000 65536")).toContain("user");
    expect(spec("lxc.time.offset.boot = -90m\nlxc.time.offset.monotonic = 1500ms").timeOffsets).toEqual({
      boottime: { secs: -5400, nanosecs: 0 },
      monotonic: { secs: 1, nanosecs: 500_000_000 },
    });
    expect(() => spec("lxc.idmap = u 0")).toThrow(/lxc\.idmap/);
  });
});

describe("mounts", () => {
  it("come from entries and files of fstab, with their own options read", () => {
    const fstab = "# comment\nproc proc proc nodev 0 0\n/srv/my\\040data data none bind,ro 0 0\n";
    const { mounts } = spec(
      "lxc.mount.fstab = /etc/fstab.web\nlxc.mount.entry = shm dev/shm tmpfs size=1m,create=dir 0 0",
      {
        "/etc/fstab.web": fstab,
      },
    );
    expect(mounts?.slice(1, -1)).toEqual([
      { destination: "/proc", type: "proc", source: "proc", options: ["nodev"] },
      { destination: "/data", type: "bind", source: "/srv/my data", options: ["bind", "ro"] },
      { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["size=1m"] },
    ]);
  });

  it("that are optional are left out when they cannot be made", () => {
    const text = `lxc.mount.entry = /none none none bind,optional 0 0
lxc.mount.entry = x x ecryptfs optional 0 0
lxc.mount.entry = x x tmpfs optional 0 0`;
    expect(
      spec(text)
        .mounts?.slice(1, -1)
        .map(({ destination }) => destination),
    ).toEqual(["/x"]);
    expect(notes(text)).toHaveLength(2);
  });

  it("lead into the container, wherever LXC has mounted it", () => {
    const text = `lxc.rootfs.path = /srv/web
lxc.mount.entry = /lib /srv/web/lib none ro,bind 0 0
lxc.mount.entry = /lib /var/lib/lxc/web/rootfs/lib2 none ro,bind 0 0
lxc.mount.entry = /lib ../../lib3 none ro,bind 0 0
lxc.mount.entry = dev/null proc/kcore none bind,relative 0 0`;
    const { mounts, maskedPaths } = spec(text);
    expect(mounts?.slice(1, -1).map(({ destination }) => destination)).toEqual(["/lib", "/lib2", "/lib3"]);
    expect(maskedPaths).toEqual(["/proc/kcore"]);
  });

  it("of the kernel's filesystems are as lxc.mount.auto says", () => {
    const { mounts, readonlyPaths } = spec("lxc.mount.auto = proc sys:rw cgroup");
    expect(mounts?.slice(1, -1)).toEqual([
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "nodev", "noexec"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "nodev", "noexec"] },
    ]);
    expect(readonlyPaths).toEqual(["/proc/sys", "/proc/sysrq-trigger"]);
    expect(spec("lxc.mount.auto = cgroup:ro:force").mounts?.at(1)).toMatchObject({ type: "cgroup" });
  });
});

describe("rights", () => {
  it("are all capabilities but those that are dropped, or those that are kept", () => {
    const dropped = imported("lxc.cap.drop = sys_module mac_admin").process.capabilities?.bounding;
    expect(dropped).not.toContain("CAP_SYS_MODULE");
    expect(dropped).toContain("CAP_SYS_ADMIN");
    expect(imported("lxc.cap.keep = kill net_raw").process.capabilities?.effective).toEqual([
      "CAP_KILL",
      "CAP_NET_RAW",
    ]);
    expect(imported("lxc.cap.keep = kill\nlxc.cap.keep = none").process.capabilities?.bounding).toEqual([]);
    expect(notes("lxc.cap.drop = made_up")).toEqual(["lxc.cap.drop = made_up: ignored"]);
    expect(() => imported("lxc.cap.keep = kill\nlxc.cap.drop = kill")).toThrow(/not both/);
  });

  it("are not root's for another user", () => {
    const { process } = imported("lxc.init.uid = 1000\nlxc.init.gid = 100");
    expect(process.user).toEqual({ uid: 1000, gid: 100 });
    expect(process.capabilities?.effective).toEqual([]);
  });

  it("follow AppArmor and SELinux only where these are", () => {
    const text = "lxc.apparmor.profile = lxc-default\nlxc.selinux.context = lxc_t";
    expect(notes(text)).toHaveLength(2);
    const here = imported(text, {}, { apparmor: true, selinux: true }).process;
    expect(here).toMatchObject({ apparmorProfile: "lxc-default", selinuxLabel: "lxc_t" });
  });
});

describe("limits", () => {
  const both = `lxc.cgroup.memory.limit_in_bytes = 100M
lxc.cgroup.cpu.shares = 512
lxc.cgroup2.memory.max = 200M
lxc.cgroup2.memory.swap.max = 0
lxc.cgroup2.memory.high = 150M
lxc.cgroup2.pids.max = 50
lxc.cgroup2.cpu.max = 50000 100000`;

  it("of the machine's version of cgroups come first, and the other's fill the gaps", () => {
    expect(spec(both).resources).toEqual({
      memory: { limit: "200M" },
      cpu: { shares: 512, quota: 50_000, period: 100_000 },
      pids: { limit: 50 },
      unified: { "memory.high": "150M" },
    });
    expect(spec(both, {}, { cgroup: 1 }).resources).toMatchObject({ memory: { limit: "100M" }, pids: { limit: 50 } });
  });

  it("of memory and swap together are what version 1 counts", () => {
    expect(spec("lxc.cgroup2.memory.max = 1000000\nlxc.cgroup2.memory.swap.max = 500000").resources?.memory).toEqual({
      limit: 1_000_000,
      swap: 1_500_000,
    });
  });

  it("of devices are the rules in their order, and everything may be used until one says otherwise", () => {
    expect(spec("lxc.cgroup2.devices.deny = a\nlxc.cgroup2.devices.allow = c 1:3 rwm").resources?.devices).toEqual([
      { allow: false },
      { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
    ]);
    expect(spec("lxc.cgroup2.devices.deny = b 8:* w").resources?.devices).toEqual([
      { allow: true },
      { allow: false, type: "b", major: 8, access: "w" },
    ]);
    expect(() => spec("lxc.cgroup2.devices.allow = everything")).toThrow(/lxc\.cgroup2\.devices\.allow/);
  });

  it("of devices are root's to set, and cgroups are made for others only if there is a limit", () => {
    const made = imported("lxc.cgroup2.devices.deny = a", {}, { privileged: false });
    expect(made.spec).not.toHaveProperty("resources");
    expect(made.notes.map(({ reason }) => reason)).toEqual(["only root sets rules for devices"]);
    expect(spec("lxc.cgroup2.pids.max = 5", {}, { privileged: false }).resources).toEqual({ pids: { limit: 5 } });
  });

  it("have a place", () => {
    expect(spec("lxc.cgroup.dir = mine").cgroupsPath).toBe("mine/web");
    expect(spec("lxc.cgroup.dir.container = outer").cgroupsPath).toBe("outer");
  });
});

describe("interfaces", () => {
  it("have a name, addresses and routes", () => {
    const text = `lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.mtu = 1400
lxc.net.0.hwaddr = 4a:49:43:49:79:bf
lxc.net.0.ipv4.address = 10.2.3.5/24 10.2.3.255
lxc.net.0.ipv4.gateway = auto
lxc.net.0.ipv6.address = 2003:db8::1
lxc.net.0.ipv6.gateway = 2003:db8::2
lxc.net.1.type = macvlan
lxc.net.1.link = eth1
lxc.net.1.flags = up
lxc.net.1.name = lan
lxc.net.2.type = phys
lxc.net.2.link = eth0
lxc.net.2.flags = up`;
    const made = spec(text, {}, { addressOf: () => "10.2.3.1" });
    expect(made).toMatchObject({
      nics: {
        eth1: {
          type: "veth",
          master: "br0",
          mtu: 1400,
          mac: "4a:49:43:49:79:bf",
          addresses: ["10.2.3.5/24", "2003:db8::1/64"],
          routes: [
            { to: "0.0.0.0/0", via: "10.2.3.1" },
            { to: "::/0", via: "2003:db8::2" },
          ],
        },
        lan: { type: "macvlan", link: "eth1", mode: "private" },
        eth0: { type: "host", device: "eth0" },
      },
    });
    expect(() => validateSpec(made)).not.toThrow();
  });

  it("share the host's network, or have none", () => {
    expect(types("lxc.net.0.type = none")).not.toContain("network");
    expect(types("lxc.net.0.type = empty")).toContain("network");
  });

  it("have the same address each time where the configuration leaves it open", () => {
    const text = "lxc.net.0.type = veth\nlxc.net.0.flags = up\nlxc.net.0.hwaddr = 00:16:3e:xx:xx:xx";
    const mac = (name: string) => {
      const made: object & { readonly nics?: Readonly<Record<string, { readonly mac?: string }>> } = spec(
        text,
        {},
        { name },
      );
      return made.nics?.eth0?.mac ?? "";
    };
    expect(mac("web")).toMatch(/^00:16:3e(:[0-9a-f]{2}){3}$/);
    expect(mac("web")).toBe(mac("web"));
    expect(mac("web")).not.toBe(mac("db"));
  });

  it("are down unless they are to be up, and no more is asked for than there is", () => {
    const text = "lxc.net.0.type = veth\nlxc.net.0.veth.pair = outer\nlxc.net.0.script.up = /bin/true";
    expect(spec(text)).toMatchObject({ nics: { eth0: { up: false, peer: { name: "outer" } } } });
    expect(notes(text)).toEqual(["lxc.net.0.script.up = /bin/true: ignored"]);
    expect(() => spec("lxc.net.0.type = token-ring")).toThrow(/lxc\.net\.0\.type/);
  });
});

describe("hooks", () => {
  it("are command lines of a shell, with LXC's arguments and variables", () => {
    const { hooks } = spec(
      "lxc.rootfs.path = /srv/web\nlxc.hook.start = /bin/prepare --now\nlxc.hook.post-stop = /bin/clean",
    );
    expect(hooks?.startContainer?.[0]).toMatchObject({
      path: "/bin/sh",
      args: ["sh", "-c", "/bin/prepare --now web lxc start"],
      env: { LXC_NAME: "web", LXC_ROOTFS_PATH: "/srv/web", LXC_CONFIG_FILE: CONFIG },
    });
    expect(hooks?.poststop).toHaveLength(1);
  });

  it("of version 1 have variables alone", () => {
    const { hooks } = spec("lxc.hook.version = 1\nlxc.hook.start = /bin/prepare");
    expect(hooks?.startContainer?.[0]).toMatchObject({
      args: ["sh", "-c", "/bin/prepare"],
      env: { LXC_HOOK_TYPE: "start", LXC_HOOK_SECTION: "lxc" },
    });
  });

  it("that belong to no run are listed", () => {
    expect(notes("lxc.hook.clone = /bin/x\nlxc.hook.pre-mount = /bin/y")).toHaveLength(2);
  });
});

describe("the first process", () => {
  it("has words, variables and limits", () => {
    const text = `lxc.init.cmd = /bin/app "two words" --flag
lxc.init.cwd = /srv
lxc.environment = A=1
lxc.environment = LANG
lxc.environment = GONE
lxc.prlimit.nofile = 1024:unlimited
lxc.proc.oom_score_adj = 10
lxc.arch = i686
lxc.no_new_privs = 1
lxc.keyring.session = 0`;
    const { process } = imported(text, {}, { env: (name) => (name === "LANG" ? "C.UTF-8" : undefined) });
    expect(process).toMatchObject({
      args: ["/bin/app", "two words", "--flag"],
      cwd: "/srv",
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard: -1 }],
      oomScoreAdj: 10,
      personality: "LINUX32",
      noNewPrivileges: true,
      newSessionKeyring: false,
    });
    expect(process.env).toMatchObject({ A: "1", LANG: "C.UTF-8" });
    expect(process.env).not.toHaveProperty("GONE");
  });

  it("is asked to end by the signal that it expects", () => {
    expect(spec("").stopSignal).toBe("SIGPWR");
    expect(spec("lxc.signal.halt = SIGRTMIN+14").stopSignal).toBe(48);
    expect(spec("lxc.haltsignal = 15").stopSignal).toBe(15);
    expect(() => spec("lxc.signal.halt = SIGNOTHING")).toThrow(/lxc\.signal\.halt/);
  });

  it("has no kernel parameters that are the machine's", () => {
    const { spec: made, notes: said } = imported("lxc.sysctl.kernel.msgmax = 65536\nlxc.sysctl.vm.swappiness = 1");
    expect(made.sysctl).toEqual({ "kernel.msgmax": "65536" });
    expect(said.map(({ key }) => key)).toEqual(["lxc.sysctl.vm.swappiness"]);
  });
});
