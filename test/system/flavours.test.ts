import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importNspawn } from "../../src/flavours/nspawn/index.ts";
import { importContext } from "../../src/host/import-context.ts";
import type { Host, Imported } from "../../src/index.ts";
import { outcome } from "../support/capture.ts";
import { openHost } from "../support/host.ts";
import { auditEachTest } from "../support/leaks.ts";
import { inProcess } from "../support/playground.ts";
import { makeRoot, temporaryDirectory } from "../support/rootfs.ts";

const isRoot = process.getuid?.() === 0;

let host: Host;
let work: string;
beforeAll(async () => {
  host = await openHost();
  work = temporaryDirectory();
});
afterAll(() => host[Symbol.asyncDispose]());
auditEachTest();

/** A root whose init tells that it is the first process. */
function bootable(path: string): string {
  mkdirSync(path, { recursive: true });
  makeRoot(path);
  mkdirSync(join(path, "sbin"));
  writeFileSync(join(path, "sbin/init"), '#!/bin/sh\necho init is $$ with "$@"\n');
  chmodSync(join(path, "sbin/init"), 0o755);
  return path;
}

/** Runs a script in the container in place of its own command, or that without a script, and gives the output's lines. */
async function run({ spec, process }: Imported, script?: string): Promise<readonly string[]> {
  await using container = await host.create(spec);
  const args = script === undefined ? process.args : ["/bin/sh", "-c", script];
  const { stdout, stderr, exitCode } = await outcome(await container.start({ ...process, args }));
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout.trimEnd().split("\n");
}

function lxc(name: string, lines: readonly string[], root = "dir:ROOT"): string {
  const directory = join(work, name);
  bootable(join(directory, "rootfs"));
  const path = root.replaceAll("ROOT", join(directory, "rootfs"));
  writeFileSync(join(directory, "config"), `lxc.rootfs.path = ${path}\n${lines.join("\n")}\n`);
  return directory;
}

