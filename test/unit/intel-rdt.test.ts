import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileContainer, compileEnter } from "../../src/compile/index.ts";
import { findResctrl, intelRdtGroups, planIntelRdt } from "../../src/host/resolve-intel-rdt.ts";
import { kernelFeatures } from "../../src/linux/index.ts";
import { verifyProgram } from "../../src/program/index.ts";
import { type IntelRdt, validateSpec } from "../../src/spec/index.ts";
import { entry } from "../support/arbitrary-entry.ts";
import { resolvedBy } from "../support/arbitrary-spec.ts";
import { callsIn, listingOf } from "../support/listing.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

// No machine of ours has the hardware: what is tested is the program, and what is looked up in a directory that looks like resctrl.
const LINUX = kernelFeatures("6.12");
const R = "/sys/fs/resctrl";

const program = (rdt: IntelRdt) =>
  compileContainer(resolvedBy({ spec: {}, intelRdt: planIntelRdt(rdt, "web", R) }, LINUX));
const monitorOf = (rdt: IntelRdt) => listingOf(program(rdt), "monitor");
const epilogueOf = (rdt: IntelRdt) => listingOf(program(rdt), "epilogue");

describe("the class of service of a container", () => {
  const own: IntelRdt = { l3CacheSchema: "L3:0=f;1=f", memBwSchema: "MB:0=20", schemata: ["L2:0=3", "L2:1=3"] };

  it("is a directory of its name, with the schemata in the order of the runtime-spec", () => {
    const monitor = monitorOf(own);
    expect(callsIn(monitor, "mkdirat")).toEqual([`mkdirat(AT_FDCWD, "${R}/web", 0755)`]);
    const writes = callsIn(monitor, "write").filter((call) => /L3|MB|L2/.test(call));
    expect(writes).toEqual([
      'write(file, "L3:0=f;1=f\\n", 11)',
      'write(file, "MB:0=20\\n", 8)',
      'write(file, "L2:0=3\\nL2:1=3\\n", 14)',
    ]);
    expect(verifyProgram(program(own))).toEqual([]);
  });

  it("is entered by init itself before it does anything, and removed with the container", () => {
    const init = listingOf(program(own), "init");
    expect(callsIn(init, "write")[0]).toBe('write(tasks, "0", 1)');
    expect(callsIn(epilogueOf(own), "unlinkat")).toEqual([`unlinkat(AT_FDCWD, "${R}/web", AT_REMOVEDIR)`]);
  });

  it("that others have made meanwhile is not removed", () => {
    expect(epilogueOf(own)).toMatch(/made = load.*\n.*if \(made != 1\) goto end.*\n.*unlinkat/);
  });

  it("has a group that counts, made in it and removed before it", () => {
    const rdt = { ...own, enableMonitoring: true };
    const monitor = monitorOf(rdt);
    expect(callsIn(monitor, "mkdirat")).toEqual([
      `mkdirat(AT_FDCWD, "${R}/web", 0755)`,
      `mkdirat(AT_FDCWD, "${R}/web/mon_groups/web", 0755)`,
    ]);
    expect(callsIn(monitor, "openat").filter((call) => call.includes("/tasks"))).toEqual([
      `openat(AT_FDCWD, "${R}/web/tasks", O_WRONLY|O_CLOEXEC)`,
      `openat(AT_FDCWD, "${R}/web/mon_groups/web/tasks", O_WRONLY|O_CLOEXEC)`,
    ]);
    expect(callsIn(epilogueOf(rdt), "unlinkat")).toEqual([
      `unlinkat(AT_FDCWD, "${R}/web/mon_groups/web", AT_REMOVEDIR)`,
      `unlinkat(AT_FDCWD, "${R}/web", AT_REMOVEDIR)`,
    ]);
  });

  it("is also that of a process that enters, from the beginning", () => {
    const paths = intelRdtGroups({ enableMonitoring: true }, "web", R);
    const entered = compileEnter(entry(LINUX, { intelRdtPaths: paths }));
    const listing = listingOf(entered, "stage");
    expect(callsIn(listing, "openat").filter((call) => call.includes("tasks"))).toHaveLength(2);
    expect(listing.indexOf("tasks")).toBeLessThan(listing.indexOf("setns("));
    expect(verifyProgram(entered)).toEqual([]);
  });
});

describe("a class of service that has a name of its own", () => {
  const resctrl = temporaryDirectory();
  mkdirSync(join(resctrl, "gold"));
  writeFileSync(join(resctrl, "gold/schemata"), "    L3:0=00f;1=ff\n    MB:0= 50;1=100\n");
  writeFileSync(join(resctrl, "schemata"), "L3:0=ff\n");
  const plan = (rdt: IntelRdt) => planIntelRdt(rdt, "web", resctrl);

  it("is used as it is when it is there, and must be what is asked for", () => {
    expect(plan({ closID: "gold" })).toMatchObject({ directory: join(resctrl, "gold"), make: "none", schemata: [] });
    expect(plan({ closID: "gold", l3CacheSchema: "L3:1=ff;0=f", memBwSchema: "MB:0=50;1=100" })).toMatchObject({
      make: "none",
      schemata: [],
    });
    expect(() => plan({ closID: "gold", schemata: ["MB:0=50;1=100", "L3:0=1;1=ff"] })).toThrow(
      'invalid value "L3:0=1;1=ff": expected what the class of service has already: L3:0=00f;1=ff, MB:0= 50;1=100 (intelRdt.schemata)',
    );
  });

  it("is made when it is missing and its schemata are given, and stays", () => {
    const silver = plan({ closID: "silver", schemata: ["L3:0=1"] });
    expect(silver).toMatchObject({ directory: join(resctrl, "silver"), make: "shared" });
    const text = listingOf(compileContainer(resolvedBy({ spec: {}, intelRdt: silver }, LINUX)), "monitor");
    expect(text).toContain("mkdirat");
    expect(text).not.toContain("unlinkat");
    expect(() => plan({ closID: "silver" })).toThrow("a class of service that is there");
  });

  it("may be the one that everything is in at first", () => {
    expect(plan({ closID: "/", enableMonitoring: true })).toEqual({
      directory: resctrl,
      make: "none",
      schemata: [],
      monitoring: join(resctrl, "mon_groups/web"),
    });
  });
});

describe("a specification with intelRdt", () => {
  const member = (intelRdt: object) => {
    try {
      validateSpec({ intelRdt });
      return undefined;
    } catch (error) {
      return (error as { member?: string }).member;
    }
  };

  it("has names and lines that resctrl takes", () => {
    expect(member({ closID: "a/b" })).toBe("intelRdt.closID");
    expect(member({ closID: "info" })).toBe("intelRdt.closID");
    expect(member({ closID: "/" })).toBeUndefined();
    expect(member({ memBwSchema: "L3:0=f" })).toBe("intelRdt.memBwSchema");
    expect(member({ l3CacheSchema: "L3:0=f\nMB:0=1" })).toBe("intelRdt.l3CacheSchema");
    expect(member({ schemata: ["L3:0=f", "MB:0=1\n"] })).toBe("intelRdt.schemata[1]");
    expect(member({ l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=1", schemata: ["L2:0=1"] })).toBeUndefined();
  });

  it.skipIf(existsSync("/sys/fs/resctrl/schemata"))("is refused where there is no resctrl", () => {
    expect(() => findResctrl()).toThrow("no resctrl filesystem is mounted here (intelRdt)");
  });
});
