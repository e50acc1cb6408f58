import { absolutePath } from "../../linux/index.ts";
import { isMountOption, type Mount } from "../../spec/index.ts";
import type { ImportContext, Settings } from "../index.ts";
import type { LxcRoot } from "./root.ts";

export interface EntryMounts {
  readonly mounts: readonly Mount[];
  readonly maskedPaths: readonly string[];
}

/** Options that LXC itself reads. */
const LXC_OPTION = /^(optional|relative|create=.*|idmap=.*)$/;

interface Line {
  readonly key: string;
  readonly value: string;
  readonly text: string;
}

/** lxc.mount.fstab and lxc.mount.entry: lines of fstab(5). */
export function entryMounts(settings: Settings, root: LxcRoot | undefined, context: ImportContext): EntryMounts {
  const mounts: Mount[] = [];
  const maskedPaths: string[] = [];
  for (const line of lines(settings, context)) {
    const ignore = (why: string) => settings.ignore(line.key, why, line.value);
    const made = readEntry(line.text, root, context, ignore);
    if (made === undefined) continue;
    if ("masked" in made) maskedPaths.push(made.masked);
    else mounts.push(made);
  }
  return { mounts, maskedPaths };
}

function lines(settings: Settings, context: ImportContext): readonly Line[] {
  const files = settings.all("lxc.mount.fstab").flatMap((path) => {
    const text = context.read(path);
    if (text === undefined) settings.ignore("lxc.mount.fstab", "there is no such file", path);
    const written = (text ?? "").split("\n").filter((line) => /^\s*[^#\s]/.test(line));
    return written.map((line) => ({ key: "lxc.mount.fstab", value: path, text: line }));
  });
  const entries = settings.all("lxc.mount.entry").map((value) => ({ key: "lxc.mount.entry", value, text: value }));
  return [...files, ...entries];
}

type Ignore = (why: string) => void;

function readEntry(
  text: string,
  root: LxcRoot | undefined,
  context: ImportContext,
  ignore: Ignore,
): Mount | { readonly masked: string } | undefined {
  const [source = "", target, type = "", optionText = "defaults"] = text.trim().split(/\s+/).map(unescaped);
  if (target === undefined) {
    ignore(`${JSON.stringify(text.trim())} is no line of fstab(5)`);
    return undefined;
  }
  const options = optionText.split(",").filter((option) => option !== "" && option !== "defaults");
  const destination = inContainer(target, root, context);
  const own = options.filter((option) => !LXC_OPTION.test(option));
  const isBind = own.includes("bind") || own.includes("rbind") || type === "bind";
  const optional = options.includes("optional");
  if (!isBind) return filesystem({ destination, type, source, options: own }, optional, context, ignore);
  const from = options.includes("relative") ? relativeSource(source, root, ignore) : absolutePath(source);
  if (from === undefined) return undefined;
  if (optional && context.kind(from) === undefined) {
    ignore(`${from} does not exist, and the entry is optional`);
    return undefined;
  }
  const masked = from === "/dev/null" || from.endsWith("/dev/null");
  if (masked && destination.startsWith("/proc/")) return { masked: destination };
  return bind({ destination, type: "bind", source: from, options: own }, options.includes("idmap=container"), ignore);
}

function filesystem(
  mount: Mount & { readonly type: string },
  optional: boolean,
  { hasFilesystem }: ImportContext,
  ignore: Ignore,
): Mount | undefined {
  if (!optional || hasFilesystem(mount.type)) return mount;
  ignore(`this kernel has no ${mount.type}, and the entry is optional`);
  return undefined;
}

/** The kernel ignores a filesystem's options on a bind mount (mount(2)). */
function bind(mount: Mount, idmap: boolean, ignore: Ignore): Mount {
  const given = mount.options ?? [];
  const unknown = given.filter((option) => !isMountOption(option));
  if (unknown.length > 0) ignore(`a bind mount has no option ${unknown.join(", ")}`);
  const known = given.filter(isMountOption);
  const kind = known.includes("bind") || known.includes("rbind") ? [] : ["bind"];
  return { ...mount, options: [...kind, ...known, ...(idmap ? ["idmap"] : [])] };
}

function relativeSource(source: string, root: LxcRoot | undefined, ignore: Ignore): string | undefined {
  if (root?.directory !== undefined) return `${root.directory}${absolutePath(`/${source}`)}`;
  ignore("the source is the container's own, and its root is no plain directory");
  return undefined;
}

/** Relative to the container's root; an absolute one may begin with where LXC has mounted that. */
function inContainer(target: string, root: LxcRoot | undefined, { name }: ImportContext): string {
  if (!target.startsWith("/")) return absolutePath(`/${target}`);
  const path = absolutePath(target);
  const places = [
    root?.directory,
    `/var/lib/lxc/${name}/rootfs`,
    "/usr/lib/x86_64-linux-gnu/lxc/rootfs",
    "/usr/lib/lxc/rootfs",
  ];
  const place = places.find((one) => one !== undefined && path.startsWith(`${one}/`));
  return place === undefined ? path : path.slice(place.length);
}

/** Blanks and the like are octal numbers in fstab (getmntent(3)). */
const unescaped = (field: string) =>
  field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