describe.runIf(isRoot)("a container of LXC", () => {
  it("boots its init", async () => {
    const directory = lxc("boot", ["lxc.uts.name = boot", "lxc.mount.auto = proc:mixed sys:ro"]);
    expect(await run(await host.import({ lxc: directory }))).toEqual(["init is 1 with"]);
  });

  it("is from inside what its configuration says", async () => {
    const directory = lxc("inside", [
      "lxc.include = more.conf",
      "lxc.uts.name = inside",
      "lxc.mount.auto = proc:mixed sys:ro",
      "lxc.mount.entry = shm dev/shm tmpfs size=64k,create=dir 0 0",
      "lxc.mount.entry = /nowhere none none bind,optional 0 0",
      "lxc.cap.drop = sys_module sys_time mknod",
      "lxc.environment = GREETING=hello",
      "lxc.prlimit.nofile = 100:200",
      "lxc.sysctl.kernel.msgmax = 4096",
      "lxc.hook.start = echo started >/tmp/hook; :",
    ]);
    const profile = join(directory, "seccomp");
    writeFileSync(profile, "2\ndenylist\n[all]\nmkdirat errno 38\nmkdir errno 38\n");
    writeFileSync(join(directory, "more.conf"), `lxc.seccomp.profile = ${profile}\n`);
    const imported = await host.import(join(directory, "config"));
    expect(imported.notes.map(({ key }) => key)).toEqual(["lxc.mount.auto", "lxc.mount.entry"]);
    const lines = await run(
      imported,
      `hostname; echo $GREETING $container; ulimit -n; cat /proc/sys/kernel/msgmax /tmp/hook
      mkdir /tmp/x 2>&1; sh -c 'echo 1 >/proc/sys/kernel/msgmax' 2>&1
      grep -E '^(CapBnd|Seccomp):' /proc/self/status; echo /dev/*; grep -E ' (/sys|/dev/shm) ' /proc/mounts | cut -d' ' -f2-4`,
    );
    const missing = (1n << 16n) | (1n << 25n) | (1n << 27n);
    const own = BigInt(`0x${/^CapBnd:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`);
    const permitted = BigInt(`0x${/^CapPrm:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`);
    expect(lines).toEqual([
      "inside",
      "hello lxc",
      "100",
      "4096",
      "started",
      "mkdir: can't create directory '/tmp/x': Function not implemented",
      "sh: can't create /proc/sys/kernel/msgmax: Read-only file system",
      `CapBnd:\t${(own & permitted & ~missing).toString(16).padStart(16, "0")}`,
      "Seccomp:\t2",
      "/dev/fd /dev/full /dev/null /dev/ptmx /dev/pts /dev/random /dev/shm /dev/stderr /dev/stdin /dev/stdout /dev/tty /dev/urandom /dev/zero",
      expect.stringMatching(/^\/sys sysfs ro,nosuid,nodev,noexec/),
      expect.stringMatching(/^\/dev\/shm tmpfs rw,.*size=64k/),
    ]);
  });

  it("has ids of its own", async () => {
    const directory = lxc("mapped", [
      "lxc.mount.auto = proc sys",
      "lxc.idmap = u 0 100000 65536",
      "lxc.idmap = g 0 100000 65536",
    ]);
    own(join(directory, "rootfs"), 100_000);
    const lines = await run(await host.import({ lxc: directory }), "id -u; cat /proc/self/uid_map; touch /made");
    expect(lines).toEqual(["0", expect.stringMatching(/^\s+0\s+100000\s+65536$/)]);
    expect(statSync(join(directory, "rootfs/made")).uid).toBe(100_000);
  });

  it("has an overlay as its root, and its changes go to the upper directory", async () => {
    const directory = lxc("layered", [], "overlay:ROOT:ROOT-upper");
    mkdirSync(join(directory, "rootfs-upper"));
    await run(await host.import({ lxc: directory }), "echo changed >/etc/made");
    expect(readFileSync(join(directory, "rootfs-upper/etc/made"), "utf8")).toBe("changed\n");
    expect(existsSync(join(directory, "rootfs/etc/made"))).toBe(false);
  });

  it("has hooks, in the places that LXC has them for", async () => {
    const said = join(work, "said");
    const directory = lxc("hooked", [
      "lxc.hook.version = 1",
      `lxc.hook.pre-start = echo $LXC_HOOK_TYPE $LXC_NAME >>${said}`,
      "lxc.hook.autodev = mknod $LXC_ROOTFS_MOUNT/dev/extra c 1 3",
      `lxc.hook.post-stop = echo $LXC_HOOK_TYPE $LXC_ROOTFS_PATH >>${said}`,
    ]);
    expect(await run(await host.import({ lxc: directory }), "stat -c %t:%T /dev/extra")).toEqual(["1:3"]);
    expect(existsSync(join(directory, "rootfs/dev/extra"))).toBe(false);
    expect(readFileSync(said, "utf8")).toBe(`pre-start hooked\npost-stop ${directory}/rootfs\n`);
  });

  it("runs as an ordinary user, whose files are the container's root's", async () => {
    const ids = ["lxc.idmap = u 0 1000 1", "lxc.idmap = g 0 1000 1"];
    const rules = ["lxc.cgroup.devices.deny = a", "lxc.cgroup2.devices.deny = a"];
    const directory = lxc("rootless", ["lxc.uts.name = rootless", "lxc.mount.auto = proc sys", ...ids, ...rules]);
    own(join(directory, "rootfs"), 1000);
    const result = await inProcess(
      `const { spec, process, notes } = await host.import({ lxc: ${JSON.stringify(directory)} });
      await using container = await host.create(spec);
      const { stdout } = await container.start({ ...process, args: ["/bin/sh", "-c", "id -u; hostname; touch /made"] });
      let said = "";
      for await (const chunk of stdout) said += chunk;
      return { said, keys: notes.map(({ key }) => key) };`,
      { uid: 1000 },
    );
    const keys = ["lxc.mount.auto", "lxc.cgroup.devices.deny", "lxc.cgroup2.devices.deny"];
    expect(result).toEqual({ said: "0\nrootless\n", keys });
    expect(statSync(join(directory, "rootfs/made")).uid).toBe(1000);
  });

  it("is limited by cgroups", async () => {
    const directory = lxc("limited", ["lxc.cgroup.pids.max = 40", "lxc.cgroup2.pids.max = 40"]);
    const { spec, process } = await host.import({ lxc: directory });
    await using container = await host.create(spec);
    await container.start({ ...process, args: ["/bin/sleep", "60"] });
    expect((await container.stats()).pids).toMatchObject({ limit: 40 });
  });
});

