import { existsSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { requireCommand } from "../../image/present.ts";
import type { ContainerSpec, ProcessSpec } from "../../spec/index.ts";
import { overStandard } from "../over-standard.ts";
import type { Planner } from "../plan-run.ts";
import type { RunOptions, RunPlan } from "../run-options.ts";
import type { ImagesContext } from "./context.ts";
import type { Images } from "./images.ts";
import { isImageRoot } from "./own-layer.ts";
import { placeVolumes } from "./place-volumes.ts";
import { type ImageOptions, type ImageUse, useImage } from "./use.ts";

/** A container over an image: what the image says, and over it what the caller says. */
export async function specOfImage(
  images: Images,
  image: string | ImageOptions,
  spec: ContainerSpec,
): Promise<ContainerSpec> {
  refuseRoot(spec);
  const use = await useImage(images, image, {
    args: spec.process?.args ?? [],
    user: spec.process?.user,
    spec,
  });
  const { args, ...process } = processOver(use, spec.process);
  // Of an image without a command it may come with the start.
  const ports = await portsOf(use, image, spec);
  return { ...over(use, spec), ...ports, process: { ...process, ...(args.length > 0 ? { args } : {}) } };
}

/** The same for a throw-away container with the standard isolation. */
export async function planImageRun(host: Planner, args: readonly string[], options: RunOptions): Promise<RunPlan> {
  const { image } = options;
  if (image === undefined) throw new RangeError("there is no image to plan for");
  if (options.sandbox)
    throw new LibctError("ERR_CT_USAGE", "an image and the sandbox exclude each other", { member: "sandbox" });
  const { spec, process } = overStandard(host.caller, options);
  refuseRoot(spec);
  const use = await useImage(host.images, image, {
    args,
    user: options.user,
    spec,
  });
  // The standard one's working directory is not the caller's wish.
  requireCommand(use.process.args, typeof image === "string" ? image : image.name);
  const ports = await portsOf(use, image, spec);
  return {
    spec: withHostNames({ ...over(use, spec), ...ports }),
    process: processOver(use, process, options.cwd ?? use.process.cwd),
  };
}

/** Who shares the host's network finds others by the host's names: images have none of their own. */
function withHostNames(spec: ContainerSpec): ContainerSpec {
  const { namespaces = [], mounts = [], dns, hosts } = spec;
  if (namespaces.some((one) => (typeof one === "string" ? one : one.type) === "network") || dns || hosts) return spec;
  const files = ["/etc/resolv.conf", "/etc/hosts"].filter(
    (path) => existsSync(path) && !mounts.some(({ destination }) => destination === path),
  );
  const named = files.map((path) => ({ destination: path, source: path, type: "bind", options: ["bind", "ro"] }));
  return { ...spec, mounts: [...mounts, ...named] };
}

async function portsOf(use: ImageUse, image: string | ImageOptions, { ports = [] }: ContainerSpec) {
  if (typeof image === "string" || !image.publishExposed) return {};
  const { publishExposed } = await import("./exposed-ports.ts");
  const all = [...ports, ...publishExposed(use.exposedPorts, image.name, ports)];
  return all.length > 0 ? { ports: all } : {};
}

function refuseRoot({ root }: ContainerSpec): void {
  if (root === undefined) return;
  throw new LibctError("ERR_CT_USAGE", "a container has an image or a root, and not both", { member: "root" });
}

const over = (use: ImageUse, spec: ContainerSpec): ContainerSpec => ({
  ...use.spec,
  ...spec,
  annotations: { ...use.spec.annotations, ...spec.annotations },
  root: use.root,
  mounts: placeVolumes(spec.mounts ?? [], use.mounts),
});

function processOver(use: ImageUse, given: Partial<ProcessSpec> = {}, cwd = given.cwd): ProcessSpec {
  const { args: _, user: __, cwd: ___, env, ...rest } = given;
  // A working directory of the caller's is made as well: docker does so.
  const place = cwd === undefined ? {} : { cwd };
  return { ...rest, ...use.process, ...place, env: { ...use.process.env, ...env } };
}

/** The volumes of a container as what is mounted; made when they are not there, and filled from the image when they are empty. */
export async function withVolumes(context: ImagesContext, spec: ContainerSpec): Promise<ContainerSpec> {
  const { resolveVolumes } = await import("../volumes/mounts.ts");
  if (isImageRoot(spec.root)) {
    const { fillVolumes } = await import("../volumes/fill.ts");
    await fillVolumes(context, spec.root, spec.mounts ?? []);
  }
  return { ...spec, mounts: resolveVolumes(context.store, spec.mounts ?? []) };
}
