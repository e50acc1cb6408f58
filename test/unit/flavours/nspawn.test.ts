import { describe, expect, it } from "vitest";
import type { ImportContext } from "../../../src/flavours/index.ts";
import { findMachine, importNspawn } from "../../../src/flavours/nspawn/index.ts";
import { validateSpec } from "../../../src/spec/index.ts";
import { contextWith } from "./context.ts";

const TRUSTED = "/etc/systemd/nspawn/deb.nspawn";
const BESIDE = "/var/lib/machines/deb.nspawn";
const FILES = { "/var/lib/machines/deb/bin/bash": "", "/var/lib/machines/deb/lib/systemd/systemd": "" };

function imported(text: string, path = TRUSTED, more: Partial<ImportContext> = {}) {
  const context = contextWith({ ...FILES, [path]: text }, { name: "deb", ...more });
  return importNspawn(findMachine("deb", context), context);
}
const spec = (text: string) => imported(text).spec;

describe("a machine of systemd-nspawn", () => {
  it("is a directory with a shell when it has no settings", () => {
    const context = contextWith(FILES, { name: "deb" });
    const { spec: made, process, notes } = importNspawn(findMachine("deb", context), context);
    expect(made).toMatchObject({ root: "/var/lib/machines/deb", hostname: "deb", seccomp: "default" });
    expect(process.args).toEqual(["/bin/bash"]);
    expect(notes).toEqual([]);
    expect(() => validateSpec(made)).not.toThrow();
  });

  it("is found by its name, directory, image, archive or settings", () => {
    const look = contextWith({
      ...FILES,
      "/srv/x.raw": "",
      "/srv/y/etc/passwd": "",
      "/srv/y.nspawn": "",
      [TRUSTED]: "",
    });
    expect(findMachine("deb", look)).toMatchObject({ name: "deb", settings: { path: TRUSTED, trusted: true } });
    expect(findMachine("/srv/x.raw", look)).toEqual({ name: "x", root: { path: "/srv/x.raw", kind: "raw" } });
    expect(findMachine("/srv/y", look)).toMatchObject({ settings: { path: "/srv/y.nspawn", trusted: false } });
    expect(findMachine("/srv/y.nspawn", look).root.path).toBe("/srv/y");
    expect(findMachine("/tmp/z.tar.xz", look)).toMatchObject({ name: "z", tarball: "/tmp/z.tar.xz" });
    expect(() => findMachine("gone", look)).toThrow("there is no machine gone");
  });

  it("boots with Boot=, and else executes what Parameters= says", () => {
    expect(imported("[Exec]\nBoot=yes\nParameters=--log-level=debug").process.args).toEqual([
      "/lib/systemd/systemd",
      "--log-level=debug",
    ]);
    expect(spec("[Exec]\nBoot=yes").stopSignal).toBe(37);
    expect(spec("[Exec]\nKillSignal=SIGINT").stopSignal).toBe("SIGINT");
    expect(imported(`[Exec]\nParameters=a b "c c"`).process.args).toEqual(["a", "b", "c c"]);
  });

  it("has its settings continued, commented and reset as systemd reads them", () => {
    const text = "# x\n[Exec]\nEnvironment=A=1\nEnvironment=\nEnvironment=B=2 \\\n  C=3\n; y\nHostname = box\n";
    const { process, spec: made } = imported(text);
    expect(process.env).toMatchObject({ B: "2", C: "3" });
    expect(process.env).not.toHaveProperty("A");
    expect(made.hostname).toBe("box");
  });

  it("lists what is not followed", () => {
    const { notes } = imported("[Exec]\nTimezone=off\n[Foo]\nBar=1\n");
    expect(notes.map(({ key, where }) => `${key} ${where}`)).toEqual([
      `Exec.Timezone ${TRUSTED}:2`,
      `Foo.Bar ${TRUSTED}:4`,
    ]);
  });

  it("gives no rights by settings that lie beside its files", () => {
    const text =
      "[Exec]\nCapability=all\nDropCapability=CAP_KILL\n[Files]\nBind=/etc\nReadOnly=yes\n[Network]\nBridge=br0\n";
    const { spec: made, process, notes } = imported(text, BESIDE);
    expect(notes.map(({ key }) => key)).toEqual(["Exec.Capability", "Files.Bind", "Network.Bridge"]);
    expect(process.capabilities?.bounding).not.toContain("CAP_SYS_MODULE");
    expect(process.capabilities?.bounding).not.toContain("CAP_KILL");
    expect(made.readonlyRoot).toBe(true);
    expect(made.mounts?.some(({ source }) => source === "/etc")).toBe(false);
    expect(made).not.toHaveProperty("nics");
  });
});

