import { absolutePath } from "../../linux/index.ts";
import type { ContainerSpec, ProcessSpec } from "../../spec/index.ts";
import type { OciConfig } from "./config.ts";
import { defaultRules, links, translateDevices } from "./devices.ts";
import { translateHooks } from "./hooks.ts";
import { addLinux, translateCgroupsPath, translatePersonality } from "./linux.ts";
import { hasHostDev, translateMounts } from "./mounts.ts";
import { NO_CAPABILITIES, translateProcess } from "./process.ts";
import { translateResources } from "./resources.ts";
import { translateSystemdPath } from "./systemd-path.ts";
import type { Mutable, Warn } from "./translation.ts";
import { checkVersion } from "./version.ts";

export interface TranslationContext {
  /** The container's name. */
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  readonly noPivot?: boolean;
  readonly noNewKeyring?: boolean;
  /** systemd makes the cgroups, and cgroupsPath is "slice:prefix:name". */
  readonly systemdCgroup?: boolean;
  /** No cgroups are made, whatever the config says: `--cgroup-manager disabled` of crun's. */
  readonly noCgroups?: boolean;
  /** The caller has no privileges on the host. */
  readonly rootless?: boolean;
  /** The kernel has /proc/kcore. */
  readonly kcore?: boolean;
}

export interface Translation {
  readonly spec: ContainerSpec;
  /** None when the config has none: then there is nothing to start. */
  readonly process: ProcessSpec | undefined;
  /** What is done otherwise than the config says, each a sentence. */
  readonly warnings: readonly string[];
}

/**
 * A config.json in libct's own terms. Nothing that it asks for is dropped in silence: what is done otherwise is a warning, what cannot be done an error with
 * the member's path, here or when the container is made (`inConfig` says where in config.json that is).
 */
export function translateConfig(config: OciConfig, context: TranslationContext): Translation {
  checkVersion(config.ociVersion);
  const warnings: string[] = [];
  const warn: Warn = (text) => warnings.push(text);
  const { root, hostname, domainname, linux = {}, annotations, hooks } = config;
  const spec: Mutable<ContainerSpec> = {
    name: context.id,
    lifetime: "orphan",
    bundle: context.bundle,
    root: absolutePath(root.path.startsWith("/") ? root.path : `${context.bundle}/${root.path}`),
  };
  if (context.noPivot) spec.rootMode = "move";
  if (root.readonly) spec.readonlyRoot = true;
  if (hostname) spec.hostname = hostname;
  if (domainname) spec.domainname = domainname;
  addLinux(spec, linux, warn);
  addFiles(spec, config, context, warn);
  addCgroup(spec, config, context, warn);
  const translated = hooks && translateHooks(hooks);
  if (translated) spec.hooks = translated;
  if (annotations) spec.annotations = annotations;
  return { spec, process: processOf(spec, config, context, warn), warnings };
}

/** Mounts, and what is made in /dev. */
function addFiles(
  spec: Mutable<ContainerSpec>,
  { mounts, linux }: OciConfig,
  { bundle, kcore = false }: TranslationContext,
  warn: Warn,
): void {
  spec.mounts = translateMounts(mounts ?? [], bundle, warn);
  const own = linux?.devices ?? [];
  if (hasHostDev(spec.mounts)) {
    if (own.length > 0) warn("linux.devices: not made, as the host's /dev is mounted there");
    return;
  }
  const private_ = linux?.namespaces?.some(({ type }) => type === "mount") === true;
  if (!private_ && own.length === 0 && spec.mounts.length === 0) {
    warn("linux.namespaces: no devices are made in /dev, as there is no mount namespace to make them in");
    return;
  }
  spec.devices = translateDevices(own);
  spec.links = links(kcore);
}

function addCgroup(
  spec: Mutable<ContainerSpec>,
  { linux }: OciConfig,
  { id, systemdCgroup, noCgroups, rootless }: TranslationContext,
  warn: Warn,
): void {
  const { devices, ...limits } = translateResources(linux?.resources ?? {}, warn);
  if (noCgroups) {
    const names = Object.keys(limits);
    if (names.length > 0) warn(`linux.resources: there are no limits without cgroups: ${names.join(", ")}`);
    spec.cgroup = { driver: "none" };
    return;
  }
  // Nobody without privileges may set rules for devices, nor needs them: he could not make a node of a device in the first place.
  spec.resources = rootless ? limits : { ...limits, devices: [...(devices ?? []), ...defaultRules()] };
  const { cgroupsPath: given = "" } = linux ?? {};
  if (systemdCgroup) {
    spec.cgroup = translateSystemdPath(given, id);
    return;
  }
  const path = translateCgroupsPath(given);
  if (path !== undefined) spec.cgroupsPath = path;
}

/** linux.personality is every process's, also of those that enter later. */
function processOf(
  spec: Mutable<ContainerSpec>,
  { process, linux }: OciConfig,
  context: TranslationContext,
  warn: Warn,
): ProcessSpec | undefined {
  const personality = linux?.personality && translatePersonality(linux.personality, warn);
  if (personality) spec.process = { personality };
  if (!process) return undefined;
  const result = { capabilities: NO_CAPABILITIES, ...translateProcess(process, warn, context) };
  return personality ? { ...result, personality } : result;
}
