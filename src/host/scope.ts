import {
  type Cgroup,
  type CgroupPlan,
  type CgroupScope,
  type CgroupView,
  planCgroup,
  type ScopePlan,
} from "../cgroup/index.ts";
import type { ScopeEntry } from "../compile/index.ts";
import type { CgroupSpec, Resources } from "../spec/index.ts";
import { checkLimits, planScope, Systemd, startScope, updateScope } from "../systemd/index.ts";
import type { Caller } from "./caller.ts";

/** Each of these opens a connection of its own: what comes between them takes as long as a container runs. */
async function withSystemd<T>(kind: CgroupScope["manager"], use: (systemd: Systemd) => Promise<T>): Promise<T> {
  const systemd = await Systemd.open({ kind, uid: process.geteuid?.() ?? 0 });
  try {
    return await use(systemd);
  } finally {
    systemd[Symbol.dispose]();
  }
}

/** Plans the scope of a container: root's below the machine's systemd, another user's below his own. `name` is one that nobody else has. */
export async function planInScope(
  { cgroup, resources }: { readonly cgroup: CgroupSpec; readonly resources?: Resources | undefined },
  name: string,
  caller: Caller,
  view: CgroupView,
): Promise<CgroupPlan | undefined> {
  const kind = caller.uid === 0 && caller.initialUserNamespace ? "system" : "user";
  const scope = await withSystemd(kind, async (systemd) => planScope(cgroup, name, systemd, view));
  const plan = planCgroup({ resources, name, scope }, view);
  if (plan?.scope) checkLimits(plan.scope, plan.handle);
  return plan;
}

/** Makes it around the container's first process. */
export const makeScope = (plan: ScopePlan, cgroup: Cgroup, pid: number): Promise<void> =>
  withSystemd(plan.scope.manager, (systemd) => startScope(systemd, plan, cgroup, pid));

/** Puts a process that enters the container into it. */
export const enterScope = ({ scope, below }: ScopeEntry, pid: number): Promise<void> =>
  withSystemd(scope.manager, (systemd) => systemd.attach(scope.unit, below, pid));

/** Waits until it is gone, and kills what is left in it. */
export const endScope = ({ manager, unit }: CgroupScope): Promise<void> =>
  withSystemd(manager, (systemd) => systemd.stop(unit));

/** Tells systemd of other limits before `files` writes them. */
export const changeScope = (
  cgroup: Cgroup,
  scope: CgroupScope,
  resources: Resources,
  files: () => Promise<void>,
): Promise<void> => withSystemd(scope.manager, (systemd) => updateScope(systemd, cgroup, scope, resources, files));
