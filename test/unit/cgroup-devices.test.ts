import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceProgram } from "../../src/cgroup/device-program.ts";
import {
  type DeviceList,
  type DeviceWrite,
  deviceChanges,
  deviceListOf,
  deviceWrites,
  parseDeviceList,
} from "../../src/cgroup/devices.ts";
import { LibctError } from "../../src/errors.ts";
import type { DeviceRule } from "../../src/spec/index.ts";
import { type DeviceAccess, disassembleDeviceProgram, runDeviceProgram } from "../support/ebpf-simulator.ts";

/** What the rules say, read as they are written: the last one that speaks of a device and a right decides, and what none allows is refused. */
function allowedBy(rules: readonly DeviceRule[], access: DeviceAccess): boolean {
  return [...access.access].every((right) => {
    const last = rules.findLast(
      ({ type = "a", major = -1, minor = -1, access: rights = "rwm" }) =>
        (type === "a" || type === access.type) &&
        (major === -1 || major === access.major) &&
        (minor === -1 || minor === access.minor) &&
        rights.includes(right),
    );
    return last?.allow ?? false;
  });
}

/** What the devices controller of version 1 makes of writes (devices.rst): here a faithful little copy of its behaviour. */
class Controller {
  allowed = true;
  exceptions = new Map<string, Set<string>>();

  write({ file, value }: DeviceWrite): void {
    const allow = file === "devices.allow";
    if (value === "a") {
      this.allowed = allow;
      this.exceptions.clear();
      return;
    }
    const [type = "", numbers = "", access = ""] = value.split(" ");
    const key = `${type} ${numbers}`;
    const known = this.exceptions.get(key) ?? new Set();
    for (const right of access)
      if (allow === this.allowed) known.delete(right);
      else known.add(right);
    if (known.size > 0) this.exceptions.set(key, known);
    else this.exceptions.delete(key);
  }

  allows({ type, major, minor, access }: DeviceAccess): boolean {
    const covering = [`${major}:${minor}`, `${major}:*`, `*:${minor}`, "*:*"].map((numbers) =>
      this.exceptions.get(`${type} ${numbers}`),
    );
    // An exception that allows must have all the rights; one that denies needs only one of them.
    if (this.allowed) return !covering.some((rights) => rights && [...access].some((right) => rights.has(right)));
    return covering.some((rights) => rights && [...access].every((right) => rights.has(right)));
  }

  list(): string {
    if (this.allowed) return "a *:* rwm\n";
    return [...this.exceptions].map(([key, rights]) => `${key} ${[...rights].join("")}\n`).join("");
  }
}

const number = fc.constantFrom(-1, 1, 3, 5, 200);
const rights = fc.subarray(["r", "w", "m"], { minLength: 1 }).map((list) => list.join(""));
const rule: fc.Arbitrary<DeviceRule> = fc.oneof(
  fc.record({ allow: fc.boolean(), access: rights }),
  fc.record({ allow: fc.boolean() }),
  fc.record({
    allow: fc.boolean(),
    type: fc.constantFrom("c" as const, "b" as const),
    major: number,
    minor: number,
    access: rights,
  }),
);
const rules = fc.array(rule, { maxLength: 12 });
const access: fc.Arbitrary<DeviceAccess> = fc.record({
  type: fc.constantFrom("c" as const, "b" as const),
  major: fc.constantFrom(1, 3, 5, 200, 7),
  minor: fc.constantFrom(1, 3, 5, 200, 0),
  access: rights,
});

