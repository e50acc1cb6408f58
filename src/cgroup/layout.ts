/** A mounted hierarchy of cgroups. */
export interface Hierarchy {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  /** Of version 1 often one; several when they are mounted together (cpu,cpuacct); none of a named one (name=systemd). */
  readonly controllers: readonly string[];
  /** The caller's own cgroup from the mount point on: "/a/b", or "" for its top; undefined when the mount does not show it. */
  readonly own: string | undefined;
}

export type LayoutKind = "none" | "v1" | "hybrid" | "v2";

/** Which cgroups this machine has. */
export interface CgroupLayout {
  readonly kind: LayoutKind;
  readonly hierarchies: readonly Hierarchy[];
}

/** What the layout is read from. */
export interface LayoutTexts {
  /** /proc/self/mountinfo */
  readonly mountinfo: string;
  /** /proc/self/cgroup */
  readonly cgroup: string;
  /** cgroup.controllers at the top of the version 2 mount; empty when there is none. */
  readonly controllers: string;
}

/** cgroups(7): version 1 has a hierarchy for each controller, version 2 one for all; some systems mount both (hybrid), each controller being in one of them. */
export function parseLayout({ mountinfo, cgroup, controllers }: LayoutTexts): CgroupLayout {
  const memberships = parseMemberships(cgroup);
  const seen = new Set<string>();
  const hierarchies = parseMounts(mountinfo).flatMap((mount): Hierarchy[] => {
    const names = mount.version === 2 ? words(controllers) : memberships.find(({ is }) => is(mount.options))?.names;
    const key = mount.version === 2 ? "2" : `1:${names?.join(",")}`;
    // A hierarchy may be mounted many times; the first place counts. One that this process is in no cgroup of is none of this kernel's any more.
    if (names === undefined || seen.has(key)) return [];
    seen.add(key);
    const path = memberships.find(({ is, version }) => version === mount.version && is(mount.options))?.path ?? "/";
    const own = below(path, mount.root);
    return [{ version: mount.version, mountPoint: mount.mountPoint, controllers: controllersOf(names), own }];
  });
  return { kind: kindOf(hierarchies), hierarchies };
}

/** The mount point of version 2, if there is one: cgroup.controllers is there. */
export const unifiedMount = (mountinfo: string): string | undefined =>
  parseMounts(mountinfo).find(({ version }) => version === 2)?.mountPoint;

export const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== "");

/** A named hierarchy only keeps track of processes: nothing can be limited in it. */
const controllersOf = (names: readonly string[]) => names.filter((name) => !name.startsWith("name="));

function kindOf(hierarchies: readonly Hierarchy[]): LayoutKind {
  const [v1, v2] = [1, 2].map((version) => hierarchies.some((one) => one.version === version));
  if (v1) return v2 ? "hybrid" : "v1";
  return v2 ? "v2" : "none";
}

interface Membership {
  readonly version: 1 | 2;
  readonly names: readonly string[];
  readonly path: string;
  /** Whether a mount with these options is of this hierarchy. */
  is(options: readonly string[]): boolean;
}

/** Lines of: number, controllers (none for version 2), path (proc_pid_cgroup(5)). */
function parseMemberships(text: string): readonly Membership[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, list = "", ...path] = line.split(":");
      const names = list === "" ? [] : list.split(",");
      const version = names.length === 0 ? 2 : 1;
      const is = (options: readonly string[]) => names.every((name) => options.includes(name));
      return { version, names, path: path.join(":"), is };
    })
    .sort((a, b) => b.names.length - a.names.length) as readonly Membership[];
}

interface CgroupMount {
  readonly version: 1 | 2;
  readonly root: string;
  readonly mountPoint: string;
  /** Of the filesystem: for version 1 they name the controllers. */
  readonly options: readonly string[];
}

function parseMounts(mountinfo: string): readonly CgroupMount[] {
  return mountinfo.split("\n").flatMap((line): CgroupMount[] => {
    const [before = "", after = ""] = line.split(" - ");
    const [type, , options = ""] = after.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") return [];
    const [, , , root = "", mountPoint = ""] = before.split(" ").map(unescapeOctal);
    return [{ version: type === "cgroup" ? 1 : 2, root, mountPoint, options: options.split(",") }];
  });
}

/** Blanks, tabs, newlines and backslashes are written in octal (proc_pid_mountinfo(5)). */
const unescapeOctal = (path: string) =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** `path` from `root` on; both are seen from the reader's cgroup namespace, where "/.." leads out of it. */
function below(path: string, root: string): string | undefined {
  const clean = path === "/" ? "" : path;
  if (clean.startsWith("/..")) return undefined;
  if (root === "/") return clean;
  if (clean === root) return "";
  return clean.startsWith(`${root}/`) ? clean.slice(root.length) : undefined;
}
