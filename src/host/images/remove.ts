import { LibctError } from "../../errors.ts";
import {
  type Collected,
  type ContainerLayer,
  collectGarbage,
  listNames,
  listPins,
  removeName,
  requireImage,
  type Store,
} from "../../image/index.ts";
import { isRunning, RecordStore } from "../../records/index.ts";
import type { ImagesContext } from "./context.ts";
import type { RemovedImage } from "./describe.ts";
import { isMounted } from "./mounted.ts";
import { isImageRoot } from "./own-layer.ts";

const NOTHING: Collected = { bytes: 0, blobs: 0, layers: 0, containers: 0 };

/** By a name: that name. By an id: all of its names, which needs `force` when there are several, as with docker. */
export async function removeImage(context: ImagesContext, text: string, force: boolean): Promise<RemovedImage> {
  const { store } = context;
  const { image, named } = requireImage(store, text);
  const all = listNames(store).filter((one) => one.image === image.digest);
  const byName = named !== undefined && !isId(text);
  if (!byName && all.length > 1 && !force) {
    throw new LibctError(
      "ERR_CT_STATE",
      `the image ${text} has several names: ${all.map(({ name }) => name).join(", ")}`,
      {
        hint: "name the one that is to go, or use --force",
      },
    );
  }
  const doomed = byName ? [named] : all;
  if (doomed.length === all.length && !force) refuseUsed(context, text, image.digest);
  for (const { name } of doomed) removeName(store, name);
  // Somebody who is pulling at this moment keeps all that is there; then `prune` removes it later.
  const collected = await collect(context, { partial: false, wait: false });
  return {
    untagged: doomed.map(({ name }) => name),
    removed: collected !== undefined && doomed.length === all.length,
    bytes: collected?.bytes ?? 0,
  };
}

const isId = (text: string): boolean => /^(?:sha256:)?[0-9a-f]{12,64}$/.test(text);

function refuseUsed({ store }: ImagesContext, name: string, image: string): void {
  const used = listPins(store).find(({ layer, directory }) => layer?.image === image && isUsed(layer, directory));
  if (!used) return;
  const mounted = used.layer?.user.mounted;
  if (mounted) {
    throw new LibctError("ERR_CT_STATE", `the image ${name} is mounted at ${mounted.path}`, {
      path: mounted.path,
      hint: "`ct image unmount` it first, or use --force: then the image goes when it has been unmounted",
    });
  }
  throw new LibctError("ERR_CT_STATE", `the image ${name} is used by a container`, {
    path: used.directory,
    hint: "remove the container first (ct ps lists those with names), or use --force: then the image goes with the container",
  });
}

export async function pruneImages(
  context: ImagesContext,
  { all = false, signal }: { readonly all?: boolean; readonly signal?: AbortSignal },
): Promise<Collected> {
  const { store } = context;
  if (all) for (const name of unusedNames(store)) removeName(store, name);
  return (await collect(context, { partial: true, wait: true, signal })) ?? NOTHING;
}

function unusedNames(store: Store): readonly string[] {
  const pins = listPins(store).filter(({ layer, directory }) => layer !== undefined && isUsed(layer, directory));
  const used = new Set(pins.map(({ layer }) => layer?.image));
  return listNames(store).flatMap(({ name, image }) => (used.has(image) ? [] : [name]));
}

export async function collect(
  context: ImagesContext,
  how: { readonly partial: boolean; readonly wait: boolean; readonly signal?: AbortSignal | undefined },
): Promise<Collected | undefined> {
  return await collectGarbage(context.store, { ...how, worker: await context.worker(), isUsed });
}

/** Its application runs, the image is mounted, or it is written down as one that outlives its application. */
function isUsed({ user }: ContainerLayer, directory: string): boolean {
  if (isRunning(user) || isMounted(user)) return true;
  if (user.record === undefined) return false;
  return new RecordStore(user.record)
    .list()
    .some(
      (one) => "error" in one || (isImageRoot(one.record.spec.root) && one.record.spec.root.directory === directory),
    );
}
