import type { Globals } from "../command.ts";
import { withHost } from "../containers/with-host.ts";
import { EXIT, reportError } from "../exit.ts";
import { print } from "../output.ts";
import { interruptible } from "./interrupt.ts";
import { showProgress } from "./progress.ts";
import { requireName } from "./verbs.ts";

export interface PullFlags {
  readonly platform?: string;
  readonly allPlatforms?: true;
  readonly quiet?: true;
  readonly json?: true;
}

/** `ct image pull`: prints the name and the digest. */
export function pull(names: readonly string[], flags: PullFlags, globals: Globals): Promise<number> {
  requireName(names);
  const { json = false, quiet = false } = flags;
  const platform = flags.allPlatforms ? "all" : flags.platform;
  return withHost(globals, async (host) => {
    let status = 0;
    for (const name of names) {
      try {
        await interruptible(async (signal) => {
          const pulling = host.images.pull(name, { signal, ...(platform === undefined ? {} : { platform }) });
          await showProgress(pulling, { json, quiet });
          const image = await pulling;
          await print(
            process.stdout,
            json ? `${JSON.stringify({ event: "image", ...image })}\n` : `${image.name ?? name}@${image.target}\n`,
          );
        });
      } catch (error) {
        await reportError(error, json);
        status = EXIT.FAILED;
      }
    }
    return status;
  });
}