describe("the program for devices of version 2", () => {
  it("decides as the rules do, whatever they are", () => {
    fc.assert(
      fc.property(rules, fc.array(access, { minLength: 1, maxLength: 20 }), (list, accesses) => {
        const program = deviceProgram(list);
        for (const one of accesses) expect(runDeviceProgram(program, one)).toBe(allowedBy(list, one));
      }),
      { numRuns: 2000 },
    );
  });

  it("refuses everything when there are no rules, and allows everything when one says so", () => {
    const any: DeviceAccess = { type: "b", major: 8, minor: 0, access: "rw" };
    expect(runDeviceProgram(deviceProgram([]), any)).toBe(false);
    expect(runDeviceProgram(deviceProgram([{ allow: true }]), any)).toBe(true);
  });

  it("does not let a right through that was taken back, when it is asked for together with another", () => {
    const list: DeviceRule[] = [
      { allow: true, type: "c", major: 1, minor: 3 },
      { allow: false, type: "c", major: 1, minor: 3, access: "w" },
    ];
    const asks = (rights: string) =>
      runDeviceProgram(deviceProgram(list), { type: "c", major: 1, minor: 3, access: rights });
    expect([asks("r"), asks("w"), asks("rw"), asks("rm")]).toEqual([true, false, false, true]);
  });

  it("is short and can be read", () => {
    const program = deviceProgram([{ allow: false }, { allow: true, type: "c", major: 1, minor: 3, access: "rw" }]);
    expect(disassembleDeviceProgram(program)).toBe(
      [
        "0: r3 = *(u32 *)(r1 + 0)",
        "1: w2 = w3",
        "2: w2 &= 65535",
        "3: w3 >>= 16",
        "4: r4 = *(u32 *)(r1 + 4)",
        "5: r5 = *(u32 *)(r1 + 8)",
        "6: if r2 != 2 goto 13",
        "7: if r4 != 1 goto 13",
        "8: if r5 != 3 goto 13",
        "9: w3 &= 1",
        "10: if r3 != 0 goto 13",
        "11: r0 = 1",
        "12: exit",
        "13: w6 = w3",
        "14: w6 &= 7",
        "15: if r6 == 0 goto 18",
        "16: r0 = 0",
        "17: exit",
        "18: r0 = 0",
        "19: exit",
      ].join("\n"),
    );
  });
});

/** The list, or nothing where version 1 cannot have it. */
function listOf(list: readonly DeviceRule[]): DeviceList | undefined {
  try {
    return deviceListOf(list);
  } catch (error) {
    expect(error).toBeInstanceOf(LibctError);
    return undefined;
  }
}

/** In default-deny mode the controller wants one exception to have all the rights that are asked for, so rights from two of them do not add up. */
const single = (one: DeviceAccess) => [...one.access].map((right) => ({ ...one, access: right }));

describe("the list of devices of version 1", () => {
  it("decides on each right as the rules do, where it can be had at all", () => {
    fc.assert(
      fc.property(rules, fc.array(access, { minLength: 1, maxLength: 20 }), (list, accesses) => {
        const wanted = listOf(list);
        fc.pre(wanted !== undefined);
        const controller = new Controller();
        for (const write of deviceWrites(wanted)) controller.write(write);
        for (const one of accesses.flatMap(single)) expect(controller.allows(one)).toBe(allowedBy(list, one));
      }),
      { numRuns: 2000 },
    );
  });

  it("never allows together what the rules refuse", () => {
    fc.assert(
      fc.property(rules, access, (list, one) => {
        const wanted = listOf(list);
        fc.pre(wanted !== undefined);
        const controller = new Controller();
        for (const write of deviceWrites(wanted)) controller.write(write);
        if (controller.allows(one)) expect(allowedBy(list, one)).toBe(true);
      }),
    );
  });

  it("is changed to another without a moment in which something is refused that both allow", () => {
    const only = fc.array(
      fc.record({
        allow: fc.constant(true),
        type: fc.constantFrom("c" as const, "b" as const),
        major: fc.constantFrom(1, 3),
        minor: fc.constantFrom(-1, 3, 5),
        access: rights,
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(only, only, fc.array(access.map(single), { maxLength: 10 }), (before, after, accesses) => {
        const controller = new Controller();
        for (const write of deviceWrites(deviceListOf(before))) controller.write(write);
        const both = accesses.flat().filter((one) => allowedBy(before, one) && allowedBy(after, one));
        const [now, next] = [parseDeviceList(controller.list()), deviceListOf(after)];
        for (const write of deviceChanges(now, next)) {
          controller.write(write);
          for (const one of both) expect(controller.allows(one)).toBe(true);
        }
        for (const one of accesses.flat()) expect(controller.allows(one)).toBe(allowedBy(after, one));
      }),
      { numRuns: 1000 },
    );
  });

  it("cannot keep one device out of a wildcard: that is an error with a way out", () => {
    const list: DeviceRule[] = [
      { allow: true, type: "c", major: 1 },
      { allow: false, type: "c", major: 1, minor: 3, access: "w" },
    ];
    expect(() => deviceListOf(list)).toThrow(
      "cgroups of version 1 cannot keep c 1:3 w out of the rule c 1:* rwm (resources.devices[1]); hint: name the devices one by one",
    );
  });
});
