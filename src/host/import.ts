import { LibctError } from "../errors.ts";
import type { ImportContext, Imported } from "../flavours/index.ts";
import { absolutePath } from "../linux/index.ts";
import type { Caller } from "./caller.ts";
import { importContext } from "./import-context.ts";
import { type ImportSource, recognize, sourceOf } from "./import-source.ts";

export interface ImportOptions {
  /** Default: the one it has there. */
  readonly name?: string;
  /**
   * Unpacks an archive into a directory that is there and empty: for containers whose files are still in the archive that they are made from. Without it such
   * a container is refused.
   */
  readonly unpack?: (tarball: string, directory: string) => void | Promise<void>;
}

/** A container of another program, by its configuration on this machine, in libct's own terms. Reads files, and changes nothing unless it unpacks. */
export async function importContainer(
  source: string | ImportSource,
  caller: Caller,
  options: ImportOptions = {},
): Promise<Imported> {
  const known = typeof source === "string" ? recognize(source) : sourceOf(source);
  const context = importContext(nameOf(options.name ?? known.name), caller);
  switch (known.flavour) {
    case "lxc":
      return (await import("../flavours/lxc/index.ts")).importLxc(known.path, context);
    case "oci":
      return (await import("../flavours/oci/index.ts")).importBundle(known.path, context);
    case "openvz":
      return await openvz(known.path, context, options);
    case "nspawn":
      return await nspawn(known.path, context, options);
  }
}

async function openvz(path: string, context: ImportContext, options: ImportOptions): Promise<Imported> {
  const { importOpenvz } = await import("../flavours/openvz/index.ts");
  const { template, ...imported } = importOpenvz(path, context);
  if (template) await unpack(template.tarball, template.directory, options);
  return imported;
}

async function nspawn(given: string, context: ImportContext, options: ImportOptions): Promise<Imported> {
  const { findMachine, importNspawn } = await import("../flavours/nspawn/index.ts");
  const machine = findMachine(given, context);
  if (machine.tarball !== undefined) await unpack(machine.tarball, machine.root.path, options);
  return importNspawn(machine, options.name === undefined ? { ...context, name: nameOf(machine.name) } : context);
}

/** The directory appears when it is whole. */
async function unpack(tarball: string, directory: string, options: ImportOptions): Promise<void> {
  if (!options.unpack) {
    throw new LibctError("ERR_CT_INVALID_SPEC", `the container's files are still in ${tarball}`, {
      path: tarball,
      member: "root",
      hint: `unpack it: mkdir -p ${directory} && tar --numeric-owner -xpf ${tarball} -C ${directory}`,
    });
  }
  const { mkdir, rename, rm } = await import("node:fs/promises");
  const { randomHex } = await import("../linux/index.ts");
  const above = directory.slice(0, directory.lastIndexOf("/")) || "/";
  const fresh = `${above}/.${directory.slice(above.length + 1)}.${randomHex(6)}`;
  await mkdir(above, { recursive: true });
  await mkdir(fresh, { mode: 0o755 });
  try {
    await options.unpack(absolutePath(tarball), fresh);
    await rename(fresh, directory);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

/** Other programs are less strict. */
const nameOf = (given: string) => given.replace(/[^\w+.-]/g, "-").replace(/^\.{1,2}$/, "container");
