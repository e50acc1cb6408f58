import { LibctError } from "../errors.ts";
import type { DeviceRule } from "../spec/index.ts";

/** A rule with every member said; -1: all. */
export interface FullRule {
  readonly allow: boolean;
  readonly type: "a" | "c" | "b";
  readonly major: number;
  readonly minor: number;
  readonly access: string;
}

export const fullRule = ({ allow, type = "a", major = -1, minor = -1, access = "rwm" }: DeviceRule): FullRule => ({
  allow,
  type,
  major,
  minor,
  access,
});

type Exception = Omit<FullRule, "allow">;

/** What the devices controller of version 1 keeps: what holds in general, and exceptions from it (devices.rst of the kernel). */
export interface DeviceList {
  readonly allowed: boolean;
  readonly exceptions: readonly Exception[];
}

/**
 * The list that the rules come to when the last one decides and what none allows is refused. The controller keeps exceptions of one kind only, so an exception
 * from an exception ("all of c 1, but not c 1:3") has no list: that is an error.
 */
export function deviceListOf(rules: readonly DeviceRule[]): DeviceList {
  let list: DeviceList = { allowed: false, exceptions: [] };
  rules.map(fullRule).forEach((rule, index) => {
    list = follow(list, rule, `resources.devices[${index}]`);
  });
  return list;
}

function follow({ allowed, exceptions }: DeviceList, rule: FullRule, member: string): DeviceList {
  if (rule.type === "a" && rule.access.length === 3) return { allowed: rule.allow, exceptions: [] };
  // A rule for some rights of all devices is one for all character and one for all block devices.
  const parts: Exception[] = rule.type === "a" ? (["c", "b"] as const).map((type) => ({ ...rule, type })) : [rule];
  let next = exceptions;
  for (const { type, major, minor, access } of parts) {
    const part: Exception = { type, major, minor, access };
    next = rule.allow === allowed ? next.flatMap((one) => without(one, part, member)) : merge(next, part);
  }
  return { allowed, exceptions: next };
}

/** Two exceptions for the same devices are one with the rights of both. */
function merge(exceptions: readonly Exception[], added: Exception): readonly Exception[] {
  const same = (one: Exception) => key(one) === key(added);
  const access = ["r", "w", "m"].filter((right) =>
    [added, ...exceptions.filter(same)].some((one) => one.access.includes(right)),
  );
  return [...exceptions.filter((one) => !same(one)), { ...added, access: access.join("") }];
}

/** The exception without what the rule takes back. */
function without(exception: Exception, rule: Exception, member: string): readonly Exception[] {
  const rights = [...exception.access].filter((right) => rule.access.includes(right));
  if (exception.type !== rule.type || rights.length === 0 || !overlap(exception, rule)) return [exception];
  if (!covers(rule, exception)) {
    const message = `cgroups of version 1 cannot keep ${text(rule)} out of the rule ${text(exception)}`;
    const hint = "name the devices one by one, or use a machine with cgroups of version 2";
    throw new LibctError("ERR_CT_NOT_SUPPORTED", message, { member, hint });
  }
  const access = [...exception.access].filter((right) => !rights.includes(right)).join("");
  return access === "" ? [] : [{ ...exception, access }];
}

const meets = (a: number, b: number) => a === -1 || b === -1 || a === b;
const overlap = (a: Exception, b: Exception) => meets(a.major, b.major) && meets(a.minor, b.minor);
const within = (a: number, b: number) => b === -1 || a === b;
const covers = (outer: Exception, inner: Exception) =>
  within(inner.major, outer.major) && within(inner.minor, outer.minor);

const key = ({ type, major, minor }: Exception) => `${type} ${number(major)}:${number(minor)}`;
const number = (value: number) => (value === -1 ? "*" : String(value));
const text = (exception: Exception) => `${key(exception)} ${exception.access}`;

/** A write to one of the two files of the devices controller. */
export interface DeviceWrite {
  readonly file: "devices.allow" | "devices.deny";
  readonly value: string;
}

/** Makes a devices cgroup have the list, whatever it had. */
export function deviceWrites({ allowed, exceptions }: DeviceList): readonly DeviceWrite[] {
  const [rule, exception] = allowed
    ? (["devices.allow", "devices.deny"] as const)
    : (["devices.deny", "devices.allow"] as const);
  return [{ file: rule, value: "a" }, ...exceptions.map((one): DeviceWrite => ({ file: exception, value: text(one) }))];
}

/** What a devices.list says: "a *:* rwm" when all is allowed (or all but some, which it does not tell), else what is. */
export function parseDeviceList(content: string): DeviceList {
  const exceptions = content.split("\n").flatMap((line): Exception[] => {
    const [, type, major = "*", minor = "*", access = ""] = /^([abc]) (\d+|\*):(\d+|\*) ([rwm]+)$/.exec(line) ?? [];
    if (type !== "a" && type !== "b" && type !== "c") return [];
    return [{ type, major: Number(major === "*" ? -1 : major), minor: Number(minor === "*" ? -1 : minor), access }];
  });
  if (exceptions.some(({ type }) => type === "a")) return { allowed: true, exceptions: [] };
  return { allowed: false, exceptions };
}

/** From one list to another, so that a running container is at no time without what both allow: what is new first, then what is taken back. */
export function deviceChanges(from: DeviceList, to: DeviceList): readonly DeviceWrite[] {
  if (from.allowed || to.allowed) return deviceWrites(to);
  const write = (file: DeviceWrite["file"], exceptions: readonly Exception[]) =>
    exceptions.map((one): DeviceWrite => ({ file, value: text(one) }));
  return [
    ...write("devices.allow", beyond(to.exceptions, from.exceptions)),
    ...write("devices.deny", beyond(from.exceptions, to.exceptions)),
  ];
}

/** Rights that the ones have and the others have not. */
function beyond(ones: readonly Exception[], others: readonly Exception[]): readonly Exception[] {
  const known = new Map(others.map((one) => [key(one), one.access]));
  return ones.flatMap((one) => {
    const access = [...one.access].filter((right) => !known.get(key(one))?.includes(right)).join("");
    return access === "" ? [] : [{ ...one, access }];
  });
}
