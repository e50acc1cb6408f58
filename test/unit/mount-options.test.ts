import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LibctError } from "../../src/errors.ts";
import { MOUNT_ATTR, MS } from "../../src/linux/index.ts";
import { mountAttributes, parseMountOptions } from "../../src/spec/index.ts";

const parse = (...options: string[]) => parseMountOptions(options, "mounts[0].options");

const failure = (act: () => unknown): LibctError => {
  try {
    act();
  } catch (error) {
    if (error instanceof LibctError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

const neutral = {
  bind: false,
  recursive: false,
  remount: false,
  flagsSet: 0,
  flagsClear: 0,
  recursiveSet: 0,
  recursiveClear: 0,
  propagation: 0,
  idmap: "none",
  tmpcopyup: false,
  data: "",
};

/** config.md, "Linux mount options": every row of the table, and what it must turn into. */
const ATIME = MOUNT_ATTR.ATIME;
const TABLE: Readonly<Record<string, object>> = {
  async: { flagsClear: MS.SYNCHRONOUS },
  atime: { flagsClear: MS.NOATIME },
  bind: { bind: true },
  defaults: {},
  dev: { flagsClear: MS.NODEV },
  diratime: { flagsClear: MS.NODIRATIME },
  dirsync: { flagsSet: MS.DIRSYNC },
  exec: { flagsClear: MS.NOEXEC },
  iversion: { flagsSet: MS.I_VERSION },
  lazytime: { flagsSet: MS.LAZYTIME },
  loud: { flagsClear: MS.SILENT },
  mand: { flagsSet: MS.MANDLOCK },
  noatime: { flagsSet: MS.NOATIME, flagsClear: MS.RELATIME | MS.STRICTATIME },
  nodev: { flagsSet: MS.NODEV },
  nodiratime: { flagsSet: MS.NODIRATIME },
  noexec: { flagsSet: MS.NOEXEC },
  noiversion: { flagsClear: MS.I_VERSION },
  nolazytime: { flagsClear: MS.LAZYTIME },
  nomand: { flagsClear: MS.MANDLOCK },
  norelatime: { flagsClear: MS.RELATIME },
  nostrictatime: { flagsClear: MS.STRICTATIME },
  nosuid: { flagsSet: MS.NOSUID },
  nosymfollow: { flagsSet: MS.NOSYMFOLLOW },
  private: { propagation: MS.PRIVATE },
  ratime: { recursiveClear: ATIME },
  rbind: { bind: true, recursive: true },
  rdev: { recursiveClear: MOUNT_ATTR.NODEV },
  rdiratime: { recursiveClear: MOUNT_ATTR.NODIRATIME },
  relatime: { flagsSet: MS.RELATIME, flagsClear: MS.NOATIME | MS.STRICTATIME },
  remount: { remount: true },
  rexec: { recursiveClear: MOUNT_ATTR.NOEXEC },
  rnoatime: { recursiveSet: MOUNT_ATTR.NOATIME, recursiveClear: ATIME },
  rnodev: { recursiveSet: MOUNT_ATTR.NODEV },
  rnodiratime: { recursiveSet: MOUNT_ATTR.NODIRATIME },
  rnoexec: { recursiveSet: MOUNT_ATTR.NOEXEC },
  rnorelatime: {},
  rnostrictatime: { recursiveClear: ATIME },
  rnosuid: { recursiveSet: MOUNT_ATTR.NOSUID },
  rnosymfollow: { recursiveSet: MOUNT_ATTR.NOSYMFOLLOW },
  ro: { flagsSet: MS.RDONLY },
  rprivate: { propagation: MS.PRIVATE | MS.REC },
  rrelatime: { recursiveClear: ATIME },
  rro: { recursiveSet: MOUNT_ATTR.RDONLY },
  rrw: { recursiveClear: MOUNT_ATTR.RDONLY },
  rshared: { propagation: MS.SHARED | MS.REC },
  rslave: { propagation: MS.SLAVE | MS.REC },
  rstrictatime: { recursiveSet: MOUNT_ATTR.STRICTATIME, recursiveClear: ATIME },
  rsuid: { recursiveClear: MOUNT_ATTR.NOSUID },
  rsymfollow: { recursiveClear: MOUNT_ATTR.NOSYMFOLLOW },
  runbindable: { propagation: MS.UNBINDABLE | MS.REC },
  rw: { flagsClear: MS.RDONLY },
  shared: { propagation: MS.SHARED },
  silent: { flagsSet: MS.SILENT },
  slave: { propagation: MS.SLAVE },
  strictatime: { flagsSet: MS.STRICTATIME, flagsClear: MS.NOATIME | MS.RELATIME },
  suid: { flagsClear: MS.NOSUID },
  symfollow: { flagsClear: MS.NOSYMFOLLOW },
  sync: { flagsSet: MS.SYNCHRONOUS },
  tmpcopyup: { tmpcopyup: true },
  unbindable: { propagation: MS.UNBINDABLE },
  idmap: { idmap: "idmap" },
  ridmap: { idmap: "ridmap" },
};
const known = fc.constantFrom(...Object.keys(TABLE));

describe("parseMountOptions", () => {
  it.each(Object.entries(TABLE))("understands %s", (option, effect) => {
    expect(parse(option)).toEqual({ ...neutral, ...effect });
  });

  it("has nothing to say without options", () => {
    expect(parse()).toEqual(neutral);
  });

  it("leaves what it does not know to the filesystem, in order", () => {
    expect(parse("nosuid", "mode=755", "ro", "size=64m")).toEqual({
      ...neutral,
      flagsSet: MS.NOSUID | MS.RDONLY,
      data: "mode=755,size=64m",
    });
  });

  it("lets the last of two opposites count", () => {
    expect(parse("ro", "rw")).toEqual({ ...neutral, flagsClear: MS.RDONLY });
    expect(parse("rw", "ro")).toEqual({ ...neutral, flagsSet: MS.RDONLY });
    expect(parse("rro", "rrw")).toEqual({ ...neutral, recursiveClear: MOUNT_ATTR.RDONLY });
    expect(parse("shared", "rslave").propagation).toBe(MS.SLAVE | MS.REC);
  });

  it("lets the last way to keep access times count", () => {
    expect(parse("noatime", "strictatime").flagsSet).toBe(MS.STRICTATIME);
    expect(parse("strictatime", "relatime", "noatime").flagsSet).toBe(MS.NOATIME);
    expect(parse("rstrictatime", "rnoatime").recursiveSet).toBe(MOUNT_ATTR.NOATIME);
    expect(parse("rnoatime", "ratime")).toEqual({ ...neutral, recursiveClear: ATIME });
  });

  it("keeps rbind and ridmap, whatever comes after", () => {
    expect(parse("rbind", "bind").recursive).toBe(true);
    expect(parse("ridmap", "idmap").idmap).toBe("ridmap");
  });

  it("never sets and clears the same flag, and of the recursive ones only clears access times to set them", () => {
    fc.assert(
      fc.property(fc.array(known), (options) => {
        const { flagsSet, flagsClear, recursiveSet, recursiveClear } = parse(...options);
        expect(flagsSet & flagsClear).toBe(0);
        expect(recursiveSet & recursiveClear & ~ATIME).toBe(0);
        // mount_setattr(2): EINVAL unless the whole field is cleared before one is set.
        if (recursiveSet & ATIME) expect(recursiveClear & ATIME).toBe(ATIME);
        expect([0, ATIME]).toContain(recursiveClear & ATIME);
      }),
    );
  });

  it("does not mind the order of options that have nothing to do with each other", () => {
    const independent = [
      "ro",
      "nosuid",
      "nodev",
      "noexec",
      "noatime",
      "sync",
      "rnosymfollow",
      "rslave",
      "rbind",
      "ridmap",
    ];
    const expected = parse(...independent);
    fc.assert(
      fc.property(fc.shuffledSubarray(independent, { minLength: independent.length }), (options) => {
        expect(parse(...options)).toEqual(expected);
      }),
    );
  });

  it("does not mind options given twice", () => {
    fc.assert(
      fc.property(fc.array(known), (options) => {
        expect(parse(...options, ...options)).toEqual(parse(...options));
      }),
    );
  });

  it("refuses several options in one string instead of passing them to the filesystem", () => {
    const error = failure(() => parse("nodev", "ro,nosuid"));
    expect(error.member).toBe("mounts[0].options[1]");
    expect(error.hint).toBe('give each one a place of its own in the list: ["ro","nosuid"]');
  });

  it("lets data of a filesystem have commas", () => {
    expect(parse("lowerdir=/a,upperdir=/b").data).toBe("lowerdir=/a,upperdir=/b");
  });

  it("refuses options of bind mounts that the kernel would ignore without a word", () => {
    const error = failure(() => parse("bind", "nosiud"));
    expect(error.member).toBe("mounts[0].options[1]");
    expect(error.hint).toBe('did you mean "nosuid"?');
  });

  it("refuses an empty option", () => {
    expect(failure(() => parse("ro", "")).member).toBe("mounts[0].options[1]");
  });

  it("refuses data that the kernel would cut off", () => {
    expect(parse(`lowerdir=${"x".repeat(4086)}`).data).toHaveLength(4095);
    expect(failure(() => parse(`lowerdir=${"x".repeat(4087)}`)).message).toContain("at most 4095 bytes");
    expect(failure(() => parse(`lowerdir=${"ä".repeat(2044)}`)).message).toContain("at most 4095 bytes");
  });
});

describe("mountAttributes", () => {
  const of = (...options: string[]) => mountAttributes(parse(...options));

  it("turns flags into attributes", () => {
    expect(of("ro", "nosuid", "nodev", "noexec", "nodiratime", "nosymfollow")).toEqual({
      set:
        MOUNT_ATTR.RDONLY |
        MOUNT_ATTR.NOSUID |
        MOUNT_ATTR.NODEV |
        MOUNT_ATTR.NOEXEC |
        MOUNT_ATTR.NODIRATIME |
        MOUNT_ATTR.NOSYMFOLLOW,
      clear: 0,
    });
    expect(of("rw", "suid")).toEqual({ set: 0, clear: MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID });
  });

  it("clears the whole field of access times to set one of them", () => {
    expect(of("noatime")).toEqual({ set: MOUNT_ATTR.NOATIME, clear: ATIME });
    expect(of("strictatime")).toEqual({ set: MOUNT_ATTR.STRICTATIME, clear: ATIME });
    expect(of("relatime")).toEqual({ set: 0, clear: ATIME });
    expect(of("atime")).toEqual({ set: 0, clear: ATIME });
    expect(of("norelatime")).toEqual({ set: 0, clear: 0 });
  });

  it("leaves out what belongs to the whole filesystem", () => {
    expect(of("sync", "dirsync", "lazytime", "iversion", "mand", "silent")).toEqual({ set: 0, clear: 0 });
  });

  it("always gives what mount_setattr(2) accepts", () => {
    fc.assert(
      fc.property(fc.array(known), (options) => {
        const { set, clear } = of(...options);
        expect(set & clear & ~ATIME).toBe(0);
        if (set & ATIME) expect(clear & ATIME).toBe(ATIME);
        expect([0, ATIME]).toContain(clear & ATIME);
      }),
    );
  });
});