function own(path: string, id: number): void {
  lchownSync(path, id, id);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) own(below, id);
    else lchownSync(below, id, id);
  }
}

describe.runIf(isRoot)("a container of OpenVZ", () => {
  const conf = (name: string, text: string) => {
    const path = join(work, `${name}.conf`);
    writeFileSync(path, text);
    return path;
  };

  it("is from inside what its configuration says", async () => {
    const files = bootable(join(work, "private/101"));
    const path = conf(
      "101",
      `VE_PRIVATE="${work}/private/$VEID"
HOSTNAME="ct101.example.com"
NUMPROC="60:60"
NUMPTY="8:8"
SHMPAGES="4096:4096"
NAMESERVER="10.0.0.1 10.0.0.2"
SEARCHDOMAIN="example.com"
CAPABILITY="SYS_TIME:off MKNOD:off"
CPUUNITS="500"
KMEMSIZE="1:1"
`,
    );
    const imported = await host.import({ openvz: path });
    expect(imported.name).toBe("101");
    expect(imported.notes.map(({ key }) => key)).toEqual(["KMEMSIZE"]);
    expect(await run(imported)).toEqual(["init is 1 with"]);
    const lines = await run(
      imported,
      "hostname; cat /proc/sys/kernel/shmall /etc/resolv.conf; mknod /tmp/d c 1 3 2>&1; true",
    );
    expect(lines).toEqual([
      "ct101.example.com",
      "4096",
      "search example.com",
      "nameserver 10.0.0.1",
      "nameserver 10.0.0.2",
      "mknod: /tmp/d: Operation not permitted",
    ]);
    expect(readFileSync(join(files, "etc/resolv.conf"), "utf8")).toContain("nameserver 10.0.0.2");
  });

  it("writes no file of the host through a link of its own", async () => {
    const files = bootable(join(work, "private/102"));
    const outside = join(work, "outside");
    writeFileSync(outside, "mine\n");
    symlinkSync(outside, join(files, "etc/resolv.conf"));
    mkdirSync(join(files, work), { recursive: true });
    await run(await host.import({ openvz: conf("102", `VE_PRIVATE=${files}\nNAMESERVER=10.0.0.1\n`) }), "true");
    expect(readFileSync(outside, "utf8")).toBe("mine\n");
    expect(readFileSync(join(files, outside), "utf8")).toBe("nameserver 10.0.0.1\n");
  });

  it("is unpacked from its template by who is asked to, and is there as a whole or not at all", async () => {
    mkdirSync(join(work, "template/cache"), { recursive: true });
    const tarball = join(work, "template/cache/box.tar.gz");
    execFileSync("tar", ["-czf", tarball, "-C", bootable(join(work, "box")), "."]);
    const source = {
      openvz: conf("103", `VE_PRIVATE=${work}/private/103\nTEMPLATE=${work}/template\nOSTEMPLATE=box\n`),
    };
    await expect(host.import(source)).rejects.toMatchObject({
      message: expect.stringContaining("tar --numeric-owner"),
    });
    const failing = () => Promise.reject(new Error("disk full"));
    await expect(host.import(source, { unpack: failing })).rejects.toThrow("disk full");
    expect(readdirSync(join(work, "private")).filter((name) => name.includes("103"))).toEqual([]);
    const unpack = (from: string, to: string) => host.images.unpack(from, to);
    expect(await run(await host.import(source, { unpack }))).toEqual(["init is 1 with"]);
    expect(await run(await host.import(source))).toEqual(["init is 1 with"]);
  });
});

