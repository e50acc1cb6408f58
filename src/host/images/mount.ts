import { mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { hostArch } from "../../executor/index.ts";
import { findImage, listPins, pinLayers, removeContainer, requireImage, type Store } from "../../image/index.ts";
import { MS, randomHex } from "../../linux/index.ts";
import { type Program, ProgramBuilder } from "../../program/index.ts";
import { ownIdentity } from "../../records/index.ts";
import type { Caller } from "../caller.ts";
import { runProgram } from "../run-program.ts";
import type { ImagesContext } from "./context.ts";
import { treesOf } from "./export.ts";
import { isMounted, mountNamespace } from "./mounted.ts";
import { requireLayers } from "./root.ts";

/** An image, and where it is seen. */
export interface MountedImage {
  readonly name: string;
  readonly path: string;
}

interface Pinned extends MountedImage {
  readonly image: string;
  readonly namespace: string;
  readonly directory: string;
}

/** Says first that the layers are in use, so that whatever removes some waits for the mount, and finds it when this process is killed. */
export async function mountImage(context: ImagesContext, name: string): Promise<MountedImage> {
  const { store, caller } = context;
  const { image, named } = requireImage(store, name);
  requireRoot(caller);
  const present = pinned(store).find((one) => one.image === image.digest && one.namespace === mountNamespace());
  if (present) return told(present);
  const id = randomHex(8);
  const path = `${realpathSync(store.directory)}/containers/${id}/root`;
  const mounted = { path, namespace: mountNamespace() };
  const mount = { name: named?.name ?? name, path };
  const layers = image.layers.map(({ diffId }) => diffId);
  const directory = pinLayers(store, id, {
    image: image.digest,
    name: mount.name,
    layers,
    user: { ...ownIdentity(), mounted },
  });
  try {
    requireLayers(store, image, name);
    const count = linkLayers(directory, treesOf(context, image));
    await runProgram(store.runner, mountProgram(directory, path, count, caller));
    return mount;
  } catch (error) {
    await removeContainer(directory, await context.worker());
    throw error;
  }
}

/** Short names, since the options of a mount must fit into a page (mount(2)); an overlay without an upper directory needs two lower ones. */
function linkLayers(directory: string, trees: readonly string[]): number {
  for (const name of ["root", "layers", "empty", "nothing"]) mkdirSync(`${directory}/${name}`, { mode: 0o755 });
  const all = [...trees, "../empty", ...(trees.length === 0 ? ["../nothing"] : [])];
  for (const [index, tree] of all.entries()) symlinkSync(tree, `${directory}/layers/${index.toString(36)}`);
  return all.length;
}

function mountProgram(directory: string, path: string, count: number, { initialUserNamespace }: Caller): Program {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("mount");
  const layers = Array.from({ length: count }, (_, index) => index.toString(36)).join(":");
  // What a user namespace may not write as `trusted` attributes is in those of the user (overlayfs.rst, "userxattr").
  const options = `lowerdir=${layers}${initialUserNamespace ? "" : ",userxattr"}`;
  block.sys("chdir", [block.str(`${directory}/layers`)]);
  const overlay = block.str("overlay");
  const flags = MS.RDONLY | MS.NOSUID | MS.NODEV;
  block.sys("mount", [overlay, block.str(path), overlay, flags, block.str(options)], { why: "mount the image" });
  return program.finish();
}

/** What was made for it goes with the mount, and nothing of the layers. */
export async function unmountImage(context: ImagesContext, what: string): Promise<MountedImage> {
  const { store } = context;
  requireRoot(context.caller);
  const digest = what.startsWith("/") ? undefined : findImage(store, what)?.image.digest;
  const found = pinned(store).filter(({ path, name, image }) => path === what || name === what || image === digest);
  const [first] = found;
  if (!first)
    throw new LibctError("ERR_CT_STATE", `${what} is not mounted`, { hint: "`ct image mount` lists what is" });
  for (const { path, namespace, directory } of found) {
    if (namespace !== mountNamespace()) throw elsewhere(path);
    await runProgram(store.runner, unmountProgram(path));
    await removeContainer(directory, await context.worker());
  }
  return told(first);
}

function unmountProgram(path: string): Program {
  const program = new ProgramBuilder(hostArch());
  const block = program.block("unmount");
  block.sys("umount2", [block.str(path), 0], { why: "unmount the image; files in it may be in use" });
  return program.finish();
}

export const mountedImages = (store: Store): readonly MountedImage[] => pinned(store).map(told);

const told = ({ name, path }: Pinned): MountedImage => ({ name, path });

function pinned(store: Store): readonly Pinned[] {
  return listPins(store).flatMap(({ directory, layer }) => {
    if (!layer?.user.mounted || !isMounted(layer.user)) return [];
    return [{ name: layer.name, image: layer.image, directory, ...layer.user.mounted }];
  });
}

function requireRoot({ privileged }: Caller): void {
  if (privileged) return;
  throw new LibctError("ERR_CT_NOT_PERMITTED", "only root may mount an image where others see it", {
    hint: "`ct image export IMAGE | tar -x -C DIR` gives its files, and `ct run IMAGE` a container that sees them",
  });
}

const elsewhere = (path: string) =>
  new LibctError("ERR_CT_STATE", `${path} is mounted in another mount namespace`, {
    path,
    hint: "unmount it from there: nsenter --mount",
  });
