import { LibctError } from "../errors.ts";
import type { RunOptions } from "../host/index.ts";
import { type IdMapping, type Namespace, type NamespaceType, standard } from "../spec/index.ts";
import type { RunFlags } from "./flags.ts";
import { parseIdMap, parseNamespace, parseSysctl } from "./parse.ts";

/** Names, namespaces, ids, the way into the root. */
export function isolationOptions(flags: RunFlags, privileged: boolean, net: NetworkChoice = {}): RunOptions {
  return {
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.hostname === undefined ? {} : { hostname: flags.hostname }),
    ...(flags.readOnly ? { readonlyRoot: true } : {}),
    ...(flags.rootMode === undefined ? {} : { rootMode: flags.rootMode }),
    ...(flags.sysctl.length > 0 ? { sysctl: parseSysctl(flags.sysctl) } : {}),
    ...namespaceOptions(flags, privileged, net),
  };
}

interface NetworkChoice {
  readonly network?: RunOptions["network"];
  /** Of another container. */
  readonly joined?: readonly Namespace[] | undefined;
}

function namespaceOptions(
  flags: RunFlags,
  privileged: boolean,
  { network: wanted, joined = [] }: NetworkChoice,
): RunOptions {
  const removed = flags.noNamespace.map((word) => parseNamespace("--no-namespace", word).type);
  const added = [...flags.namespace.map((word) => parseNamespace("--namespace", word)), ...joined];
  const asked = userNamespaceAsked(flags, removed, added);
  const options: RunOptions = { ...mappings(flags), ...(asked === undefined ? {} : { userNamespace: asked }) };
  if (removed.length === 0 && added.length === 0) {
    return wanted === undefined ? options : { ...options, network: wanted };
  }
  const namespaces = combine({ userNamespace: asked ?? !privileged, network: wanted ?? "none" }, removed, added);
  // A network namespace that is not the container's own, so that what the standard mounts show of it must be the host's.
  const network = namespaces.some(({ type, path }) => type === "network" && path === undefined) ? "none" : "host";
  return { ...options, namespaces, network };
}

function combine(
  options: Parameters<typeof standard>[0],
  removed: readonly NamespaceType[],
  added: readonly Namespace[],
): readonly Namespace[] {
  const namespaces = new Map<NamespaceType, Namespace>();
  for (const one of standard(options).namespaces ?? []) if (typeof one === "string") namespaces.set(one, { type: one });
  for (const type of removed) namespaces.delete(type);
  for (const one of added) namespaces.set(one.type, one);
  return [...namespaces.values()];
}

/** Whether the flags want a user namespace; undefined when they do not say. */
function userNamespaceAsked(
  flags: RunFlags,
  removed: readonly NamespaceType[],
  added: readonly Namespace[],
): boolean | undefined {
  const mapped = flags.uidMap.length > 0 || flags.gidMap.length > 0;
  const wanted: readonly (readonly [string, boolean])[] = [
    ["--user-namespace", flags.userNamespace !== undefined && flags.userNamespace !== "none"],
    ["--namespace user", added.some(({ type }) => type === "user")],
    ["--uid-map or --gid-map", mapped],
  ];
  const refused: readonly (readonly [string, boolean])[] = [
    ["--user-namespace none", flags.userNamespace === "none"],
    ["--no-namespace user", removed.includes("user")],
  ];
  const yes = wanted.find(([, given]) => given)?.[0];
  const no = refused.find(([, given]) => given)?.[0];
  if (yes && no) throw new LibctError("ERR_CT_USAGE", `${yes} and ${no} exclude each other`);
  if (mapped && flags.userNamespace !== undefined) {
    throw new LibctError(
      "ERR_CT_USAGE",
      `--uid-map or --gid-map and --user-namespace ${flags.userNamespace} exclude each other`,
    );
  }
  return yes ? true : no ? false : undefined;
}

/** One kind of map alone counts for both. */
function mappings(flags: RunFlags): RunOptions {
  const { userNamespace } = flags;
  if (userNamespace === "auto" || userNamespace === "identity") {
    return { uidMappings: userNamespace, gidMappings: userNamespace };
  }
  const uid: readonly IdMapping[] = flags.uidMap.map((word) => parseIdMap("--uid-map", word));
  const gid: readonly IdMapping[] = flags.gidMap.map((word) => parseIdMap("--gid-map", word));
  if (uid.length + gid.length === 0) return {};
  return { uidMappings: uid.length > 0 ? uid : gid, gidMappings: gid.length > 0 ? gid : uid };
}
