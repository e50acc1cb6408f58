import { invalid, LibctError } from "../../errors.ts";
import type { CniNetworkList, CniPlugin, JsonObject } from "../../spec/index.ts";

/** A network whose members have been looked at. */
export interface CniNetwork {
  readonly name: string;
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  readonly plugins: readonly CniPlugin[];
}

/** Of these the meaning is known here: earlier ones have no chains of plugins. */
const VERSIONS: ReadonlySet<string> = new Set(["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]);

/** CNI specification, section 1, "name"; a container's id has the same form. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** The name of a file in a directory of plugins, and nothing else. */
const TYPE = /^(?!\.{1,2}$)[^/\0]+$/;

/** A network of a list (*.conflist) or of a single plugin's configuration (*.conf). `where` is named in errors. */
export function parseNetwork(input: unknown, where: string): CniNetwork {
  if (!isObject(input)) throw invalid(where, input, "a network of CNI: an object with a `name` and `plugins`");
  const { name, cniVersion = "0.3.1", disableCheck = false } = input as Partial<CniNetworkList>;
  if (typeof name !== "string" || !NAME.test(name)) {
    throw invalid(
      `${where}.name`,
      name,
      'the name of a network: a letter or digit, then letters, digits, "_", "." or "-"',
    );
  }
  if (typeof cniVersion !== "string" || !VERSIONS.has(cniVersion)) {
    throw invalid(`${where}.cniVersion`, cniVersion, `one of ${[...VERSIONS].join(", ")}`);
  }
  const plugins = "plugins" in input ? input.plugins : [single(input)];
  if (!Array.isArray(plugins) || plugins.length === 0) {
    throw invalid(`${where}.plugins`, plugins, "a list of plugins that is not empty");
  }
  return {
    name,
    cniVersion,
    // The specification had it as a string at first.
    disableCheck: disableCheck === true || disableCheck === "true",
    plugins: plugins.map((plugin: unknown, index) => parsePlugin(plugin, `${where}.plugins[${index}]`)),
  };
}

/** The name and the version are those of the network. */
const single = ({ name: _, cniVersion: __, ...plugin }: JsonObject): JsonObject => plugin;

function parsePlugin(input: unknown, where: string): CniPlugin {
  if (!isObject(input)) throw invalid(where, input, "the configuration of a plugin: an object with a `type`");
  const { type, capabilities } = input;
  if (typeof type !== "string" || !TYPE.test(type))
    throw invalid(`${where}.type`, type, "the name of a plugin, such as bridge");
  if (capabilities !== undefined && !isObject(capabilities)) {
    throw invalid(`${where}.capabilities`, capabilities, "an object of names and true or false");
  }
  return { ...input, type };
}

/** What is in a file of a directory of configurations. */
export function parseNetworkFile(text: string, path: string): CniNetwork {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (cause) {
    const reason = (cause as SyntaxError).message;
    throw new LibctError("ERR_CT_INVALID_SPEC", `the network configuration ${path} is not JSON: ${reason}`, {
      path,
      cause,
    });
  }
  return parseNetwork(input, path);
}

export const isObject = (input: unknown): input is JsonObject =>
  typeof input === "object" && input !== null && !Array.isArray(input);

/** Whether a network's version is this one or a later one. */
export function isVersionSince({ cniVersion }: Pick<CniNetwork, "cniVersion">, least: string): boolean {
  const [parts, other] = [cniVersion, least].map((version) => version.split(".").map(Number));
  for (const [index, number = 0] of (parts ?? []).entries()) {
    const difference = number - (other?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
