/** Networks on disk. */
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { LibctError, nearest } from "../../errors.ts";
import { randomHex } from "../../linux/index.ts";
import { checkNetworkName, isLinkName, type Network } from "./network.ts";
import { parseSubnet } from "./subnet.ts";

const SUFFIX = ".json";

/** The names of all that are written down. */
export function networkNames(directory: string): readonly string[] {
  try {
    const files = readdirSync(directory).filter((file) => file.endsWith(SUFFIX) && !file.startsWith("."));
    return files.map((file) => file.slice(0, -SUFFIX.length)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw cannot("read", directory, error);
  }
}

/** Every network; of one whose file cannot be read the error. */
export function listNetworks(directory: string): readonly (Network | LibctError)[] {
  return networkNames(directory).flatMap((name): (Network | LibctError)[] => {
    try {
      const network = findNetwork(directory, name);
      return network ? [network] : [];
    } catch (error) {
      if (error instanceof LibctError) return [error];
      throw error;
    }
  });
}

/** Those whose files can be read. */
export const knownNetworks = (directory: string): readonly Network[] =>
  listNetworks(directory).flatMap((one) => (one instanceof LibctError ? [] : [one]));

/** Undefined when there is none of that name. */
export function findNetwork(directory: string, name: string): Network | undefined {
  checkNetworkName(name);
  const path = `${directory}/${name}${SUFFIX}`;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cannot("read", path, error);
  }
  return decodeNetwork(text, path, name);
}

export function networkNamed(directory: string, name: string, member?: string): Network {
  const network = findNetwork(directory, name);
  if (network) return network;
  const meant = nearest(name, networkNames(directory));
  const hint =
    meant === undefined
      ? `\`ct network create ${name}\` makes it; \`ct network ls\` lists them`
      : `did you mean ${meant}?`;
  throw new LibctError("ERR_CT_NO_SUCH_NETWORK", `there is no network named ${name}`, { member, hint });
}

/** What it is in may become the store of images, which is for nobody else. */
export function makeNetworksDirectory(directory: string): void {
  mkdirSync(dirname(directory), { recursive: true, mode: 0o700 });
  mkdirSync(directory, { recursive: true, mode: 0o755 });
}

/** Writes a new one down  ERR_CT_NAME_IN_USE when somebody was quicker. */
export function writeNetwork(directory: string, network: Network): void {
  const path = `${directory}/${network.name}${SUFFIX}`;
  const fresh = `${directory}/.${randomHex(8)}`;
  try {
    makeNetworksDirectory(directory);
    writeFileSync(fresh, `${JSON.stringify(network, undefined, 2)}\n`, { mode: 0o644 });
    // Unlike rename(2), link(2) takes nobody's place.
    linkSync(fresh, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new LibctError("ERR_CT_NAME_IN_USE", `there is a network named ${network.name} already`, {
        member: "name",
      });
    }
    throw cannot("write", path, error);
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** False when somebody else has removed it meanwhile. */
export function forgetNetwork(directory: string, name: string): boolean {
  const path = `${directory}/${name}${SUFFIX}`;
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw cannot("remove", path, error);
  }
}

const has = (value: object, member: string, type: string): boolean => typeof Reflect.get(value, member) === type;

function decodeNetwork(text: string, path: string, name: string): Network {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch (cause) {
    throw unreadable(path, "is not JSON", cause);
  }
  if (typeof input !== "object" || input === null) throw unreadable(path, "is no object");
  if (Reflect.get(input, "version") !== 1) throw unreadable(path, "is of another libct");
  const subnets: unknown = Reflect.get(input, "subnets");
  const whole = Array.isArray(subnets) && subnets.length > 0 && subnets.every(isSubnet);
  // Its name becomes a path and its bridge is removed: both are what they could have been made as.
  const named = Reflect.get(input, "name") === name && isLinkName(Reflect.get(input, "bridge"));
  const said = has(input, "internal", "boolean") && has(input, "masquerade", "boolean");
  if (!whole || !named || !said || !has(input, "labels", "object") || !has(input, "created", "number")) {
    throw unreadable(path, "lacks something, or says something else than it may");
  }
  return input as Network;
}

const isSubnet = (one: unknown): boolean => {
  if (typeof one !== "object" || one === null) return false;
  const subnet: unknown = Reflect.get(one, "subnet");
  return typeof subnet === "string" && parseSubnet(subnet) !== undefined && has(one, "gateway", "string");
};

const unreadable = (path: string, what: string, cause?: unknown) =>
  new LibctError("ERR_CT_STATE", `the description of a network ${path} ${what}`, {
    path,
    hint: "remove the file, and make the network again",
    cause,
  });

function cannot(verb: string, path: string, cause: unknown): LibctError {
  const { code, syscall } = cause as NodeJS.ErrnoException;
  const permitted = code !== "EACCES" && code !== "EPERM" && code !== "EROFS";
  return new LibctError(permitted ? "ERR_CT_STATE" : "ERR_CT_NOT_PERMITTED", `cannot ${verb} ${path}: ${code}`, {
    path,
    errno: code,
    syscall,
    hint: "networks belong to whoever made them; choose another place with --root, or Host.open({ stateDirectory })",
    cause,
  });
}
