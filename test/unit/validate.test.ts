import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LibctError } from "../../src/errors.ts";
import {
  type ContainerSpec,
  type Link,
  NAMESPACE_TYPES,
  type NamespaceType,
  type RootDriver,
  type Seccomp,
  standard,
  validateProcess,
  validateSeccomp,
  validateSpec,
} from "../../src/spec/index.ts";
import { object, someText } from "../../src/spec/schema-base.ts";
import { parse } from "../../src/spec/schema-parse.ts";

const failure = (act: () => unknown): LibctError => {
  try {
    act();
  } catch (error) {
    if (error instanceof LibctError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

/** A bad spec: the member that is blamed, and parts of the message. */
type Bad = readonly [spec: unknown, member: string | undefined, ...parts: string[]];

const refuses = (cases: Readonly<Record<string, Bad>>) =>
  it.each(Object.entries(cases))("refuses %s", (_what, [spec, member, ...parts]) => {
    const error = failure(() => validateSpec(spec));
    expect(error.code).toBe("ERR_CT_INVALID_SPEC");
    expect(error.member).toBe(member);
    for (const part of parts) expect(error.message).toContain(part);
  });

const accepts = (cases: Readonly<Record<string, unknown>>) =>
  it.each(Object.entries(cases))("accepts %s", (_what, spec) => {
    expect(validateSpec(spec)).toEqual(spec);
  });

const driver: RootDriver = { type: "test", plan: () => ({ path: "/", steps: [] }) };
const mounts = (...list: readonly unknown[]) => ({ namespaces: ["mount"], mounts: list });
const process = (members: object) => ({ process: members });
const map = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });

describe("the structure of a spec", () => {
  accepts({
    "an empty one": {},
    "the standard one": standard({ userNamespace: false }),
    "the standard one with a user namespace and the host's network": standard({ userNamespace: true, network: "host" }),
    "every namespace": { namespaces: [...NAMESPACE_TYPES] },
    "a root directory": { root: "./rootfs", rootMode: "chroot" },
    "empty lists without namespaces": { mounts: [], devices: [], maskedPaths: [], readonlyRoot: false },
  });

  refuses({
    "what is no object": [null, "", "invalid value null: expected an object"],
    "a list": [[], "", "expected an object"],
    "a map where an object was meant": [
      { process: { env: new Map([["A", "1"]]) } },
      "process.env",
      "an object of strings",
    ],
    "a list where an object was meant": [{ process: [] }, "process", "expected an object"],
    "an unknown member, with the nearest known one": [
      { readonlyRootfs: true },
      "readonlyRootfs",
      "invalid value true",
      'did you mean "readonlyRoot"?',
    ],
    "an unknown member, with all known ones when none is near": [{ xyzzy: 1 }, "xyzzy", "known: name, root, "],
    "an unknown member within": [
      mounts({ destination: "/a", src: "/b" }),
      "mounts[0].src",
      "expected no member of this name",
    ],
    "a missing member": [mounts({ type: "tmpfs" }), "mounts[0].destination", "this member is required"],
    "a namespace by its name in /proc": [
      { namespaces: ["net"] },
      "namespaces[0]",
      'one of "user", "mount"',
      'did you mean "network"?',
    ],
    "a namespace object by that name": [
      { namespaces: [{ type: "mnt" }] },
      "namespaces[0].type",
      'did you mean "mount"?',
    ],
    "a value that is no list": [{ namespaces: "pid" }, "namespaces", "expected a list"],
    "a flag that is none": [{ readonlyRoot: "yes" }, "readonlyRoot", "true or false"],
    "a name that is a directory's own": [{ name: "." }, "name", 'other than "."'],
    "a name that is the directory above": [{ name: ".." }, "name", 'other than "."'],
    "a name that a record without one has": [{ name: "~new" }, "name", "letters, digits"],
    "a name with a slash": [{ name: "a/b" }, "name", "letters, digits"],
    "a name with a line break at its end": [{ name: "web\n" }, "name", "letters, digits"],
    "a name that is too long": [{ name: "a".repeat(129) }, "name", "1 to 128"],
    "an empty name": [{ name: "" }, "name", "1 to 128"],
    "an empty root": [{ root: "" }, "root", "not empty"],
    "a root that is no driver": [{ root: { type: "overlay" } }, "root", "a function `plan`"],
    "a driver whose release is no function": [{ root: { ...driver, release: 1 } }, "root", "root driver"],
    "a mode to enter no root": [{ rootMode: "chroot" }, "rootMode", "add `root`"],
    "an unknown propagation": [{ rootfsPropagation: "rslave" }, "rootfsPropagation", 'did you mean "slave"?'],
    "NUL bytes in a path": [{ namespaces: ["mount"], maskedPaths: ["/a\0b"] }, "maskedPaths[0]", "without NUL bytes"],
    "NUL bytes in a root": [{ root: "/a\0" }, "root", "without NUL bytes"],
    "NUL bytes in a hostname": [{ namespaces: ["uts"], hostname: "a\0" }, "hostname", "without NUL bytes"],
    "NUL bytes in a link": [
      { root: "/r", links: [{ path: "/a", target: "b\0" }] },
      "links[0].target",
      "without NUL bytes",
    ],
    "NUL bytes in a kernel parameter": [
      { namespaces: ["network"], sysctl: { "net.x": "1\0" } },
      "sysctl.net.x",
      "without NUL bytes",
    ],
    "a relative path": [
      { namespaces: ["mount"], readonlyPaths: ["./etc"] },
      "readonlyPaths[0]",
      "an absolute path",
      'write "/etc"',
    ],
    "a path that is too long": [
      { namespaces: ["mount"], maskedPaths: [`/${"ä".repeat(2048)}`] },
      "maskedPaths[0]",
      "at most 4095 bytes",
    ],
    "a number as a kernel parameter": [
      { namespaces: ["network"], sysctl: { "net.ipv4.ip_forward": 1 } },
      "sysctl.net.ipv4.ip_forward",
      'write "1"',
    ],
  });

  it("refuses a bigint and a cycle without stumbling over them", () => {
    expect(failure(() => validateSpec({ name: 5n })).message).toContain('invalid value "5n"');
    const cycle: Record<string, unknown> = {};
    cycle.root = cycle;
    expect(failure(() => validateSpec(cycle)).member).toBe("root");
  });

  it("takes members that are undefined for missing, at any depth", () => {
    const spec = validateSpec({
      name: undefined,
      namespaces: ["mount"],
      mounts: [{ destination: "/a", type: "tmpfs", source: undefined }],
      process: { cwd: undefined },
    });
    expect(spec).toStrictEqual({ namespaces: ["mount"], mounts: [{ destination: "/a", type: "tmpfs" }], process: {} });
  });

  it("gives a copy, which later changes of the input do not reach", () => {
    const env: Record<string, string> = { A: "1" };
    const maskedPaths = ["/proc/keys"];
    const spec = validateSpec({ namespaces: ["mount"], maskedPaths, process: { env } });
    env.A = "2";
    maskedPaths.push("/proc/kcore");
    expect(spec.process?.env).toEqual({ A: "1" });
    expect(spec.maskedPaths).toEqual(["/proc/keys"]);
  });

  it("hands on the very root driver that it was given, also one of a class", () => {
    class Driver implements RootDriver {
      readonly type = "class";
      plan = driver.plan;
      release = undefined as never;
    }
    for (const root of [driver, new Driver()]) {
      expect(validateSpec({ root, namespaces: ["mount"] }).root).toBe(root);
    }
  });

  it("ends for any input with a spec or with a LibctError that names the code", () => {
    const json = fc.jsonValue();
    const members = fc.constantFrom(
      "name",
      "root",
      "namespaces",
      "mounts",
      "devices",
      "process",
      "seccomp",
      "sysctl",
      "uidMappings",
    );
    fc.assert(
      fc.property(fc.dictionary(members, fc.oneof(json, fc.array(json), fc.object())), (input) => {
        try {
          validateSpec(input);
        } catch (error) {
          expect(error).toBeInstanceOf(LibctError);
          expect((error as LibctError).code).toBe("ERR_CT_INVALID_SPEC");
        }
      }),
    );
  });
});

describe("schemas", () => {
  it("do not compile when they lack a member of the type, or have it as another type", () => {
    // @ts-expect-error `target` is missing
    const incomplete = object<Link>({ path: someText }, {});
    // @ts-expect-error `target` is required
    const optional = object<Link>({ path: someText }, { target: someText });
    // @ts-expect-error `type` is no member
    const surplus = object<Link>({ path: someText, target: someText, type: someText }, {});
    const link = { path: "/a", target: "b" };
    expect(failure(() => parse(incomplete, link, "links[0]")).member).toBe("links[0].target");
    expect(failure(() => parse(surplus, link, "links[0]")).member).toBe("links[0].type");
    expect(parse(optional, { path: "/a" }, "links[0]")).toEqual({ path: "/a" });
  });
});

describe("namespaces", () => {
  accepts({
    "a joined one": { namespaces: [{ type: "network", path: "/proc/1/ns/net" }] },
    "mounts in a joined mount namespace": {
      namespaces: [{ type: "mount", path: "/proc/1/ns/mnt" }],
      mounts: [{ destination: "/a", type: "tmpfs" }],
    },
    "a root without a mount namespace, entered by chroot": { root: "/r", links: [{ path: "/a", target: "b" }] },
    "clock offsets": {
      namespaces: ["time"],
      timeOffsets: { boottime: { secs: -5, nanosecs: 999999999 }, monotonic: {} },
    },
    "names of a namespace that is joined": { namespaces: [{ type: "uts", path: "/ns" }], hostname: "web" },
    "names of the longest length": { namespaces: ["uts"], hostname: "h".repeat(64), domainname: "" },
  });

  const needing = (
    member: keyof ContainerSpec,
    value: unknown,
    type: NamespaceType,
  ): Readonly<Record<string, Bad>> => ({
    [`${member} without a ${type} namespace`]: [
      { [member]: value },
      member,
      `${type} namespace`,
      `add "${type}" to namespaces`,
    ],
  });
  const notJoined = (
    member: keyof ContainerSpec,
    value: unknown,
    type: NamespaceType,
  ): Readonly<Record<string, Bad>> => ({
    [`${member} with a joined ${type} namespace`]: [
      { namespaces: [{ type, path: "/ns" }], [member]: value },
      member,
      `a new ${type} namespace`,
      `the ${type} namespace is joined`,
    ],
  });

  refuses({
    "two of a type": [
      { namespaces: ["pid", { type: "pid", path: "/proc/1/ns/pid" }] },
      "namespaces[1]",
      "each type of namespace once",
    ],
    "a relative path of a joined one": [
      { namespaces: [{ type: "pid", path: "ns/pid" }] },
      "namespaces[0].path",
      "an absolute path",
    ],
    ...needing("mounts", [{ destination: "/a", type: "tmpfs" }], "mount"),
    ...needing("devices", [{ path: "/dev/a", type: "p" }], "mount"),
    ...needing("links", [{ path: "/a", target: "b" }], "mount"),
    ...needing("maskedPaths", ["/a"], "mount"),
    ...needing("readonlyPaths", ["/a"], "mount"),
    ...needing("readonlyRoot", true, "mount"),
    ...needing("rootfsPropagation", "private", "mount"),
    ...needing("root", driver, "mount"),
    ...needing("hostname", "web", "uts"),
    ...needing("domainname", "lan", "uts"),
    ...needing("timeOffsets", { boottime: { secs: 1 } }, "time"),
    ...needing("uidMappings", "auto", "user"),
    ...needing("gidMappings", [map(0, 0, 1)], "user"),
    ...notJoined("readonlyRoot", true, "mount"),
    ...notJoined("rootfsPropagation", "shared", "mount"),
    ...notJoined("timeOffsets", { boottime: { secs: 1 } }, "time"),
    ...notJoined("uidMappings", "identity", "user"),
    "pivot_root without a mount namespace": [
      { root: "/r", rootMode: "pivot" },
      "rootMode",
      "the root of the whole host",
    ],
    "moving the root without a mount namespace": [{ root: "/r", rootMode: "move" }, "rootMode", 'add "mount"'],
    "a hostname that the kernel cannot store": [
      { namespaces: ["uts"], hostname: "ä".repeat(33) },
      "hostname",
      "at most 64 bytes",
    ],
    "a fraction of a second": [
      { namespaces: ["time"], timeOffsets: { boottime: { secs: 0.5 } } },
      "timeOffsets.boottime.secs",
      "an integer",
    ],
    "more than a second of nanoseconds": [
      { namespaces: ["time"], timeOffsets: { monotonic: { nanosecs: 1e9 } } },
      "timeOffsets.monotonic.nanosecs",
      "from 0 to 999999999",
    ],
    "an unknown clock": [
      { namespaces: ["time"], timeOffsets: { realtime: {} } },
      "timeOffsets.realtime",
      "known: monotonic, boottime",
    ],
  });
});

describe("id mappings", () => {
  const user = (uidMappings: unknown, more: object = {}) => ({ namespaces: ["user"], uidMappings, ...more });

  accepts({
    "all ids": user([map(0, 0, 4294967295)]),
    "ranges side by side": user([map(0, 1000, 1), map(1, 100000, 65536), map(65537, 1001, 10)]),
    "as many as the kernel takes": user(Array.from({ length: 340 }, (_, index) => map(index, index * 2, 1))),
    words: user("identity", { gidMappings: "auto" }),
  });

  refuses({
    none: [user([]), "uidMappings", "a list that is not empty"],
    "an unknown word": [user("atuo"), "uidMappings", 'did you mean "auto"?'],
    "text for a number": [
      user([{ containerID: "0", hostID: 0, size: 1 }]),
      "uidMappings[0].containerID",
      "without quotes",
    ],
    "a size of zero": [user([map(0, 1000, 0)]), "uidMappings[0].size", "from 1 to"],
    "an id that means unchanged": [user([map(4294967295, 0, 1)]), "uidMappings[0].containerID", "from 0 to 4294967294"],
    "a range beyond the last id inside": [
      user([map(4294967290, 0, 6)]),
      "uidMappings[0].size",
      "at most 5 ids from containerID 4294967290 on",
    ],
    "a range beyond the last id outside": [
      user([map(0, 4294967294, 2)]),
      "uidMappings[0].size",
      "at most 1 ids from hostID",
    ],
    "ranges that overlap inside": [
      user([map(10, 0, 10), map(0, 100, 11)]),
      "uidMappings[1].containerID",
      "10 is already in uidMappings[0] (inside)",
    ],
    "ranges that overlap outside": [
      user([map(0, 5, 10), map(10, 0, 6)]),
      "uidMappings[1].hostID",
      "5 is already in uidMappings[0] (outside)",
    ],
    "more than the kernel takes": [
      user(Array.from({ length: 341 }, (_, index) => map(index, index, 1))),
      "uidMappings",
      "at most 340",
    ],
    "a user that is not mapped": [
      user([map(0, 1000, 1)], { process: { user: { uid: 5, gid: 0 } } }),
      "process.user.uid",
      "an id that uidMappings maps",
      "mapped are 0 to 0",
    ],
    "a further group that is not mapped": [
      user("auto", { gidMappings: [map(0, 0, 10)], process: { user: { uid: 5, gid: 0, additionalGids: [1, 10] } } }),
      "process.user.additionalGids[1]",
      "mapped are 0 to 9",
    ],
  });

  it("finds an overlap exactly when two ranges share an id", () => {
    const extent = fc.record({ containerID: fc.nat(40), hostID: fc.nat(40), size: fc.integer({ min: 1, max: 6 }) });
    fc.assert(
      fc.property(fc.array(extent, { minLength: 1, maxLength: 5 }), (extents) => {
        const shared = (side: "containerID" | "hostID") => {
          const ids = extents.flatMap((item) => Array.from({ length: item.size }, (_, index) => item[side] + index));
          return new Set(ids).size < ids.length;
        };
        if (shared("containerID") || shared("hostID"))
          expect(failure(() => validateSpec(user(extents))).message).toContain("no id twice");
        else expect(validateSpec(user(extents)).uidMappings).toEqual(extents);
      }),
    );
  });
});

describe("mounts", () => {
  const bind = { destination: "/a", source: "/b", options: ["rbind"] };
  accepts({
    "a bind mount of type none": mounts({ ...bind, type: "none" }),
    "a bind mount of type bind": mounts({ ...bind, type: "bind" }),
    "a procfs": mounts({ destination: "/proc", type: "proc", source: "proc" }),
    "the host's procfs": mounts({ destination: "/proc/", source: "/proc", options: ["rbind"] }),
    "files over procfs that hold no state of processes": mounts(
      ...[
        "cpuinfo",
        "diskstats",
        "loadavg",
        "meminfo",
        "slabinfo",
        "stat",
        "swaps",
        "uptime",
        "sys/kernel/ns_last_pid",
      ].map((file) => ({
        destination: `/proc/${file}`,
        source: `/var/lib/lxcfs/proc/${file}`,
        options: ["bind"],
      })),
    ),
    "a path that only looks like /proc": mounts({ destination: "/process", type: "tmpfs" }),
    "a remount of the root": mounts({ destination: "/", options: ["remount", "bind", "ro"] }),
    "a tmpfs with what was there": mounts({ destination: "/etc", type: "tmpfs", options: ["tmpcopyup"] }),
    "an idmapped mount": mounts({
      ...bind,
      options: ["bind", "idmap"],
      uidMappings: [map(0, 1000, 1)],
      gidMappings: [map(0, 1000, 1)],
    }),
    "an idmapped mount by the container's own mapping": {
      namespaces: ["user", "mount"],
      mounts: [{ ...bind, options: ["bind", "idmap"] }],
    },
  });

  const deceived = "deceive";
  refuses({
    "a relative destination": [mounts({ destination: "a", type: "tmpfs" }), "mounts[0].destination", 'write "/a"'],
    "the root as destination": [
      mounts({ destination: "/a/..", type: "tmpfs" }),
      "mounts[0].destination",
      "a path below /",
    ],
    "a tmpfs over /proc": [
      mounts({ destination: "/proc", type: "tmpfs" }),
      "mounts[0].destination",
      deceived,
      '"type": "proc"',
    ],
    "a directory over /proc": [mounts({ ...bind, destination: "//proc/" }), "mounts[0].destination", deceived],
    "a directory over /proc that is called proc": [
      mounts({ ...bind, destination: "/proc", source: "/proc/../tmp" }),
      "mounts[0].destination",
      deceived,
    ],
    "a file within /proc": [
      mounts({ ...bind, destination: "/proc/self/attr/exec" }),
      "mounts[0].destination",
      deceived,
      "maskedPaths",
    ],
    "a file within /proc by a detour": [
      mounts({ ...bind, destination: "/sys/../proc/./sys" }),
      "mounts[0].destination",
      deceived,
    ],
    "a bind mount of nothing": [mounts({ destination: "/a", options: ["bind"] }), "mounts[0].source", "the host path"],
    "a bind mount that does not say so": [
      mounts({ destination: "/a", source: "/b" }),
      "mounts[0].type",
      'add "bind" to its options',
    ],
    "the type bind without the option": [
      mounts({ destination: "/a", source: "/b", type: "bind" }),
      "mounts[0].type",
      '"rbind"',
    ],
    "a mount of nothing": [mounts({ destination: "/a" }), "mounts[0].type", "a filesystem type"],
    "copying up into what is no tmpfs": [
      mounts({ destination: "/a", type: "ramfs", options: ["tmpcopyup"] }),
      "mounts[0].type",
      '"tmpfs"',
    ],
    "a misspelt option of the second mount": [
      mounts(bind, { ...bind, options: ["bind", "noexce"] }),
      "mounts[1].options[1]",
      '"noexec"',
    ],
    "an option with a NUL byte": [mounts({ ...bind, options: ["bind\0"] }), "mounts[0].options[0]", "NUL"],
    "mappings of users only": [
      mounts({ ...bind, uidMappings: [map(0, 0, 1)] }),
      "mounts[0].gidMappings",
      "as uidMappings is given",
    ],
    "mappings of groups only": [
      mounts({ ...bind, gidMappings: [map(0, 0, 1)] }),
      "mounts[0].uidMappings",
      "as gidMappings is given",
    ],
    "mappings that overlap": [
      mounts({ ...bind, uidMappings: [map(0, 0, 2), map(1, 5, 1)], gidMappings: [map(0, 0, 1)] }),
      "mounts[0].uidMappings[1].containerID",
      "no id twice",
    ],
    "an idmapped mount without mappings": [
      mounts({ ...bind, options: ["bind", "ridmap"] }),
      "mounts[0].options",
      'mappings for "ridmap"',
    ],
    "an idmapped tmpfs": [
      mounts({ destination: "/a", type: "tmpfs", options: ["idmap"] }),
      "mounts[0].options",
      "a bind mount",
    ],
  });
});

describe("devices and links", () => {
  const devices = (...list: readonly unknown[]) => ({ namespaces: ["mount"], devices: list });
  const tty = { path: "/dev/tty", type: "c", major: 5, minor: 0 };
  accepts({
    "devices of all types": devices(
      tty,
      { ...tty, path: "/dev/b", type: "b" },
      { ...tty, path: "/dev/u", type: "u" },
      { path: "/dev/p", type: "p" },
    ),
    "the greatest numbers and all permissions": devices({
      ...tty,
      major: 4095,
      minor: 1048575,
      fileMode: 0o7777,
      uid: 4294967294,
      gid: 0,
    }),
  });
  refuses({
    "an unknown type": [devices({ ...tty, type: "s" }), "devices[0].type", 'one of "c", "b", "u", "p"'],
    "a device without a major number": [
      devices({ path: "/dev/a", type: "c", minor: 1 }),
      "devices[0].major",
      "the major number",
    ],
    "a device without a minor number": [
      devices(tty, { path: "/dev/a", type: "b", major: 1 }),
      "devices[1].minor",
      "the minor number",
    ],
    "a major number that the kernel has no room for": [
      devices({ ...tty, major: 4096 }),
      "devices[0].major",
      "from 0 to 4095",
    ],
    "type bits in the mode": [devices({ ...tty, fileMode: 0o20666 }), "devices[0].fileMode", "permission bits only"],
    "a device twice": [devices(tty, tty), "devices[1].path", "each device once"],
    "a relative path": [devices({ ...tty, path: "dev/tty" }), "devices[0].path", "an absolute path"],
    "a link without a target": [{ root: "/r", links: [{ path: "/a", target: "" }] }, "links[0].target", "not empty"],
  });
});

describe("kernel parameters", () => {
  const sysctl = (namespace: string, name: string, value = "1", more: object = {}) => ({
    namespaces: namespace === "" ? [] : [namespace],
    sysctl: { [name]: value },
    ...more,
  });
  accepts({
    "shared memory": sysctl("ipc", "kernel.shmmax"),
    "removed segments": sysctl("ipc", "kernel.shm_rmid_forced"),
    "message queues": sysctl("ipc", "kernel.msgmax"),
    semaphores: sysctl("ipc", "kernel.sem", "32000 1024000000 500 32000"),
    "POSIX message queues": sysctl("ipc", "fs.mqueue.msg_max"),
    "the network": sysctl("network", "net.ipv4.ip_forward"),
    "the network, of an interface with a dot": sysctl("network", "net/ipv4/conf/eth0.5/forwarding"),
    "limits of a user namespace": sysctl("user", "user.max_user_namespaces"),
    "the network, of a namespace that is joined": {
      namespaces: [{ type: "network", path: "/ns" }],
      sysctl: { "net.ipv4.ip_forward": "1" },
    },
    "the domain": sysctl("uts", "kernel.domainname", "lan"),
    "the hostname, when it is the spec's": sysctl("uts", "kernel.hostname", "web", { hostname: "web" }),
  });
  const wholeMachine = "for the whole machine";
  refuses({
    "those of the whole machine": [
      sysctl("ipc", "kernel.core_pattern", "|/x"),
      "sysctl.kernel.core_pattern",
      wholeMachine,
      "namespaced are",
    ],
    "those that only begin like namespaced ones": [
      sysctl("ipc", "kernel.semantics"),
      "sysctl.kernel.semantics",
      wholeMachine,
    ],
    "kernel.pid_max": [sysctl("pid", "kernel.pid_max"), "sysctl.kernel.pid_max", wholeMachine],
    "a way out of what is permitted": [
      sysctl("network", "net/../kernel/core_pattern"),
      "sysctl.net/../kernel/core_pattern",
      "the name of a kernel parameter",
    ],
    "a way out by dots": [
      sysctl("network", "net....kernel.core_pattern"),
      "sysctl.net....kernel.core_pattern",
      "the name of a kernel parameter",
    ],
    "an absolute path": [
      sysctl("network", "/net/ipv4/ip_forward"),
      "sysctl./net/ipv4/ip_forward",
      "the name of a kernel parameter",
    ],
    "an empty name": [sysctl("network", ""), 'sysctl[""]', "the name of a kernel parameter"],
    "the network's without its namespace": [
      sysctl("", "net.ipv4.ip_forward"),
      "sysctl.net.ipv4.ip_forward",
      'add "network"',
    ],
    "shared memory without an ipc namespace": [sysctl("network", "kernel.shmall"), "sysctl.kernel.shmall", 'add "ipc"'],
    "message queues without an ipc namespace": [
      sysctl("", "fs.mqueue.msg_max"),
      "sysctl.fs.mqueue.msg_max",
      'add "ipc"',
    ],
    "the hostname without a uts namespace": [
      sysctl("", "kernel.hostname", "web"),
      "sysctl.kernel.hostname",
      "own member hostname",
    ],
    "a second, other hostname": [
      sysctl("uts", "kernel.hostname", "web", { hostname: "db" }),
      "sysctl.kernel.hostname",
      'the same as hostname, "db"',
    ],
  });
});

describe("a process", () => {
  const caps = (capabilities: object) => process({ capabilities });
  const limits = (...rlimits: readonly unknown[]) => process({ rlimits });
  accepts({
    "users by name": process({ user: "www-data" }),
    "users by name and group": process({ user: "app:staff" }),
    "users by ids in text": process({ user: "1000:100" }),
    "users by ids": process({ user: { uid: 4294967294, gid: 0, additionalGids: [1, 2], umask: 0o077 } }),
    "no capabilities": caps({}),
    "sets within sets": caps({
      bounding: ["CAP_CHOWN", "CAP_KILL"],
      permitted: ["CAP_KILL"],
      effective: ["CAP_KILL"],
      inheritable: ["CAP_KILL"],
      ambient: ["CAP_KILL"],
    }),
    limits: limits(
      { type: "RLIMIT_NOFILE", soft: 1024, hard: 1024 },
      { type: "RLIMIT_CORE", soft: 0, hard: -1 },
      { type: "RLIMIT_AS", soft: -1, hard: -1 },
    ),
    landlock: process({
      noNewPrivileges: true,
      landlock: { readOnly: ["/usr"], readWrite: [], bindTcp: [0, 65535], connectTcp: [] },
    }),
    "the rest": process({
      cwd: "/srv",
      env: { PATH: "/bin", EMPTY: "" },
      oomScoreAdj: -1000,
      apparmorProfile: "",
      selinuxLabel: "system_u:system_r:container_t:s0",
      newSessionKeyring: true,
      personality: "LINUX32",
      terminal: true,
      consoleSize: { height: 0, width: 65535 },
      args: ["echo", ""],
    }),
  });
  refuses({
    "no arguments": [process({ args: [] }), "process.args", "a list that is not empty"],
    "an empty program": [process({ args: [""] }), "process.args[0]", "the program to execute"],
    "an argument with a NUL byte": [process({ args: ["a", "b\0"] }), "process.args[1]", "NUL"],
    "a number as argument": [process({ args: ["sleep", 5] }), "process.args[1]", 'write "5"'],
    "a variable with =": [process({ env: { "A=B": "1" } }), 'process.env["A=B"]', 'invalid value "A=B"', 'without "="'],
    "a variable without a name": [process({ env: { "": "1" } }), 'process.env[""]', "the name of a variable"],
    "a variable with a NUL byte": [process({ env: { A: "1\0" } }), "process.env.A", "NUL"],
    "a name with a NUL byte": [process({ env: { "A\0": "1" } }), 'process.env["A\\u0000"]', "NUL"],
    "variables as a list": [process({ env: ["A=1"] }), "process.env", "an object of strings"],
    "a relative directory": [process({ cwd: "srv" }), "process.cwd", 'write "/srv"'],
    "an empty user": [process({ user: "" }), "process.user", '"user" or "user:group"'],
    "a user with two groups": [process({ user: "a:b:c" }), "process.user", '"user" or "user:group"'],
    "an id in text that means unchanged": [process({ user: "4294967295" }), "process.user", '"user" or "user:group"'],
    "a user without a group": [process({ user: { uid: 0 } }), "process.user.gid", "required"],
    "an id that means unchanged": [
      process({ user: { uid: 4294967295, gid: 0 } }),
      "process.user.uid",
      "from 0 to 4294967294",
    ],
    "a umask in decimal": [process({ user: { uid: 0, gid: 0, umask: 777 } }), "process.user.umask", "from 0 to 511"],
    "too many groups": [
      process({ user: { uid: 0, gid: 0, additionalGids: Array.from({ length: 65537 }, () => 1) } }),
      "process.user.additionalGids",
      "at most 65536 groups",
    ],
    "capabilities in lower case": [
      caps({ bounding: ["net_admin"] }),
      "process.capabilities.bounding[0]",
      'did you mean "CAP_NET_ADMIN"?',
    ],
    "capabilities without their prefix": [
      caps({ bounding: ["CAP_CHOWN", "SYS_ADMIN"] }),
      "process.capabilities.bounding[1]",
      '"CAP_SYS_ADMIN"',
    ],
    "capabilities of no kernel": [
      caps({ bounding: ["everything"] }),
      "process.capabilities.bounding[0]",
      "capabilities(7)",
    ],
    "effective ones that are not permitted": [
      caps({ effective: ["CAP_KILL"] }),
      "process.capabilities.effective[0]",
      'add "CAP_KILL" to process.capabilities.permitted',
    ],
    "inheritable ones that are not bounding": [
      caps({ inheritable: ["CAP_KILL"] }),
      "process.capabilities.inheritable[0]",
      "bounding",
    ],
    "ambient ones that are not permitted": [
      caps({ bounding: ["CAP_KILL"], inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"] }),
      "process.capabilities.ambient[0]",
      "permitted",
    ],
    "ambient ones that are not inheritable": [
      caps({ permitted: ["CAP_KILL"], ambient: ["CAP_KILL"] }),
      "process.capabilities.ambient[0]",
      "inheritable",
    ],
    "a limit without its prefix": [
      limits({ type: "nofile", soft: 1, hard: 1 }),
      "process.rlimits[0].type",
      'did you mean "RLIMIT_NOFILE"?',
    ],
    "a soft limit above the hard one": [
      limits({ type: "RLIMIT_NOFILE", soft: 2, hard: 1 }),
      "process.rlimits[0].soft",
      "at most the hard limit, 1",
    ],
    "no soft limit below a hard one": [
      limits({ type: "RLIMIT_NOFILE", soft: -1, hard: 1 }),
      "process.rlimits[0].soft",
      "at most the hard limit",
    ],
    "the kernel's number for unlimited": [
      limits({ type: "RLIMIT_AS", soft: 0, hard: 2 ** 64 }),
      "process.rlimits[0].hard",
      "-1 is unlimited",
    ],
    "a limit twice": [
      limits({ type: "RLIMIT_NOFILE", soft: 1, hard: 1 }, { type: "RLIMIT_NOFILE", soft: 1, hard: 1 }),
      "process.rlimits[1].type",
      "each limit once",
    ],
    "a score out of range": [process({ oomScoreAdj: 1001 }), "process.oomScoreAdj", "from -1000 to 1000"],
    "landlock without noNewPrivileges": [
      process({ landlock: {} }),
      "process.noNewPrivileges",
      "add noNewPrivileges: true",
    ],
    "relative paths of landlock": [
      process({ noNewPrivileges: true, landlock: { readOnly: ["usr"] } }),
      "process.landlock.readOnly[0]",
      "an absolute path",
    ],
    "ports out of range": [
      process({ noNewPrivileges: true, landlock: { bindTcp: [65536] } }),
      "process.landlock.bindTcp[0]",
      "from 0 to 65535",
    ],
    "an unknown personality": [process({ personality: "linux32" }), "process.personality", 'did you mean "LINUX32"?'],
    "half a size": [process({ consoleSize: { height: 25 } }), "process.consoleSize.width", "required"],
    "a size that is too great": [
      process({ consoleSize: { height: 25, width: 65536 } }),
      "process.consoleSize.width",
      "from 0 to 65535",
    ],
  });

  it("is validated alone as well, under the name that it is given", () => {
    expect(validateProcess({ args: ["true"], cwd: undefined })).toStrictEqual({ args: ["true"] });
    expect(failure(() => validateProcess({}, "exec")).member).toBe("exec.args");
    expect(failure(() => validateProcess({ args: ["a"], cwd: "b" })).member).toBe("process.cwd");
    expect(failure(() => validateProcess({ args: ["a"], landlock: {} }, "exec")).hint).toBe(
      "add noNewPrivileges: true beside exec.landlock",
    );
    expect(failure(() => validateProcess("ls")).message).toContain("expected an object (process)");
  });
});

describe("resources", () => {
  const resources = (members: object) => ({ resources: members });
  accepts({
    limits: resources({ memory: { limit: 268435456 }, pids: { limit: 64 } }),
    "a limit as text": resources({ memory: { limit: "256M" } }),
    "no limits": resources({ memory: {} }),
    "no limit, said by -1": resources({ memory: { limit: -1, swap: -1 }, pids: { limit: -1 }, cpu: { quota: -1 } }),
    "a place for its cgroups": { cgroupsPath: "/my.slice/web" },
    "cgroups by systemd": { cgroup: { driver: "systemd", slice: "my.slice", name: "web" } },
    "no cgroups at all": { name: "web", cgroup: { driver: "none" } },
    "cgroups by libct": { cgroup: { driver: "cgroupfs" }, cgroupsPath: "/web" },
    "rules for devices": resources({ devices: [{ allow: false }, { allow: true, type: "c", major: 1, minor: -1 }] }),
    "files of version 2": resources({ unified: { "memory.high": "1000000" } }),
  });
  refuses({
    "a limit that is no size": [resources({ memory: { limit: "much" } }), "resources.memory.limit", "a size such as"],
    "no process at all": [resources({ pids: { limit: 0 } }), "resources.pids.limit", "from 1 to 4194304"],
    "swap alone": [resources({ memory: { swap: "1G" } }), "resources.memory.swap", "memory.limit beside it"],
    "less swap than memory": [
      resources({ memory: { limit: "2G", swap: "1G" } }),
      "resources.memory.swap",
      "at least memory.limit, 2G: it counts memory and swap together",
    ],
    "a burst above the quota": [
      resources({ cpu: { quota: 2000, burst: 3000 } }),
      "resources.cpu.burst",
      "at most cpu.quota",
    ],
    "too short a period": [resources({ cpu: { period: 10 } }), "resources.cpu.period", "from 1000 to 1000000"],
    "processors that are no list": [
      resources({ cpu: { cpus: "all" } }),
      "resources.cpu.cpus",
      'a list such as "0-3,7"',
    ],
    "a weight of 5": [resources({ blockIO: { weight: 5 } }), "resources.blockIO.weight", "from 10 to 1000"],
    "a rate without a device": [
      resources({ blockIO: { throttleReadBpsDevice: [{ rate: 1 }] } }),
      "resources.blockIO.throttleReadBpsDevice[0].major",
      "required",
    ],
    "a rule for all devices with a number": [
      resources({ devices: [{ allow: true, major: 1 }] }),
      "resources.devices[0].type",
      '"c" or "b" beside major',
    ],
    "a rule with unknown rights": [
      resources({ devices: [{ allow: true, access: "rx" }] }),
      "resources.devices[0].access",
      'one to three of "r", "w" and "m"',
    ],
    "a page size that is a number": [
      resources({ hugepageLimits: [{ pageSize: "2048", limit: 1 }] }),
      "resources.hugepageLimits[0].pageSize",
      'such as "2MB"',
    ],
    "a file of the core": [
      resources({ unified: { "cgroup.freeze": "1" } }),
      "resources.unified.cgroup.freeze",
      "the name of a file of a controller",
    ],
    "another maker of cgroups": [{ cgroup: { driver: "upstart" } }, "cgroup.driver", '"cgroupfs"', '"systemd"'],
    "a slice without systemd": [{ cgroup: { driver: "cgroupfs", slice: "a.slice" } }, "cgroup.slice", "only systemd"],
    "limits without cgroups": [{ cgroup: { driver: "none" }, resources: {} }, "resources", '"none"'],
    "a place for no cgroups": [{ cgroup: { driver: "none" }, cgroupsPath: "/a" }, "cgroupsPath", '"none"'],
    "a path beside systemd": [{ cgroup: { driver: "systemd" }, cgroupsPath: "/a" }, "cgroupsPath", "cgroup.slice"],
    "restarts in a scope": [
      { lifetime: "host", restart: { policy: "always" }, cgroup: { driver: "systemd" } },
      "restart.policy",
      "a scope ends with its processes",
    ],
    "a way out of the hierarchy": [{ cgroupsPath: "/a/../../b" }, "cgroupsPath", 'without "." and ".."'],
    "an unknown resource": [resources({ memori: {} }), "resources.memori", 'did you mean "memory"?'],
  });
});

describe("seccomp", () => {
  const profile = (members: object) => ({ seccomp: { defaultAction: "SCMP_ACT_ERRNO", ...members } });
  const rule = (members: object) => profile({ syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", ...members }] });
  const arg = (members: object) => rule({ args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ", ...members }] });
  accepts({
    "the default profile": { seccomp: "default" },
    none: { seccomp: "unconfined" },
    "names that only other kernels know": rule({ names: ["not_yet_a_syscall"] }),
    "an errno and architectures": profile({
      defaultErrnoRet: 38,
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
    }),
    "an errno for a tracer": rule({ action: "SCMP_ACT_TRACE", errnoRet: 5 }),
    "64-bit values": arg({ value: 0xffff_ffff_ffff_ffffn, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }),
    "a listener": {
      seccomp: {
        defaultAction: "SCMP_ACT_NOTIFY",
        listenerPath: "/run/agent",
        listenerMetadata: "x",
        syscalls: [{ names: ["write"], action: "SCMP_ACT_ALLOW" }],
      },
    },
  });
  refuses({
    "an unknown word": [{ seccomp: "defualt" }, "seccomp", 'did you mean "default"?', "a profile in the OCI's form"],
    "an unknown action": [rule({ action: "allow" }), "seccomp.syscalls[0].action", 'did you mean "SCMP_ACT_ALLOW"?'],
    "an unknown architecture": [
      profile({ architectures: ["x86_64"] }),
      "seccomp.architectures[0]",
      '"SCMP_ARCH_X86_64"',
    ],
    "an unknown flag": [profile({ flags: ["LOG"] }), "seccomp.flags[0]", '"SECCOMP_FILTER_FLAG_LOG"'],
    "an unknown operator": [arg({ op: "==" }), "seccomp.syscalls[0].args[0].op", "SCMP_CMP_EQ"],
    "a rule for nothing": [rule({ names: [] }), "seccomp.syscalls[0].names", "a list that is not empty"],
    "an empty name": [rule({ names: [""] }), "seccomp.syscalls[0].names[0]", "not empty"],
    "a seventh argument": [arg({ index: 6 }), "seccomp.syscalls[0].args[0].index", "from 0 to 5"],
    "a number that is not exact": [arg({ value: 2 ** 63 }), "seccomp.syscalls[0].args[0].value", "it must be a bigint"],
    "a number of more than 64 bits": [
      arg({ value: 1n << 64n }),
      "seccomp.syscalls[0].args[0].value",
      'invalid value "18446744073709551616n"',
    ],
    "a negative number": [arg({ value: -1 }), "seccomp.syscalls[0].args[0].value", "an unsigned 64-bit integer"],
    "an errno where none is returned": [
      rule({ errnoRet: 1 }),
      "seccomp.syscalls[0].errnoRet",
      "no errno with SCMP_ACT_ALLOW",
    ],
    "a default errno where none is returned": [
      { seccomp: { defaultAction: "SCMP_ACT_KILL", defaultErrnoRet: 1 } },
      "seccomp.defaultErrnoRet",
      "leave it out",
    ],
    "notifications for nobody": [
      rule({ action: "SCMP_ACT_NOTIFY" }),
      "seccomp.syscalls[0].action",
      "listenerPath with it",
    ],
    "notifications of all calls for nobody": [
      { seccomp: { defaultAction: "SCMP_ACT_NOTIFY" } },
      "seccomp.defaultAction",
      "listenerPath",
    ],
    "data for nobody": [profile({ listenerMetadata: "x" }), "seccomp.listenerMetadata", "listenerPath with it"],
    "an unknown member": [
      profile({ defaultAction: "SCMP_ACT_ALLOW", syscall: [] }),
      "seccomp.syscall",
      'did you mean "syscalls"?',
    ],
  });

  it("gives the same frozen object for the same content, and notices changes of the caller's", () => {
    const mine = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["ptrace"], action: "SCMP_ACT_ERRNO" }] };
    const first = validateSpec({ seccomp: mine }).seccomp;
    expect(validateSpec({ seccomp: structuredClone(mine) }).seccomp).toBe(first);
    expect(validateSeccomp(mine)).toBe(first);
    expect(Object.isFrozen((first as Seccomp).syscalls?.[0])).toBe(true);
    mine.syscalls.push({ names: ["mount"], action: "SCMP_ACT_ERRNO" });
    expect(validateSpec({ seccomp: mine }).seccomp).toEqual(mine);
    expect(first).not.toEqual(mine);
  });
});