describe.runIf(isRoot)("a machine of systemd-nspawn", () => {
  it("is a directory, and settings beside it give no rights", async () => {
    const files = bootable(join(work, "machine"));
    writeFileSync(`${files}.nspawn`, "[Exec]\nBoot=yes\nParameters=a 'b c'\n[Files]\nBind=/etc:/host\n");
    const imported = await host.import(`${files}.nspawn`);
    expect(imported.notes.map(({ key }) => key)).toEqual(["Files.Bind"]);
    expect(await run(imported)).toEqual(["init is 1 with a b c"]);
  });

  it("is from inside what the administrator's settings say", async () => {
    const files = bootable(join(work, "trusted"));
    const settings = join(work, "trusted.settings");
    const shared = join(work, "shared");
    mkdirSync(shared);
    writeFileSync(join(shared, "file"), "shared\n");
    writeFileSync(
      settings,
      `[Exec]
User=app
WorkingDirectory=/tmp
Environment=GREETING=hello
Hostname=box
LimitNOFILE=100
PrivateUsers=identity
[Files]
BindReadOnly=${shared}:/data
TemporaryFileSystem=/cache:size=64k
Inaccessible=/home
[Network]
Private=yes
`,
    );
    const root = { path: files, kind: "directory" } as const;
    const imported = importNspawn(
      { name: "trusted", root, settings: { path: settings, trusted: true } },
      importContext("trusted", host.caller),
    );
    expect(imported.notes).toEqual([]);
    const lines = await run(
      imported,
      `id -u; pwd; hostname; echo $GREETING; ulimit -n; cat /data/file; sh -c 'echo >/data/file' 2>&1; ls /home; ls /sys/class/net
      grep -E ' (/cache|/run|/tmp) ' /proc/mounts | cut -d' ' -f2,3; wc -l </proc/self/uid_map; grep ^Seccomp: /proc/self/status`,
    );
    expect(lines).toEqual([
      "1000",
      "/tmp",
      "box",
      "hello",
      "100",
      "shared",
      "sh: can't create /data/file: Read-only file system",
      "lo",
      "/run tmpfs",
      "/tmp tmpfs",
      "/cache tmpfs",
      "1",
      "Seccomp:\t2",
    ]);
  });

  it("may lose all its changes", async () => {
    const files = bootable(join(work, "passing"));
    writeFileSync(`${files}.nspawn`, "[Exec]\nEphemeral=yes\n");
    await run(await host.import({ nspawn: files }), "touch /etc/made");
    expect(existsSync(join(files, "etc/made"))).toBe(false);
  });
});

describe.runIf(isRoot)("an OCI bundle", () => {
  it("runs without an engine", async () => {
    const bundle = join(work, "bundle");
    bootable(join(bundle, "rootfs"));
    const config = {
      ociVersion: "1.2.0",
      root: { path: "rootfs" },
      hostname: "bundled",
      process: { cwd: "/", args: ["/sbin/init", "x"], env: ["PATH=/bin", "GREETING=hello"] },
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
      linux: { namespaces: ["mount", "pid", "uts", "ipc", "network"].map((type) => ({ type })) },
    };
    writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
    const imported = await host.import(bundle);
    expect(imported.flavour).toBe("oci");
    expect(await run(imported)).toEqual(["init is 1 with x"]);
    expect(await run(await host.import({ bundle }), "hostname; echo $GREETING")).toEqual(["bundled", "hello"]);
  });
});

