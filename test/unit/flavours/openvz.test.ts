import { describe, expect, it } from "vitest";
import type { ImportContext } from "../../../src/flavours/index.ts";
import { importOpenvz } from "../../../src/flavours/openvz/index.ts";
import { validateSpec } from "../../../src/spec/index.ts";
import { contextWith } from "./context.ts";

const CONF = "/etc/vz/conf/101.conf";
const FILES = { "/vz/private/101/etc/passwd": "" };

const imported = (text: string, files: Readonly<Record<string, string>> = FILES, more: Partial<ImportContext> = {}) =>
  importOpenvz(CONF, contextWith({ [CONF]: text, ...files }, { name: "101", ...more }));
const spec = (text: string) => imported(text).spec;
const noted = (text: string, key: string) => imported(text).notes.find((one) => one.key === key);

/** The parameters of vzctl's samples "basic" (beancounters) and "vswap-256m". */
const BASIC = `ONBOOT="yes"
KMEMSIZE="14372700:14790164"
PRIVVMPAGES="65536:69632"
SHMPAGES="21504:21504"
NUMPROC="240:240"
PHYSPAGES="0:unlimited"
VMGUARPAGES="33792:unlimited"
NUMPTY="16:16"
DISKSPACE="1048576:1153024"
CPUUNITS="1000"
`;
const VSWAP = `PHYSPAGES="0:256M"
SWAPPAGES="0:512M"
PRIVVMPAGES="unlimited"
NUMPROC="unlimited"
CPUUNITS="2000"
CPULIMIT="50%"
CPUS="2"
CPUMASK="0-1"
`;

describe("a container of OpenVZ", () => {
  it("has the files of VE_PRIVATE, an init and namespaces, and is a valid specification", () => {
    const { spec: made, process } = imported(
      `HOSTNAME="ct101.example.com"\nNAME="shop"\nVE_PRIVATE="/vz/private/$VEID"\n`,
    );
    expect(made).toMatchObject({
      name: "101",
      root: "/vz/private/101",
      hostname: "ct101.example.com",
      annotations: { "org.openvz.name": "shop" },
    });
    expect(process).toMatchObject({ args: ["/sbin/init"], user: { uid: 0, gid: 0 } });
    expect(() => validateSpec(made)).not.toThrow();
  });

  it("takes defaults from vz.conf beside its directory, and nothing else from there", () => {
    const files = { "/srv/ct/101/etc/passwd": "", "/etc/vz/vz.conf": 'VE_PRIVATE=/srv/ct/$VEID\nNUMPROC="5"\n' };
    const { spec: made, notes } = imported("", files);
    expect(made.root).toBe("/srv/ct/101");
    expect(made.resources).not.toHaveProperty("pids");
    expect(notes).toEqual([]);
  });

  it("is unpacked from its template when it has no files yet", () => {
    const files = { "/vz/template/cache/debian-12.tar.gz": "" };
    expect(imported("OSTEMPLATE=debian-12", files).template).toEqual({
      tarball: "/vz/template/cache/debian-12.tar.gz",
      directory: "/vz/private/101",
    });
    expect(() => imported("OSTEMPLATE=debian-12", {})).toThrow(/has no template debian-12/);
    expect(() => imported("", {})).toThrow("/vz/private/101 does not exist");
  });

  it("is refused when its files are in a ploop image", () => {
    expect(() => imported("", { "/vz/private/101/root.hdd/root.hds": "" })).toThrow(/ploop/);
  });

  it("lists what is not followed, and why", () => {
    expect(noted(BASIC, "KMEMSIZE")?.reason).toBe("memory of the kernel counts for the limit of memory");
    expect(noted(BASIC, "DISKSPACE")?.effect).toBe("ignored");
    expect(noted("MADE_UP=1", "MADE_UP")?.reason).toBe("libct does not know it");
  });
});

