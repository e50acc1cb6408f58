import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { absolutePath } from "../linux/index.ts";

/** Which container of which program: by its name there, or by the path of its configuration. */
export type ImportSource =
  /** A name, a configuration file, or the directory that has one. */
  | { readonly lxc: string }
  /** A number, or the path of CTID.conf. */
  | { readonly openvz: string | number }
  /** A name, a directory, an image (.raw), an archive (.tar, ...) or a settings file (.nspawn). */
  | { readonly nspawn: string }
  /** The directory with config.json. */
  | { readonly bundle: string };

export interface KnownSource {
  readonly flavour: "lxc" | "openvz" | "nspawn" | "oci";
  readonly name: string;
  readonly path: string;
}

const SCHEME = /^(lxc|openvz|nspawn|bundle):(.+)$/s;

/** "lxc:web", "bundle:/srv/web", or a path whose files say what it is. */
export function recognize(text: string): KnownSource {
  const [, scheme, rest = ""] = SCHEME.exec(text) ?? [];
  if (scheme === "lxc") return lxc(rest);
  if (scheme === "openvz") return openvz(rest);
  if (scheme === "nspawn") return nspawn(rest);
  if (scheme === "bundle") return bundle(rest);
  return byPath(absolutePath(text));
}

export function sourceOf(source: ImportSource): KnownSource {
  if ("lxc" in source) return lxc(source.lxc);
  if ("openvz" in source) return openvz(String(source.openvz));
  return "nspawn" in source ? nspawn(source.nspawn) : bundle(source.bundle);
}

const isDirectory = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const last = (path: string) => path.slice(path.lastIndexOf("/") + 1);
const above = (path: string) => path.slice(0, path.lastIndexOf("/")) || "/";

/** LXC keeps a container in a directory of its name, those of users below their homes (lxc.system.conf(5), lxc.lxcpath). */
function lxc(given: string): KnownSource {
  if (!given.includes("/")) {
    const home = process.env.XDG_DATA_HOME ?? `${process.env.HOME ?? ""}/.local/share`;
    const places = ["/var/lib/lxc", `${home}/lxc`].map((place) => `${place}/${given}/config`);
    const path = places.find((place) => existsSync(place));
    if (path === undefined) throw missing(`there is no container of LXC called ${given}`, places[0] ?? given);
    return { flavour: "lxc", name: given, path };
  }
  const path = absolutePath(given);
  const file = isDirectory(path) ? `${path}/config` : path;
  return {
    flavour: "lxc",
    name: last(file) === "config" ? last(above(file)) : last(file).replace(/\.conf$/, ""),
    path: file,
  };
}

function openvz(given: string): KnownSource {
  const path = given.includes("/") ? absolutePath(given) : `/etc/vz/conf/${given}.conf`;
  if (!existsSync(path)) throw missing(`there is no container of OpenVZ called ${given}`, path);
  return { flavour: "openvz", name: last(path).replace(/\.conf$/, ""), path };
}

const nspawn = (given: string): KnownSource => ({ flavour: "nspawn", name: last(given), path: given });

function bundle(given: string): KnownSource {
  const path = absolutePath(given);
  return { flavour: "oci", name: last(path) || "container", path };
}

const missing = (message: string, path: string) =>
  new LibctError("ERR_CT_INVALID_SPEC", `${message}: ${path} does not exist`, { path, errno: "ENOENT" });

/** The first bytes of a configuration are enough to tell whose it is. */
const MOST = 64 << 10;

function begin(path: string): string {
  const fd = openSync(path, "r");
  try {
    const bytes = new Uint8Array(MOST);
    return new TextDecoder().decode(bytes.subarray(0, readSync(fd, bytes, 0, MOST, 0)));
  } finally {
    closeSync(fd);
  }
}

function byPath(path: string): KnownSource {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw missing("there is nothing to import", path);
  if (stat.isDirectory()) {
    if (existsSync(`${path}/config.json`)) return bundle(path);
    if (existsSync(`${path}/config`)) return lxc(path);
    if (existsSync(`${path}/usr`)) return nspawn(path);
  } else if (/\.(nspawn|raw|tar|tgz|tar\.(gz|xz|bz2|zst))$/.test(path)) return nspawn(path);
  else if (stat.isFile()) {
    const text = begin(path);
    if (/^\s*lxc\.\w/m.test(text)) return lxc(path);
    if (/^\s*(VE_PRIVATE|VE_ROOT|OSTEMPLATE|PHYSPAGES|NUMPROC|CPUUNITS)=/m.test(text)) return openvz(path);
  }
  throw new LibctError("ERR_CT_INVALID_SPEC", `${path} is no container of a program that libct knows`, {
    path,
    hint: "say whose it is: lxc:PATH, openvz:PATH, nspawn:PATH or bundle:PATH",
  });
}
