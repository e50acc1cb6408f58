import type { KernelFeatures } from "../linux/index.ts";
import type { ChannelListener } from "./channel.ts";
import { type ExecutorFile, locateExecutor } from "./locate.ts";
import { probeFeatures } from "./probe.ts";
import { Zygote } from "./zygote.ts";

/** An executor on its way: what it is asked is done when it is there. */
export interface Executor {
  readonly zygote: Zygote;
  /** What the kernel can do: the first thing that it is asked, when this is asked for. */
  readonly features: Promise<KernelFeatures>;
  /** Resolves when it is ready to run programs. */
  readonly ready: Promise<void>;
}

export interface StartingOptions {
  /** Only when it is needed for the first time. */
  readonly later?: boolean;
  /** Descriptors of this process that its commands get as 3, 4, and so on: they go from parent to child, and by no other way on every kernel and to every user. */
  readonly passed?: readonly number[];
}

/** Starts the executor that comes with the package, or another one. */
export async function startExecutor(path?: string, options: StartingOptions = {}): Promise<Executor> {
  const { later = false, passed = [] } = options;
  // Each loads what only it needs.
  const { openChannel } = await ("Bun" in globalThis ? import("./channel-bun.ts") : import("./channel-node.ts"));
  let file: ExecutorFile | undefined;
  const open = (listener: ChannelListener) => {
    file = path === undefined ? locateExecutor() : { path };
    try {
      return openChannel(file.path, listener, passed);
    } catch (error) {
      file.release?.();
      throw error;
    }
  };
  const zygote = new Zygote(open, later);
  const ready = handled(zygote.ready().finally(() => file?.release?.()));
  let features: Promise<KernelFeatures> | undefined;
  const executor = {
    zygote,
    ready,
    get features() {
      features ??= handled(probeFeatures(zygote));
      return features;
    },
  };
  if (!later && passed.length === 0) handled(executor.features);
  return executor;
}

/** Who only needs one of them must not be bothered about the other. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
