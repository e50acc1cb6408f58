import { invalid, LibctError } from "../../errors.ts";
import {
  type ContainerSpec,
  type IdMapping,
  MASKED_PATHS,
  type Mount,
  type NamespaceType,
  READONLY_PATHS,
  STANDARD_DEVICES,
  STANDARD_LINKS,
  standardMounts,
} from "../../spec/index.ts";
import {
  type Entry,
  type ImportContext,
  type Imported,
  type Note,
  type Settings,
  settingsOf,
  signalOf,
} from "../index.ts";
import { resolvConf, translateFiles } from "./files.ts";
import type { Machine } from "./find.ts";
import { translateNetwork } from "./network.ts";
import { parseSettings } from "./parse.ts";
import { translateProcess } from "./process.ts";
import { isPrivileged, reasonFor } from "./unknown.ts";
import { yes } from "./value.ts";

/**
 * A machine of systemd-nspawn: its files, and its settings file when it has one.
 * @see systemd.nspawn(5), systemd-nspawn(1)
 */
export function importNspawn(machine: Machine, context: ImportContext): Imported {
  const { entries, refused } = readSettings(machine, context);
  const settings = settingsOf(entries);
  const network = translateNetwork(settings);
  const users = idMappings(settings, machine, context);
  const { mounts, links, maskedPaths, ...root } = translateFiles(settings, machine);
  const boot = yes(settings, "Exec.Boot");
  const namespaces: NamespaceType[] = ["mount", "pid", "ipc", "uts", "cgroup"];
  if (network.isolated) namespaces.push("network");
  if (users) namespaces.push("user");
  const spec: ContainerSpec = {
    name: context.name,
    ...root,
    namespaces,
    ...(users && { uidMappings: users, gidMappings: users }),
    hostname: settings.last("Exec.Hostname") ?? machine.name,
    mounts: [
      ...ownMounts(users !== undefined, network.isolated, boot && context.cgroup === 2),
      ...resolvConf(settings, network.isolated, context),
      ...mounts,
    ],
    devices: STANDARD_DEVICES,
    links: [...STANDARD_LINKS, ...links],
    maskedPaths: [...MASKED_PATHS, ...maskedPaths],
    readonlyPaths: READONLY_PATHS,
    seccomp: "default",
    ...stopSignal(settings, boot),
    ...translateLimits(settings, context),
    ...(Object.keys(network.nics).length > 0 ? { nics: network.nics } : {}),
    ...(Object.keys(network.netDevices).length > 0 ? { netDevices: network.netDevices } : {}),
  };
  const about = { machine, privateNetwork: network.isolated, userNamespace: users !== undefined, context };
  const process = translateProcess(settings, about);
  return { flavour: "nspawn", name: context.name, spec, process, notes: [...refused, ...settings.notes(reasonFor)] };
}

function readSettings({ settings }: Machine, { read }: ImportContext) {
  if (settings === undefined) return { entries: [], refused: [] };
  const text = read(settings.path);
  if (text === undefined) {
    throw new LibctError("ERR_CT_INVALID_SPEC", `${settings.path} cannot be read`, {
      path: settings.path,
      errno: "ENOENT",
    });
  }
  const all = parseSettings(text, settings.path);
  const bad = settings.trusted ? [] : all.filter(({ key }) => isPrivileged(key));
  return { entries: all.filter((entry) => !bad.includes(entry)), refused: bad.map(refuse) };
}

function translateLimits(settings: Settings, { privileged }: ImportContext): Pick<ContainerSpec, "resources"> {
  const affinity = settings.last("Exec.CPUAffinity");
  if (affinity !== undefined)
    return {
      resources: {
        cpu: {
          cpus: affinity
            .trim()
            .split(/[\s,]+/)
            .join(","),
        },
      },
    };
  // Who has no rights may have no cgroups.
  return privileged ? { resources: {} } : {};
}

/** "Defaults to SIGRTMIN+3 if Boot= is used", which systemd takes for an order to halt. */
function stopSignal(settings: Settings, boot: boolean): Pick<ContainerSpec, "stopSignal"> {
  const given = settings.last("Exec.KillSignal") ?? (boot ? "SIGRTMIN+3" : undefined);
  return given === undefined ? {} : { stopSignal: signalOf("Exec.KillSignal", given) };
}

const refuse = (entry: Entry): Note => ({
  ...entry,
  effect: "ignored",
  reason: "it gives more rights, and the file lies beside the machine's own: move it to /etc/systemd/nspawn",
});

/** What systemd-nspawn mounts in every machine. */
function ownMounts(userNamespace: boolean, ownNetwork: boolean, writableCgroup: boolean): readonly Mount[] {
  const quiet = ["nosuid", "nodev", "noexec"];
  return [
    ...standardMounts({ userNamespace, network: ownNetwork ? "none" : "host", ttyGroup: true }),
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: [...quiet, ...(writableCgroup ? [] : ["ro"])],
    },
    { destination: "/run", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "strictatime", "mode=755"] },
    { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "strictatime", "mode=1777"] },
  ];
}

const RANGE = 65_536;

/** PrivateUsers=: a range of ids, that of who owns the files, or the host's own ids in a namespace of their own. */
function idMappings(settings: Settings, machine: Machine, { owner }: ImportContext): readonly IdMapping[] | undefined {
  const value = settings.last("Exec.PrivateUsers");
  if (value === undefined || /^(0|no|n|false|f|off)$/i.test(value)) return undefined;
  const map = (hostID: number, size = RANGE) => [{ containerID: 0, hostID, size }];
  if (value === "identity") return map(0);
  if (/^(1|yes|y|true|t|on|pick)$/i.test(value)) {
    const first = owner(machine.root.path) ?? 0;
    if (first === 0) {
      settings.change("Exec.PrivateUsers", "the files are root's, so the ids are the host's own, in a user namespace");
    } else if (first % RANGE !== 0) {
      throw invalid("Exec.PrivateUsers", value, `files that are owned by a multiple of ${RANGE}, and not by ${first}`);
    }
    return map(first);
  }
  const [, start, size] = /^(\d+)(?::(\d+))?$/.exec(value) ?? [];
  if (start === undefined) throw invalid("Exec.PrivateUsers", value, "yes, no, pick, identity, or FIRST[:SIZE]");
  return map(Number(start), size === undefined ? RANGE : Number(size));
}
