import { LibctError } from "../../errors.ts";
import { absolutePath } from "../../linux/index.ts";
import {
  type ContainerSpec,
  type Hooks,
  MASKED_PATHS,
  type Mount,
  READONLY_PATHS,
  STANDARD_LINKS,
  standardMounts,
} from "../../spec/index.ts";
import { type ImportContext, type Imported, type Settings, setsOf, settingsOf } from "../index.ts";
import { translateCapabilities } from "./capabilities.ts";
import { translateDevices } from "./devices.ts";
import { translateNetwork } from "./network.ts";
import { parseConfig } from "./parse.ts";
import { resolverHook } from "./resolver.ts";
import { limitOf, translateResources } from "./resources.ts";
import { reasonFor } from "./unknown.ts";

export interface OpenvzImported extends Imported {
  /** What the container's files are unpacked from, and where to, when they are not there yet. */
  readonly template?: { readonly tarball: string; readonly directory: string };
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * A container of OpenVZ by its CTID.conf. Reads that file and those which it names, through `context`.
 * @see ctid.conf(5), vzctl(8)
 */
export function importOpenvz(path: string, context: ImportContext): OpenvzImported {
  const config = absolutePath(path);
  const settings = settingsOf(parseConfig(config, context));
  const { directory, template } = translateRoot(settings, context);
  const maps = idMaps(settings);
  const { nics, netDevices } = translateNetwork(settings);
  const { devices, rules } = translateDevices(settings, context);
  const hostname = settings.last("HOSTNAME");
  const shm = limitOf(settings, "SHMPAGES", 1)?.limit;
  const hook = resolverHook(settings, context);
  const spec: ContainerSpec = {
    name: context.name,
    root: directory,
    namespaces: ["mount", "pid", "ipc", "uts", "cgroup", "network", ...(maps ? (["user"] as const) : [])],
    ...maps,
    ...(hostname === undefined ? {} : { hostname }),
    mounts: mounts(settings, maps !== undefined),
    devices,
    links: STANDARD_LINKS,
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
    ...(shm === undefined ? {} : { sysctl: { "kernel.shmall": String(shm) } }),
    resources: { ...translateResources(settings), devices: rules },
    ...(Object.keys(nics).length > 0 ? { nics } : {}),
    ...(Object.keys(netDevices).length > 0 ? { netDevices } : {}),
    ...(hook ? { hooks: { startContainer: [hook] } satisfies Hooks } : {}),
    ...annotations(settings),
  };
  const capabilities = translateCapabilities(settings, context.capabilities(maps !== undefined));
  const process = {
    args: ["/sbin/init"],
    cwd: "/",
    user: { uid: 0, gid: 0 },
    env: { PATH, HOME: "/", container: "openvz" },
    capabilities: setsOf(capabilities, true),
    ...priority(settings),
  };
  if (settings.last("DISABLED") === "yes") settings.change("DISABLED", "it can be started all the same");
  const notes = settings.notes(reasonFor);
  return { flavour: "openvz", name: context.name, spec, process, notes, ...(template && { template }) };
}

/** VE_PRIVATE; a container that was never made has a template in its place. */
function translateRoot(settings: Settings, context: ImportContext) {
  const given = settings.last("VE_PRIVATE") ?? "/vz/private/$VEID";
  const directory = absolutePath(given.replace(/\$\{?VEID\}?/g, context.name));
  if (context.kind(`${directory}/root.hdd`) !== undefined) {
    throw new LibctError(
      "ERR_CT_NOT_SUPPORTED",
      `the files of the container are in a ploop image: ${directory}/root.hdd`,
      {
        path: directory,
        member: "VE_PRIVATE",
        hint: "mount it (ploop mount), and let VE_PRIVATE be the directory that it is mounted at",
      },
    );
  }
  // Virtuozzo 7 has the files one level deeper.
  if (context.kind(`${directory}/fs`) === "directory" && context.kind(`${directory}/etc`) === undefined) {
    return { directory: `${directory}/fs` };
  }
  if (context.kind(directory) === "directory") return { directory };
  const template = settings.last("OSTEMPLATE") ?? settings.last("DEF_OSTEMPLATE");
  const cache = `${settings.last("TEMPLATE") ?? "/vz/template"}/cache`;
  const name = template?.split("/").at(-1) ?? "";
  const found = ["tar.gz", "tar.xz", "tar.zst", "tar.bz2", "tar"].find(
    (ending) => context.kind(`${cache}/${name}.${ending}`) === "file",
  );
  if (template === undefined || found === undefined) {
    const also = template === undefined ? "" : `, and ${cache} has no template ${name}`;
    throw new LibctError("ERR_CT_INVALID_SPEC", `${directory} does not exist${also}`, {
      path: directory,
      member: "VE_PRIVATE",
      errno: "ENOENT",
    });
  }
  return { directory, template: { tarball: `${cache}/${name}.${found}`, directory } };
}

function mounts(settings: Settings, userNamespace: boolean): readonly Mount[] {
  const terminals = limitOf(settings, "NUMPTY", 1)?.limit;
  return standardMounts({ userNamespace, ttyGroup: true }).map((mount) =>
    mount.type === "devpts" && terminals !== undefined
      ? { ...mount, options: [...(mount.options ?? []), `max=${terminals}`] }
      : mount,
  );
}

/** LOCAL_UID and LOCAL_GID: vzctl's own way to user namespaces, where the kernel is not OpenVZ's. */
function idMaps(settings: Settings): Pick<ContainerSpec, "uidMappings" | "gidMappings"> | undefined {
  const [uid, gid] = [settings.last("LOCAL_UID"), settings.last("LOCAL_GID")];
  if (uid === undefined || Number(uid) === 0) return undefined;
  const map = (hostID: number) => [{ containerID: 0, hostID, size: 65_536 }];
  return { uidMappings: map(Number(uid)), gidMappings: map(Number(gid ?? uid)) };
}

/** IOPRIO: 7 is the most, where Linux has 0 (ioprio_set(2)). */
function priority(settings: Settings) {
  const value = settings.last("IOPRIO");
  if (value === undefined || !/^[0-7]$/.test(value)) return {};
  return { ioPriority: { class: "IOPRIO_CLASS_BE", priority: 7 - Number(value) } } as const;
}

function annotations(settings: Settings): Pick<ContainerSpec, "annotations"> {
  const known = { "org.openvz.name": settings.last("NAME"), "org.openvz.description": settings.last("DESCRIPTION") };
  const given = Object.entries(known).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  return given.length > 0 ? { annotations: Object.fromEntries(given) } : {};
}
