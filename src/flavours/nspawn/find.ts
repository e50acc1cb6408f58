import { LibctError } from "../../errors.ts";
import { absolutePath } from "../../linux/index.ts";
import type { ImportContext } from "../index.ts";

type Look = Pick<ImportContext, "kind">;

/** A machine: where its files are, and its settings. */
export interface Machine {
  readonly name: string;
  readonly root: { readonly path: string; readonly kind: "directory" | "raw" };
  readonly settings?: { readonly path: string; readonly trusted: boolean };
  /** What the files are unpacked from, when they are not there yet. */
  readonly tarball?: string;
}

const MACHINES = "/var/lib/machines";
const TAR = /\.(tar|tar\.(gz|xz|bz2|zst)|tgz)$/;

/** By its name, or by a path: a directory, an image (.raw), a settings file (.nspawn) or an archive (.tar, ...). */
export function findMachine(given: string, look: Look): Machine {
  if (!given.includes("/")) return byName(given, MACHINES, look);
  const path = absolutePath(given);
  const directory = path.slice(0, path.lastIndexOf("/")) || "/";
  const last = path.slice(path.lastIndexOf("/") + 1);
  if (last.endsWith(".nspawn")) {
    const name = last.slice(0, -".nspawn".length);
    const trusted = /^\/(etc|run)\/systemd\/nspawn$/.test(directory);
    const found = byName(name, trusted ? MACHINES : directory, look);
    return { ...found, settings: { path, trusted } };
  }
  if (TAR.test(last)) {
    const name = last.replace(TAR, "");
    const root = { path: `${MACHINES}/${name}`, kind: "directory" } as const;
    const tarball = look.kind(root.path) === undefined ? { tarball: path } : {};
    return { name, root, ...settingsOf(name, directory, look), ...tarball };
  }
  const raw = last.endsWith(".raw");
  const name = raw ? last.slice(0, -".raw".length) : last;
  return { name, root: { path, kind: raw ? "raw" : "directory" }, ...settingsOf(name, directory, look) };
}

function byName(name: string, directory: string, look: Look): Machine {
  const settings = settingsOf(name, directory, look);
  const path = `${directory}/${name}`;
  if (look.kind(path) === "directory") return { name, root: { path, kind: "directory" }, ...settings };
  if (look.kind(`${path}.raw`) === "file") return { name, root: { path: `${path}.raw`, kind: "raw" }, ...settings };
  throw new LibctError("ERR_CT_INVALID_SPEC", `there is no machine ${name}: neither ${path} nor ${path}.raw exists`, {
    path,
    errno: "ENOENT",
    hint: "give the path of its directory or image",
  });
}

/** "This file is first searched for in /etc/systemd/nspawn/ and /run/systemd/nspawn/ ... Otherwise next to the image" (systemd.nspawn(5)). */
function settingsOf(name: string, directory: string, { kind }: Look): Pick<Machine, "settings"> {
  for (const place of ["/etc/systemd/nspawn", "/run/systemd/nspawn"]) {
    const path = `${place}/${name}.nspawn`;
    if (kind(path) === "file") return { settings: { path, trusted: true } };
  }
  const path = `${directory}/${name}.nspawn`;
  return kind(path) === "file" ? { settings: { path, trusted: false } } : {};
}
