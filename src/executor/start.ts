import type { KernelFeatures } from "../linux/index.ts";
import { locateExecutor } from "./locate.ts";
import { probeFeatures } from "./probe.ts";
import { Zygote } from "./zygote.ts";

/** An executor on its way: what it is asked is done when it is there. */
export interface Executor {
  readonly zygote: Zygote;
  /** What the kernel can do: the first thing that it is asked. */
  readonly features: Promise<KernelFeatures>;
  /** Resolves when it is ready to run programs. */
  readonly ready: Promise<void>;
}

/** Another executor, whose commands get descriptors of this process as 3, 4, and so on: they go from parent to child, and by no other way on every kernel and to every user. */
export async function startPassing(passed: readonly number[], path?: string): Promise<Zygote> {
  const file = path === undefined ? locateExecutor() : { path };
  try {
    const zygote = await openZygote(file.path, passed);
    await zygote.ready();
    return zygote;
  } finally {
    file.release?.();
  }
}

async function openZygote(path: string, passed: readonly number[]): Promise<Zygote> {
  // Each loads what only it needs.
  const { openChannel } = await ("Bun" in globalThis ? import("./channel-bun.ts") : import("./channel-node.ts"));
  return new Zygote((listener) => openChannel(path, listener, passed));
}

/** Starts the executor that comes with the package, or another one. */
export async function startExecutor(path?: string): Promise<Executor> {
  const file = path === undefined ? locateExecutor() : { path };
  try {
    const zygote = await openZygote(file.path, []);
    const features = probeFeatures(zygote);
    const ready = zygote.ready().finally(() => file.release?.());
    // Who only needs one of them must not be bothered about the other.
    for (const promise of [features, ready]) promise.catch(() => undefined);
    return { zygote, features, ready };
  } catch (error) {
    file.release?.();
    throw error;
  }
}
