import { invalid } from "../errors.ts";
import { parse } from "./schema-parse.ts";
import { seccompSchema } from "./schema-seccomp.ts";
import type { Seccomp, SeccompAction } from "./seccomp.ts";

/** Profiles seen lately, by their text. */
const recent = new Map<string, Seccomp>();
const MOST_RECENT = 16;

/**
 * A seccomp profile in the OCI's form. Profiles of the same content give the same frozen object, so what is made of it can be remembered,
 * and changes that the caller makes to his own are seen all the same.
 */
export function validateSeccomp(input: unknown, member = "seccomp"): Seccomp {
  const key = textOf(input);
  const known = key === undefined ? undefined : recent.get(key);
  if (known) return known;
  const profile = parse(seccompSchema, input, member);
  check(profile, member);
  freeze(profile);
  if (key !== undefined) {
    const [oldest] = recent.keys();
    if (recent.size >= MOST_RECENT && oldest !== undefined) recent.delete(oldest);
    recent.set(key, profile);
  }
  return profile;
}

/** None for what JSON cannot tell: a bigint, a cycle. */
function textOf(input: unknown): string | undefined {
  try {
    return JSON.stringify(input);
  } catch {
    return undefined;
  }
}

function freeze(value: object): void {
  Object.freeze(value);
  for (const member of Object.values(value)) if (typeof member === "object") freeze(member);
}

/** "When the action doesn't support an errno, the runtime MUST print and error and fail" (runtime-spec, seccomp). */
function checkErrno(action: SeccompAction, errno: number | undefined, member: string): void {
  if (errno === undefined || action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE") return;
  throw invalid(
    member,
    errno,
    `no errno with ${action}`,
    "only SCMP_ACT_ERRNO and SCMP_ACT_TRACE give one: leave it out",
  );
}

function check(profile: Seccomp, member: string): void {
  checkErrno(profile.defaultAction, profile.defaultErrnoRet, `${member}.defaultErrnoRet`);
  const rules = profile.syscalls ?? [];
  rules.forEach((rule, index) => {
    checkErrno(rule.action, rule.errnoRet, `${member}.syscalls[${index}].errnoRet`);
  });
  if (profile.listenerPath !== undefined) {
    checkWrite(profile, member);
    return;
  }
  const notifying = rules.findIndex(({ action }) => action === "SCMP_ACT_NOTIFY");
  if (notifying >= 0 || profile.defaultAction === "SCMP_ACT_NOTIFY") {
    const where = notifying >= 0 ? `${member}.syscalls[${notifying}].action` : `${member}.defaultAction`;
    throw invalid(where, "SCMP_ACT_NOTIFY", "listenerPath with it, as the calls would wait for an answer for ever");
  }
  if (profile.listenerMetadata !== undefined) {
    throw invalid(
      `${member}.listenerMetadata`,
      profile.listenerMetadata,
      "listenerPath with it",
      "nobody would get the data",
    );
  }
}

/** By a write(2) the process tells of its listener: if that waited for the listener, it would wait for ever. */
function checkWrite({ defaultAction, syscalls = [] }: Seccomp, member: string): void {
  const hint = "write(2) is what tells of the listener: leave it out, or allow it";
  const notified = syscalls.findIndex(({ names, action }) => action === "SCMP_ACT_NOTIFY" && names.includes("write"));
  if (notified >= 0)
    throw invalid(`${member}.syscalls[${notified}].names`, "write", "no write with SCMP_ACT_NOTIFY", hint);
  const decided = syscalls.some(({ names, args = [] }) => args.length === 0 && names.includes("write"));
  if (defaultAction !== "SCMP_ACT_NOTIFY" || decided) return;
  throw invalid(`${member}.defaultAction`, defaultAction, "a rule for write with it", hint);
}
