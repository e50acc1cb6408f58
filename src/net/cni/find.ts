import { accessSync, constants, readdirSync, readFileSync, statSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import type { CniNetwork } from "./network.ts";
import { parseNetworkFile } from "./network.ts";

/** Where libcni's users have them. */
export const CONF_DIRS: readonly string[] = ["/etc/cni/net.d"];
/** Upstream's place, Debian's, Fedora's. */
const PLUGIN_DIRS: readonly string[] = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

export function pluginDirs(given: readonly string[] | undefined, path = process.env.CNI_PATH): readonly string[] {
  if (given) return given;
  const own = (path ?? "").split(":").filter((one) => one !== "");
  return own.length > 0 ? own : PLUGIN_DIRS;
}

/** The network of that name: a list comes before a single plugin's configuration, and in a directory the first file by its name, as in libcni. */
export function findNetwork(name: string, dirs: readonly string[], member: string): CniNetwork {
  const known: string[] = [];
  const failures: string[] = [];
  for (const suffixes of [[".conflist"], [".conf", ".json"]]) {
    for (const path of dirs.flatMap((dir) => filesOf(dir, suffixes))) {
      try {
        const network = parseNetworkFile(readFileSync(path, "utf8"), path);
        if (network.name === name) return network;
        known.push(network.name);
      } catch (error) {
        // Another network's file: that it cannot be read is worth a word only when nothing else is found.
        failures.push((error as Error).message);
      }
    }
  }
  const others = known.length > 0 ? `there are ${known.join(", ")}` : `put its *.conflist into ${dirs.join(" or ")}`;
  throw new LibctError("ERR_CT_INVALID_SPEC", `there is no CNI network named ${name} in ${dirs.join(", ")}`, {
    member,
    hint: [others, ...failures].join("; "),
  });
}

function filesOf(dir: string, suffixes: readonly string[]): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw new LibctError("ERR_CT_SYSCALL", `cannot read the directory ${dir}: ${code}`, {
      path: dir,
      errno: code,
      cause: error,
    });
  }
  return [...names]
    .filter((name) => suffixes.some((suffix) => name.endsWith(suffix)))
    .sort()
    .map((name) => `${dir}/${name}`);
}

/** The executable file of a plugin. */
export function findPlugin(type: string, dirs: readonly string[], member: string): string {
  const path = dirs.map((dir) => `${dir}/${type}`).find(isExecutable);
  if (path !== undefined) return path;
  throw new LibctError("ERR_CT_INVALID_SPEC", `there is no CNI plugin ${type} in ${dirs.join(", ")}`, {
    member,
    hint: "install it (Debian: containernetworking-plugins), or name its directory in pluginDirs or CNI_PATH",
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // Not there, or not for this user: then another directory may have it.
  }
}
