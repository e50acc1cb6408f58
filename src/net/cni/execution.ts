import type { CniCapabilities, CniPlugin, JsonObject } from "../../spec/index.ts";
import { type CniNetwork, isVersionSince } from "./network.ts";

export type CniCommand = "ADD" | "DEL" | "CHECK" | "VERSION";

/** One interface of one container in a network: by these three plugins find what they have made. */
export interface CniAttachment {
  readonly containerId: string;
  readonly ifname: string;
  /** The path of its network namespace. */
  readonly netns: string;
  readonly args: Readonly<Record<string, string>>;
  readonly pluginDirs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** CNI specification, section 2, "Parameters". */
export function environment(command: CniCommand, attachment: CniAttachment): Readonly<Record<string, string>> {
  const { containerId, ifname, netns, args, pluginDirs, env } = attachment;
  return {
    ...env,
    CNI_COMMAND: command,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: ifname,
    CNI_ARGS: Object.entries(args)
      .map(([key, value]) => `${key}=${value}`)
      .join(";"),
    CNI_PATH: pluginDirs.join(":"),
  };
}

/** What a plugin reads from its standard input: section 3, "Deriving execution configuration from plugin configuration". */
export function execution(
  network: CniNetwork,
  plugin: CniPlugin,
  capabilities: CniCapabilities,
  prevResult?: JsonObject,
): JsonObject {
  const { capabilities: known = {}, ...rest } = plugin;
  const wanted = Object.entries(capabilities).filter(([name, value]) => known[name] === true && value !== undefined);
  return {
    ...rest,
    cniVersion: network.cniVersion,
    name: network.name,
    ...(wanted.length > 0 ? { runtimeConfig: Object.fromEntries(wanted) } : {}),
    ...(prevResult ? { prevResult } : {}),
  };
}

/** What a plugin reads to undo what it has done; before version 0.4.0 plugins are not told the result. */
export const undoing = (
  network: CniNetwork,
  plugin: CniPlugin,
  capabilities: CniCapabilities,
  result: JsonObject | undefined,
): JsonObject => execution(network, plugin, capabilities, isVersionSince(network, "0.4.0") ? result : undefined);

/** What no plugin of the network asks for would be lost without a word. */
export const unheard = (network: CniNetwork, capabilities: CniCapabilities): readonly string[] =>
  Object.keys(capabilities).filter(
    (name) => capabilities[name] !== undefined && !network.plugins.some((one) => one.capabilities?.[name] === true),
  );