describe("[Exec]", () => {
  it("says who, where, and with which limits", () => {
    const { process, spec: made } = imported(`[Exec]
User=app
WorkingDirectory=/srv
NoNewPrivileges=yes
Personality=x86
LimitNOFILE=1K:infinity
OOMScoreAdjust=100
CPUAffinity=0 1
MachineID=abc`);
    expect(process).toMatchObject({
      user: "app",
      cwd: "/srv",
      noNewPrivileges: true,
      personality: "LINUX32",
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard: -1 }],
      oomScoreAdj: 100,
      env: { container_uuid: "abc" },
      capabilities: { effective: [] },
    });
    expect(made.resources).toEqual({ cpu: { cpus: "0,1" } });
  });

  it("maps users", () => {
    const map = (value: string, owner = 0) =>
      imported(`[Exec]\nPrivateUsers=${value}`, TRUSTED, { owner: () => owner });
    expect(map("no").spec).not.toHaveProperty("uidMappings");
    expect(map("131072:1000").spec.uidMappings).toEqual([{ containerID: 0, hostID: 131_072, size: 1000 }]);
    expect(map("pick", 131_072).spec.uidMappings).toEqual([{ containerID: 0, hostID: 131_072, size: 65_536 }]);
    expect(map("identity").notes).toEqual([]);
    expect(map("pick").notes[0]?.effect).toBe("changed");
    expect(() => map("yes", 1000)).toThrow(/PrivateUsers/);
  });
});

describe("[Files]", () => {
  it("mounts and hides", () => {
    const { mounts, maskedPaths } = spec(`[Files]
Bind=/srv/a\\:b:/data:norbind
BindReadOnly=/etc/hosts
Bind=:/scratch
TemporaryFileSystem=/cache:size=1m
Inaccessible=/secret
OverlayReadOnly=/a:/b:/both`);
    expect(mounts?.slice(-5)).toEqual([
      { destination: "/data", type: "bind", source: "/srv/a:b", options: ["bind"] },
      { destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["mode=755"] },
      { destination: "/etc/hosts", type: "bind", source: "/etc/hosts", options: ["rbind", "ro"] },
      { destination: "/cache", type: "tmpfs", source: "tmpfs", options: ["size=1m"] },
      { destination: "/both", type: "overlay", source: "overlay", options: ["ro", "lowerdir=/b:/a"] },
    ]);
    expect(maskedPaths).toContain("/secret");
  });

  it("keeps changes out of the machine's files", () => {
    expect(spec("[Files]\nVolatile=overlay").root).toMatchObject({ type: "overlay" });
    expect(spec("[Exec]\nEphemeral=yes").root).toMatchObject({ type: "overlay" });
    expect(spec("[Files]\nVolatile=yes").root).toMatchObject({ type: "tmpfs" });
    expect(spec("[Files]\nVolatile=state")).toMatchObject({ readonlyRoot: true });
  });

  it("refuses a path that is none", () => {
    expect(() => spec("[Files]\nBind=relative")).toThrow(/Files\.Bind/);
  });
});

describe("[Network]", () => {
  it("is the host's, or of interfaces of its own", () => {
    expect(spec("").namespaces).not.toContain("network");
    expect(spec("[Network]\nPrivate=yes").namespaces).toContain("network");
    const { process, spec: made } = imported(
      "[Network]\nBridge=br0\nMACVLAN=eth0\nIPVLAN=eth1\nInterface=eth2 eth3:lan\nVirtualEthernetExtra=x:y\n",
    );
    expect(made).toMatchObject({
      nics: {
        host0: { type: "veth", master: "br0" },
        y: { type: "veth", peer: { name: "x" } },
        "mv-eth0": { type: "macvlan", link: "eth0", mode: "bridge" },
        "iv-eth1": { type: "ipvlan", link: "eth1", mode: "l2" },
      },
      netDevices: { eth2: {}, eth3: { name: "lan" } },
    });
    expect(process.capabilities?.bounding).toContain("CAP_NET_ADMIN");
    expect(() => validateSpec(made)).not.toThrow();
  });
});
