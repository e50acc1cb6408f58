import type { DataRef } from "../program/index.ts";
import type { MountContext } from "./context.ts";

/** Filesystems whose files get their labels from the policy: the kernel refuses a context for them, or would give it to what others see, too. */
const LABELLED_BY_POLICY = new Set(["proc", "sysfs", "mqueue", "cgroup", "cgroup2"]);

/** The options of a new filesystem, with the label that all its files are to have (mount(8), "context="). Quoted, since categories have commas. */
export function labelledData(c: MountContext, type: string, data: string): DataRef | 0 {
  const { mountLabel } = c.resolved;
  const own = /(^|,)context=/.test(data);
  const context = mountLabel === undefined || own || LABELLED_BY_POLICY.has(type) ? "" : `context="${mountLabel}"`;
  const all = [data, context].filter((part) => part !== "").join(",");
  return all === "" ? 0 : c.init.str(all);
}

/** A mqueue takes no context, but its directory takes a label as a file does. */
export function labelMounted(c: MountContext, type: string, path: string): void {
  const { mountLabel } = c.resolved;
  if (mountLabel === undefined || type !== "mqueue") return;
  const { init } = c;
  const before = init.member;
  const length = new TextEncoder().encode(mountLabel).length;
  init
    .at("mountLabel")
    .sys("lsetxattr", [init.str(path), init.str("security.selinux"), init.str(mountLabel), length, 0]);
  init.at(before);
}