describe("limits", () => {
  it("of beancounters are those of memory that is used", () => {
    const { resources, sysctl, mounts } = spec(BASIC);
    expect(resources?.memory).toEqual({ limit: 69_632 * 4096, reservation: 33_792 * 4096 });
    expect(resources?.pids).toEqual({ limit: 240 });
    expect(resources?.cpu).toEqual({ shares: 1024 });
    expect(sysctl).toEqual({ "kernel.shmall": "21504" });
    expect(mounts?.find(({ type }) => type === "devpts")?.options).toContain("max=16");
    expect(noted(BASIC, "PRIVVMPAGES")?.effect).toBe("changed");
  });

  it("of VSwap are memory, and memory and swap together", () => {
    const { resources } = spec(VSWAP);
    expect(resources?.memory).toEqual({ limit: 256 << 20, swap: (256 + 512) << 20 });
    expect(resources?.cpu).toEqual({ shares: 2048, quota: 50_000, period: 100_000, cpus: "0-1" });
    expect(resources).not.toHaveProperty("pids");
  });

  it("take LONG_MAX for none", () => {
    expect(spec('PHYSPAGES="0:9223372036854775807"').resources).not.toHaveProperty("memory");
  });

  it("are refused when they are no amounts", () => {
    expect(() => spec('PHYSPAGES="lots"')).toThrow(/PHYSPAGES/);
    expect(() => spec('CPULIMIT="half"')).toThrow(/CPULIMIT/);
  });
});

describe("interfaces", () => {
  it("of venet have their addresses, and those of veth their bridge", () => {
    const text = `IP_ADDRESS="10.0.0.5 2001:db8::5"
NETIF="ifname=eth0,bridge=vzbr0,mac=00:18:51:00:00:01,host_ifname=veth101.0;ifname=eth1,mac_filter=on"
NETDEV="eth7"`;
    expect(() => validateSpec(spec(text))).not.toThrow();
    expect(spec(text)).toMatchObject({
      nics: {
        venet0: {
          type: "veth",
          addresses: ["10.0.0.5/32", "2001:db8::5/128"],
          routes: [{ to: "0.0.0.0/0" }, { to: "::/0" }],
        },
        eth0: { type: "veth", master: "vzbr0", mac: "00:18:51:00:00:01", peer: { name: "veth101.0" } },
        eth1: { type: "veth" },
      },
      netDevices: { eth7: {} },
    });
    expect(noted(text, "NETIF")?.reason).toContain("mac_filter");
  });

  it("have a resolver, written in the container and never by a shell's reading", () => {
    const hook = spec('NAMESERVER="10.0.0.1 $(reboot)"\nSEARCHDOMAIN=example.com').hooks?.startContainer?.[0];
    expect(hook?.args?.slice(0, 4)).toEqual(["sh", "-c", 'echo "$1" >/etc/resolv.conf', "sh"]);
    expect(hook?.args?.[4]).toBe("search example.com\nnameserver 10.0.0.1\nnameserver $(reboot)");
  });

  it("may have the host's resolver", () => {
    const files = { ...FILES, "/etc/resolv.conf": "# x\nnameserver 9.9.9.9\n" };
    expect(imported("NAMESERVER=inherit", files).spec.hooks?.startContainer?.[0]?.args?.[4]).toBe("nameserver 9.9.9.9");
  });
});

describe("rights", () => {
  it("are OpenVZ's usual capabilities, more and less", () => {
    const { process, notes } = imported('CAPABILITY="SYS_TIME:on MKNOD:off VE_ADMIN:on"');
    expect(process.capabilities?.bounding).toContain("CAP_SYS_TIME");
    expect(process.capabilities?.bounding).toContain("CAP_NET_ADMIN");
    expect(process.capabilities?.bounding).not.toContain("CAP_MKNOD");
    expect(process.capabilities?.bounding).not.toContain("CAP_SYS_ADMIN");
    expect(notes.map(({ reason }) => reason)).toEqual(["Linux has no VE_ADMIN, which is OpenVZ's own"]);
  });

  it("are devices, with nodes for those that have a name", () => {
    const tun = { type: "c", major: 10, minor: 200 } as const;
    const { spec: made } = imported('DEVNODES="net/tun:rw"\nDEVICES="b:8:all:r c:10:229:none"', FILES, {
      device: () => tun,
    });
    expect(made.devices).toContainEqual({ path: "/dev/net/tun", ...tun, fileMode: 0o600 });
    expect(made.resources?.devices?.slice(-3)).toEqual([
      { allow: true, ...tun, access: "rwm" },
      { allow: true, type: "b", major: 8, access: "rm" },
      { allow: false, type: "c", major: 10, minor: 229 },
    ]);
  });
});
