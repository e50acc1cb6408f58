import { execFile } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, renameSync, statfsSync } from "node:fs";
import { promisify } from "node:util";
import { LibctError } from "../../errors.ts";
import { hostArch } from "../../executor/index.ts";
import { dir } from "../../fs/index.ts";
import { adding, type StoredImage, treePath, treesDirectory } from "../../image/index.ts";
import { AT, O, openFlags, randomHex } from "../../linux/index.ts";
import { type Program, ProgramBuilder } from "../../program/index.ts";
import type { RootContext, RootPlan } from "../../spec/index.ts";
import { runProgram } from "../run-program.ts";
import { applyLayers } from "../volumes/fill.ts";
import type { ImagesContext } from "./context.ts";

/** How a container has a tree of its own: as a copy, or as a snapshot of a subvolume. */
export type PlainStorage = "dir" | "btrfs";

/** A container's root without an overlay: a directory that begins as the image. The image's own is made once, and each container's from it. */
export async function planPlain(
  context: ImagesContext,
  given: RootContext,
  image: StoredImage,
  { storage, directory }: { readonly storage: PlainStorage; readonly directory: string },
): Promise<RootPlan> {
  if (storage === "btrfs") requireBtrfs(context.store.directory);
  const root = `${directory}/root`;
  // Nobody removes the image's tree meanwhile.
  await adding(context.store, async () => {
    const tree = await imageTree(context, image, storage);
    if (storage === "btrfs") await runProgram(context.store.runner, snapshotProgram(tree, directory, "root"));
    else await copyTree(context, tree, root);
  });
  return await dir(root).plan(given);
}

async function imageTree(context: ImagesContext, image: StoredImage, storage: PlainStorage): Promise<string> {
  const { store } = context;
  const path = treePath(store, image.digest, storage);
  if (existsSync(path)) return path;
  const above = treesDirectory(store);
  mkdirSync(above, { recursive: true, mode: 0o755 });
  const name = `~new-${randomHex(8)}`;
  const fresh = `${above}/${name}`;
  const worker = await context.worker();
  try {
    if (storage === "btrfs") await runProgram(store.runner, subvolumeProgram(above, name));
    else mkdirSync(fresh);
    await applyLayers(context, image, "/", fresh);
    renameSync(fresh, path);
  } catch (error) {
    await worker.remove(fresh);
    // Somebody else has been quicker.
    if (!existsSync(path)) throw error;
  }
  return path;
}

/** Blocks are shared where the filesystem can. What belongs to others than root alone goes through a layer's archive, by who may read it. */
async function copyTree(context: ImagesContext, tree: string, root: string): Promise<void> {
  if (context.caller.privileged) {
    await promisify(execFile)("cp", ["-a", "--reflink=auto", "--", tree, root]).catch((cause: Error) => {
      throw cannotCopy(tree, root, cause);
    });
    return;
  }
  const worker = await context.worker();
  mkdirSync(root, { mode: lstatSync(tree).mode & 0o7777 });
  await worker.apply(worker.pack(tree, {}), root);
}

function cannotCopy(tree: string, root: string, cause: Error & { readonly stderr?: string }): LibctError {
  const said = cause.stderr?.trim() || cause.message;
  return new LibctError("ERR_CT_STORE", `cannot copy ${tree}: ${said}`, {
    path: root,
    member: "root",
    hint: "it takes GNU's cp, and room on the disk: `ct system df`, `ct image prune`",
    cause,
  });
}

/** statfs(2), f_type */
const BTRFS_MAGIC = 0x9123683e;

function requireBtrfs(path: string): void {
  if (statfsSync(path).type === BTRFS_MAGIC) return;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", `${path} is not on btrfs, and has no snapshots`, {
    path,
    member: "root",
    hint: "use --storage overlay or dir, or a store on btrfs: --data DIR",
  });
}

/** linux/btrfs.h: _IOW(0x94, 1, struct btrfs_ioctl_vol_args), _IOW(0x94, 14, ...) */
const SNAP_CREATE = 0x50009401;
const SUBVOL_CREATE = 0x5000940e;
/** A descriptor of 8 bytes, and a name. */
const VOL_ARGS = 4096;

function volumeArguments(name: string): Uint8Array {
  const bytes = new Uint8Array(VOL_ARGS);
  bytes.set(new TextEncoder().encode(name), 8);
  return bytes;
}

function subvolumeProgram(above: string, name: string): Program {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("subvolume");
  const flags = O.RDONLY | O.CLOEXEC | openFlags(hostArch()).DIRECTORY;
  const parent = block.sysResult("parent", "openat", [AT.FDCWD, block.str(above), flags, 0]);
  const args = program.memory.bytes(volumeArguments(name));
  block.sys("ioctl", [parent, SUBVOL_CREATE, args], { why: `make the subvolume ${above}/${name}` });
  return program.finish();
}

function snapshotProgram(tree: string, above: string, name: string): Program {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("snapshot");
  const flags = O.RDONLY | O.CLOEXEC | openFlags(hostArch()).DIRECTORY;
  const source = block.sysResult("source", "openat", [AT.FDCWD, block.str(tree), flags, 0]);
  const parent = block.sysResult("parent", "openat", [AT.FDCWD, block.str(above), flags, 0]);
  const args = program.memory.bytes(volumeArguments(name));
  block.store(args, source, 8);
  block.sys("ioctl", [parent, SNAP_CREATE, args], { why: `make the snapshot ${above}/${name} of ${tree}` });
  return program.finish();
}
