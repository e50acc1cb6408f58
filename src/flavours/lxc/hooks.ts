import type { Hook, Hooks } from "../../spec/index.ts";
import { lookUp, type Settings } from "../index.ts";
import type { LxcRoot } from "./root.ts";

type Name = keyof Hooks;

/** When each is run here. */
const PLACES: Readonly<Record<string, { readonly name: Name; readonly changed?: string }>> = {
  "pre-start": { name: "createRuntime", changed: "it is run when the namespaces are there, and before the mounts are" },
  "start-host": { name: "createRuntime", changed: "it is run before the mounts are made" },
  mount: { name: "createContainer" },
  autodev: { name: "createContainer" },
  start: { name: "startContainer" },
  stop: { name: "poststop", changed: "it is run when the container's namespaces are gone" },
  "post-stop": { name: "poststop" },
};

const IGNORED: Readonly<Record<string, string>> = {
  "pre-mount": "the root is mounted by then",
  clone: "libct does not copy containers of LXC",
  destroy: "libct does not remove containers of LXC",
};

export interface HookContext {
  readonly name: string;
  readonly config: string;
  readonly root: LxcRoot | undefined;
}

/** lxc.hook.*: command lines of a shell, which are told of the container by arguments (version 0) or by variables (version 1). */
export function translateHooks(settings: Settings, context: HookContext): Hooks | undefined {
  const version = settings.last("lxc.hook.version") ?? "0";
  const hooks: Partial<Record<Name, Hook[]>> = {};
  // In the order of a container's life, as several of LXC's are one of ours.
  const given = settings.below("lxc.hook.");
  for (const [type, { name, changed }] of Object.entries(PLACES)) {
    for (const { key, value } of given.filter((one) => one.name === type)) {
      hooks[name] = [...(hooks[name] ?? []), hookOf(value, type, version, context)];
      if (changed) settings.change(key, changed, value);
      if (name === "createContainer" && context.root?.directory === undefined) {
        settings.change(key, "LXC_ROOTFS_MOUNT is not set, as the root is no plain directory", value);
      }
    }
  }
  for (const { key, name } of given) {
    if (name === "version" || lookUp(PLACES, name)) continue;
    settings.ignore(key, lookUp(IGNORED, name) ?? "there is no such hook");
  }
  return Object.keys(hooks).length > 0 ? hooks : undefined;
}

function hookOf(command: string, type: string, version: string, { name, config, root }: HookContext): Hook {
  const words = version === "0" ? ` ${name} lxc ${type}` : "";
  return {
    path: "/bin/sh",
    args: ["sh", "-c", `${command}${words}`],
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      LXC_NAME: name,
      LXC_CONFIG_FILE: config,
      LXC_CGNS_AWARE: "1",
      LXC_HOOK_VERSION: version,
      ...(root === undefined
        ? {}
        : {
            LXC_ROOTFS_PATH: root.path,
            ...(root.directory === undefined ? {} : { LXC_ROOTFS_MOUNT: root.directory }),
          }),
      ...(version === "0" ? {} : { LXC_HOOK_TYPE: type, LXC_HOOK_SECTION: "lxc" }),
    },
  };
}
