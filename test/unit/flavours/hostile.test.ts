import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LibctError } from "../../../src/errors.ts";
import type { ImportContext, Imported } from "../../../src/flavours/index.ts";
import { importLxc } from "../../../src/flavours/lxc/index.ts";
import { findMachine, importNspawn } from "../../../src/flavours/nspawn/index.ts";
import { importOpenvz } from "../../../src/flavours/openvz/index.ts";
import { validateSpec } from "../../../src/spec/index.ts";
import { contextWith } from "./context.ts";

/** Words that mean something somewhere, and some that mean nothing. */
const value = fc.oneof(
  fc.constantFrom(
    "", "0", "1", "-1", "yes", "no", "up", "veth", "phys", "macvlan", "none", "empty", "a", "c 1:3 rwm", "proc:mixed sys", "cgroup:rw:force",
    "u 0 100000 65536", "g 0 100000 65536", "max", "100M", "0:256M", "unlimited", "infinity", "10:20", "/srv", "/srv:/data:rbind", "dir:/srv", "overlay:/a:/b",
    "proc proc proc nodev 0 0", "/x y none bind,optional 0 0", "kill chown", "net_admin:on", "ifname=eth0,bridge=br0", "10.0.0.2/24", "10.0.0.1", "auto", "pick",
    "identity", "net/tun:rw", "b:8:0:rw", "SIGRTMIN+3", "a b 'c d'", "A=1", "2001:db8::1", "eth0", "/p", "xx:16:3e:xx:xx:xx",
  ),
  fc.string(),
  fc.integer().map(String),
); // biome-ignore format: a list of words

const lxcKey = fc.constantFrom(
  ..."rootfs.path rootfs.options idmap mount.auto mount.entry mount.fstab cap.drop cap.keep net.0.type net.0.link net.0.flags net.0.name net.0.hwaddr net.0.mtu net.0.ipv4.address net.0.ipv4.gateway net.0.vlan.id net.1.type net cgroup.devices.allow cgroup2.devices.deny cgroup.memory.limit_in_bytes cgroup2.memory.max cgroup2.memory.swap.max cgroup2.cpu.max cgroup.blkio.throttle.read_bps_device namespace.keep namespace.share.net time.offset.boot prlimit.nofile sysctl.net.ipv4.ip_forward init.cmd init.uid init.groups environment hook.start hook.version seccomp.profile signal.halt arch tty.max pty.max autodev network.type network.ipv4 utsname include uts.name"
    .split(" ")
    .map((key) => `lxc.${key}`),
);
const openvzKey = fc.constantFrom(
  ..."PHYSPAGES SWAPPAGES PRIVVMPAGES VMGUARPAGES NUMPROC NUMPTY SHMPAGES CPUUNITS CPULIMIT CPUS CPUMASK IOPRIO NETIF IP_ADDRESS NETDEV HOSTNAME NAMESERVER CAPABILITY DEVNODES DEVICES LOCAL_UID DISABLED NAME FEATURES".split(
    " ",
  ),
);
const nspawnKey = fc.constantFrom(
  ..."Boot Parameters Environment User WorkingDirectory Capability DropCapability LimitNOFILE OOMScoreAdjust CPUAffinity PrivateUsers Personality Hostname ResolvConf KillSignal Ephemeral MachineID Bind BindReadOnly TemporaryFileSystem Inaccessible Overlay OverlayReadOnly Volatile ReadOnly Private VirtualEthernet VirtualEthernetExtra Bridge Zone MACVLAN Interface Port".split(
    " ",
  ),
);

const FILES = {
  "/p": "2\ndenylist\nmknod errno 1\n",
  "/vz/private/web/etc/passwd": "",
  "/var/lib/machines/web/bin/sh": "",
};

/** Whatever a configuration says: a valid specification, or an error that tells the user what is wrong. */
function isTakenOrRefused(path: string, text: string, translate: (context: ImportContext) => Imported): boolean {
  try {
    validateSpec(translate(contextWith({ ...FILES, [path]: text })).spec);
  } catch (error) {
    if (!(error instanceof LibctError)) throw error;
  }
  return true;
}

const linesOf = (key: fc.Arbitrary<string>, format: (key: string, value: string) => string) =>
  fc
    .array(fc.tuple(key, value), { maxLength: 12 })
    .map((pairs) => pairs.map(([name, text]) => format(name, text)).join("\n"));

describe("a word that every object of JavaScript has", () => {
  const words = ["constructor", "__proto__", "toString", "hasOwnProperty"];
  const keysOf = ({ notes }: Imported) => notes.map(({ key, reason }) => [key, typeof reason]);

  it.each(words)("is no key of anybody's: %s", (word) => {
    const keys = [word, `lxc.${word}`, `lxc.hook.${word}`, `lxc.cgroup.${word}`];
    const text = `lxc.rootfs.path = /srv\n${keys.map((key) => `${key} = x`).join("\n")}`;
    const expected = (names: readonly string[]) => names.map((key) => [key, "string"]);
    expect(keysOf(importLxc("/c", contextWith({ "/c": text })))).toEqual(expected(keys));
    const openvz = importOpenvz("/e/c", contextWith({ ...FILES, "/e/c": `${word}=x` }));
    expect(keysOf(openvz)).toEqual(expected([word]));
    const path = "/etc/systemd/nspawn/web.nspawn";
    const context = contextWith({ ...FILES, [path]: `[Exec]\n${word}=x` });
    expect(keysOf(importNspawn(findMachine("web", context), context))).toEqual(expected([`Exec.${word}`]));
  });

  it.each(words)("may be a name as any other: %s", (word) => {
    const text = `lxc.net.0.type = veth\nlxc.net.0.flags = up\nlxc.net.0.name = ${word}\nlxc.environment = ${word}=1`;
    const { spec, process } = importLxc("/c", contextWith({ "/c": text }));
    expect([Object.keys(spec.nics ?? {}), Object.hasOwn(process.env ?? {}, word)]).toEqual([[word], true]);
  });
});

describe("a configuration that makes no sense is refused with an error of libct's, or taken", () => {
  it("of LXC", () => {
    const text = fc.oneof(
      linesOf(lxcKey, (key, one) => `${key} = ${one}`),
      fc.string(),
    );
    fc.assert(fc.property(text, (one) => isTakenOrRefused("/c", one, (context) => importLxc("/c", context))));
  });

  it("of OpenVZ", () => {
    const text = fc.oneof(
      linesOf(openvzKey, (key, one) => `${key}="${one}"`),
      fc.string(),
    );
    fc.assert(fc.property(text, (one) => isTakenOrRefused("/e/c", one, (context) => importOpenvz("/e/c", context))));
  });

  it("of systemd-nspawn", () => {
    const path = "/etc/systemd/nspawn/web.nspawn";
    const section = fc.constantFrom("Exec", "Files", "Network");
    const text = fc.oneof(
      fc
        .tuple(
          section,
          linesOf(nspawnKey, (key, one) => `${key}=${one}`),
        )
        .map(([name, lines]) => `[${name}]\n${lines}`),
      fc.string(),
    );
    const translate = (context: ImportContext) => importNspawn(findMachine("web", context), context);
    fc.assert(fc.property(text, (one) => isTakenOrRefused(path, one, translate)));
  });
});
