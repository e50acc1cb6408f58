import { LibctError } from "../../errors.ts";
import {
  type CommandWords,
  type FoundImage,
  findImage,
  imageDefaults,
  parseLocation,
  type ReceiveEvent,
  requireImage,
} from "../../image/present.ts";
import type { ContainerSpec, Mount, ProcessSpec, User } from "../../spec/index.ts";
import { findAccount } from "./accounts.ts";
import type { ImagesContext } from "./context.ts";
import { namesAbove } from "./etc-files.ts";
import type { Images } from "./images.ts";
import { type ImageRoot, imageRoot, type Storage } from "./root.ts";

/** Which image, and what differs from what it says of itself. */
export interface ImageOptions {
  /** A reference ("alpine", "registry.example:5000/team/app:v1"), or the beginning of an id. */
  readonly name: string;
  /** When it is fetched. Default: "missing" */
  readonly pull?: "missing" | "always" | "never" | undefined;
  /** In place of the image's own; then the image's own arguments do not count either. */
  readonly entrypoint?: readonly string[] | undefined;
  /** Another platform than this machine's, such as "linux/arm64": emulation is the machine's business. */
  readonly platform?: string | undefined;
  /** What the container's root is made of. Default: "overlay" */
  readonly storage?: Storage | undefined;
  /** Every port that it exposes is published at a free one of the host's, unless `ports` has it. Default: false */
  readonly publishExposed?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Is given what happens while it is fetched. */
  readonly watch?: ((events: AsyncIterable<ReceiveEvent>) => Promise<void>) | undefined;
}

/** An image, made ready for one container. */
export interface ImageUse {
  readonly root: ImageRoot;
  readonly process: Partial<ProcessSpec> & Pick<ProcessSpec, "args">;
  readonly spec: Pick<ContainerSpec, "annotations" | "stopSignal" | "healthcheck">;
  /** Volumes that the image wants and the caller has not given. */
  readonly mounts: readonly Mount[];
  /** "80/tcp" */
  readonly exposedPorts: readonly string[];
}

export interface UseOptions extends CommandWords {
  /** In place of the image's. */
  readonly user?: User | string | undefined;
  /** The container's, over what the image says. */
  readonly spec: ContainerSpec;
}

/** Makes an image ready, which is fetched first when it is not here. Nothing else is made on the machine before the container is. */
export async function useImage(images: Images, image: string | ImageOptions, options: UseOptions): Promise<ImageUse> {
  const given = typeof image === "string" ? { name: image } : image;
  const { entrypoint = options.entrypoint } = given;
  const { storage = "overlay" } = given;
  const found = await findOrFetch(images, given);
  return await usePresent(images.context, found, given.name, { ...options, entrypoint, storage });
}

async function findOrFetch(images: Images, given: ImageOptions): Promise<FoundImage> {
  const { store } = images.context;
  // One that lies elsewhere may have changed since it was fetched: what is here of it is not fetched again.
  const elsewhere = parseLocation(given.name).transport !== "registry";
  if (elsewhere && given.pull === "never") throw onlyFetched(given.name);
  const name = given.name.replace(/^docker:\/\//, "");
  const present = given.pull === "always" || elsewhere ? undefined : findImage(store, name);
  if (present) return present;
  if (given.pull === "never") return requireImage(store, name);
  const { name: _, ...fetching } = given;
  const pulling = images.pull(given.name, fetching);
  const [fetched] = await Promise.all([pulling, given.watch?.(pulling)]);
  return requireImage(store, elsewhere ? fetched.id : name);
}

const onlyFetched = (name: string) =>
  new LibctError("ERR_CT_USAGE", `${name} lies outside of the store, and is not to be fetched`, {
    hint: `fetch it first, and give it a name: ct pull ${name}; ct tag ID NAME`,
  });

async function usePresent(
  context: ImagesContext,
  found: FoundImage,
  name: string,
  options: UseOptions & { readonly storage: Storage },
): Promise<ImageUse> {
  const { image } = found;
  const defaults = imageDefaults(image.about, options);
  const { user, home } = accountOf(context, found, options.user ?? defaults.user ?? "0");
  const { env, ...process } = defaults.process;
  const { spec, storage } = options;
  // It goes on without this application.
  const outlives = spec.lifetime !== undefined && spec.lifetime !== "app";
  const above = namesAbove(context.store, image, spec);
  let mounts: readonly Mount[] = [];
  const root = imageRoot(context, {
    image,
    name,
    outlives,
    storage,
    above,
    alone: defaults.volumes.length === 0,
    prepare: () => makeVolumes(context, found, mounts),
  });
  if (defaults.volumes.length > 0) {
    mounts = (await import("../volumes/fill.ts")).ownVolumes(root, defaults.volumes, spec.mounts ?? []);
  }
  return {
    root,
    process: { ...process, user, env: { ...(home === undefined ? {} : { HOME: home }), ...env } },
    spec: defaults.spec,
    mounts,
    exposedPorts: defaults.exposedPorts,
  };
}

async function makeVolumes(context: ImagesContext, { image }: FoundImage, mounts: readonly Mount[]): Promise<void> {
  if (mounts.length === 0) return;
  await (await import("../volumes/fill.ts")).makeOwnVolumes(context, image, mounts);
}

function accountOf(context: ImagesContext, { image }: FoundImage, user: User | string) {
  return typeof user === "string" ? findAccount(context.store, image, user) : { user, home: undefined };
}
