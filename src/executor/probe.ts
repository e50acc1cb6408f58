import { existsSync, readFileSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { AT, E, type KernelFeatures, kernelFeatures, PR, PR_CAP_AMBIENT } from "../linux/index.ts";
import { encodeProgram, LIMIT, ProgramBuilder } from "../program/index.ts";
import { hostArch } from "./locate.ts";
import type { Zygote } from "./zygote.ts";

/**
 * Asks the kernel by making calls that cannot succeed: ENOSYS says that there is no such call (or that a seccomp filter hides it, as container engines do),
 * any other error that there is.
 */
const PROBES = [
  ["clone3", [0, 0]],
  ["open_tree", [AT.FDCWD, 0, 0x7fffffff]],
  ["move_mount", [-1, 0, -1, 0, 0x7fffffff]],
  ["fsopen", [0, 0x7fffffff]],
  ["mount_setattr", [-1, 0, 0x7fffffff, 0, 0]],
  ["close_range", [0xfffffff0, 0xffffffff, 4]],
  ["landlock_create_ruleset", [0, 0, 1]],
  ["prctl", [PR.CAP_AMBIENT, PR_CAP_AMBIENT.IS_SET, 0, 0, 0]],
] as const;

/** The features of the kernel below us. */
export async function probeFeatures(zygote: Zygote): Promise<KernelFeatures> {
  const results = await probe(zygote);
  // EPERM is no sign of a filter: without privileges move_mount(2) and fsopen(2) say so before they look at their arguments.
  const has = (name: (typeof PROBES)[number][0]) => results.get(name) !== -E.ENOSYS;
  const byRelease = kernelFeatures(readFileSync("/proc/sys/kernel/osrelease", "utf8").trim());
  const abi = results.get("landlock_create_ruleset") ?? 0;
  return {
    ...byRelease,
    clone3: has("clone3"),
    cloneIntoCgroup: byRelease.cloneIntoCgroup && has("clone3"),
    openTree: has("open_tree") && has("move_mount"),
    fsopen: has("fsopen"),
    mountSetattr: has("mount_setattr"),
    closeRange: results.get("close_range") === 0,
    landlockAbi: Math.max(abi, 0),
    // Namespaces are options of a kernel's configuration (CONFIG_TIME_NS): what it has been built with is listed here (namespaces(7)).
    timeNamespace: existsSync("/proc/self/ns/time"),
    cgroupNamespace: existsSync("/proc/self/ns/cgroup"),
    ambientCapabilities: (results.get("prctl") ?? -1) >= 0,
    lastCapability: Number(readFileSync("/proc/sys/kernel/cap_last_cap", "utf8")),
  };
}

function probe(zygote: Zygote): Promise<ReadonlyMap<string, number>> {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("probe");
  const registers = PROBES.map(([name, args]) => block.sysResult(name, name, args, { tolerate: "any" }));
  for (let first = 0; first < registers.length; first += LIMIT.ARGS) {
    block.notify(first, registers.slice(first, first + LIMIT.ARGS));
  }
  const results = new Map<string, number>();
  return new Promise((resolve, reject) => {
    zygote.run(encodeProgram(program.finish()), {
      notify: (first, values) => {
        PROBES.slice(first, first + LIMIT.ARGS).forEach(([name], index) => {
          results.set(name, values[index] ?? 0);
        });
      },
      fail: (failure) => {
        reject(new LibctError("ERR_CT_EXECUTOR", `the kernel probe failed with errno ${failure.errno}`));
      },
      done: (error) => (error ? reject(error) : resolve(results)),
    });
  });
}