describe.runIf(isRoot)("ct", () => {
  const [file = "", ...words] = process.env.LIBCT_TEST_CT?.split(" ") ?? [
    process.execPath,
    fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url)),
  ];
  const ct = (...more: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(file, [...words, ...more], { encoding: "utf8" });
    return { status, stdout, stderr };
  };
  let source: string;
  beforeAll(() => {
    const settings = [
      "lxc.uts.name = fromct",
      "lxc.mount.auto = proc:rw",
      "lxc.tty.max = 4",
      "lxc.cap.keep = kill chown",
    ];
    source = `lxc:${lxc("fromct", settings)}`;
  });

  it("runs a container of LXC, its own command or another one, and tells how much is not followed", () => {
    const said = `ct: 1 setting is not followed to the letter: \`ct import ${source}\` tells which\n`;
    expect(ct("run", source)).toEqual({ status: 0, stdout: "init is 1 with\n", stderr: said });
    const script = "hostname; echo $A; grep ^CapEff /proc/self/status";
    const { stdout } = ct(
      "run",
      "--name",
      "other",
      "-e",
      "A=b",
      "--cap-drop",
      "CHOWN",
      source,
      "--",
      "sh",
      "-c",
      script,
    );
    expect(stdout).toBe("fromct\nb\nCapEff:\t0000000000000020\n");
  });

  it("leaves it in the background under its own name, and once only", () => {
    expect(ct("run", "-d", source, "--", "sleep", "60")).toMatchObject({ status: 0, stdout: "fromct\n" });
    try {
      expect(ct("exec", "fromct", "--", "hostname").stdout).toBe("fromct\n");
      expect(ct("run", source).stderr).toContain("there is a container named fromct already");
      const network = ["stat", "-L", "-c", "%i", "/proc/self/ns/net"];
      const second = ct("run", "--name", "second", "--network", "container:fromct", source, "--", ...network);
      expect(second.stdout).toBe(ct("exec", "fromct", "--", ...network).stdout);
    } finally {
      expect(ct("rm", "-f", "fromct").status).toBe(0);
    }
  });

  it("explains it, and tells what becomes of it", () => {
    expect(ct("explain", source).stdout).toContain('sethostname("fromct"');
    const { stdout } = ct("import", source);
    expect(stdout).toContain("fromct: a container of LXC\nIt executes /sbin/init\n");
    expect(stdout).toContain("Not done:\n  lxc.tty.max = 4 (");
    expect(JSON.parse(ct("import", "--json", source).stdout)).toMatchObject({
      flavour: "lxc",
      spec: { hostname: "fromct" },
      notes: [{ key: "lxc.tty.max", effect: "ignored" }],
    });
  });

  it.each([
    [["run", "--sandbox", "SOURCE"], "ct: --sandbox is not for a container of another program"],
    [["run", "--user-namespace", "auto", "SOURCE"], "ct: --user-namespace is not for"],
    [["run", "lxc:no-such-container"], "ct: there is no container of LXC called no-such-container"],
    [["import"], "ct: no SOURCE is given"],
  ])("refuses %j", (line, message) => {
    const { status, stderr } = ct(...line.map((word) => (word === "SOURCE" ? source : word)));
    expect({ status, stderr: stderr.slice(0, message.length) }).toEqual({ status: 125, stderr: message });
  });
});

describe("what is no container", () => {
  it.each([
    ["/etc/passwd", /is no container of a program that libct knows.*lxc:PATH/s],
    ["/nowhere", /there is nothing to import: \/nowhere does not exist/],
    ["lxc:no-such-container", /there is no container of LXC called no-such-container/],
    ["openvz:99999999", /there is no container of OpenVZ called 99999999/],
    ["nspawn:no-such-machine", /there is no machine no-such-machine/],
    ["bundle:/tmp", /config\.json cannot be read/],
    [`lxc:${"x".repeat(300)}`, /there is no container of LXC/],
  ])("is refused: %s", async (source, message) => {
    await expect(host.import(source)).rejects.toThrow(message);
  });
});
