import { invalid } from "../errors.ts";
import type { CapabilitySets, ProcessSpec, Rlimit } from "./process-spec.ts";
import { checkAffinity, checkScheduler } from "./validate-scheduling.ts";

/** What the structure of a process does not tell: its members against each other. */
export function checkProcess(process: Partial<ProcessSpec>, member: string): void {
  const { args, capabilities, rlimits, landlock, noNewPrivileges, scheduler, execCPUAffinity } = process;
  if (args?.[0] === "") throw invalid(`${member}.args[0]`, "", "the program to execute");
  if (capabilities) checkCapabilities(capabilities, `${member}.capabilities`);
  if (rlimits) checkRlimits(rlimits, `${member}.rlimits`);
  if (scheduler) checkScheduler(scheduler, `${member}.scheduler`);
  if (execCPUAffinity) checkAffinity(execCPUAffinity, `${member}.execCPUAffinity`);
  if (landlock && noNewPrivileges !== true) {
    const expected = "true, as landlock could otherwise be left through a set-user-ID program";
    throw invalid(
      `${member}.noNewPrivileges`,
      noNewPrivileges,
      expected,
      `add noNewPrivileges: true beside ${member}.landlock`,
    );
  }
}

/** Which set must lie within which, by the kernel's rules: capset(2), PR_CAP_AMBIENT_RAISE of prctl(2). */
const WITHIN: readonly (readonly [keyof CapabilitySets, keyof CapabilitySets])[] = [
  ["effective", "permitted"],
  ["inheritable", "bounding"],
  ["ambient", "permitted"],
  ["ambient", "inheritable"],
];

function checkCapabilities(sets: CapabilitySets, member: string): void {
  for (const [inner, outer] of WITHIN) {
    const names = sets[inner];
    if (names === undefined || names.length === 0) continue;
    const allowed = new Set(sets[outer]);
    const index = names.findIndex((name) => !allowed.has(name));
    if (index < 0) continue;
    const name = names[index];
    throw invalid(
      `${member}.${inner}[${index}]`,
      name,
      `a capability that is ${outer} too`,
      `add "${name}" to ${member}.${outer}`,
    );
  }
}

function checkRlimits(rlimits: readonly Rlimit[], member: string): void {
  const seen = new Set<string>();
  rlimits.forEach(({ type, soft, hard }, index) => {
    const at = `${member}[${index}]`;
    if (seen.has(type)) throw invalid(`${at}.type`, type, "each limit once");
    seen.add(type);
    // -1 is unlimited, so above all others.
    if (hard === -1 || (soft !== -1 && soft <= hard)) return;
    throw invalid(`${at}.soft`, soft, `at most the hard limit, ${hard}`, "-1 is unlimited");
  });
}
