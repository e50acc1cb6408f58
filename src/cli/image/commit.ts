import type { Globals } from "../command.ts";
import { withHost } from "../containers/with-host.ts";
import { print } from "../output.ts";
import { usage } from "../syntax.ts";

export interface CommitFlags {
  readonly author?: string;
  readonly message?: string;
  readonly change: readonly string[];
  readonly noPause?: true;
  readonly json?: true;
}

/** `ct image commit`: prints the image's name, or its id when it has none. */
export function commit([container, name]: readonly string[], flags: CommitFlags, globals: Globals): Promise<number> {
  if (container === undefined) throw usage("the name of a container is missing", "`ct ps` lists them");
  const { author, message, change, noPause = false, json } = flags;
  return withHost(globals, async (host) => {
    const options = { name, author, message, changes: change, pause: !noPause };
    const image = await host.images.commit(await host.open(container), options);
    await print(process.stdout, `${json ? JSON.stringify(image) : (image.name ?? image.id)}\n`);
    return 0;
  });
}

const LETTER = { added: "A", changed: "C", removed: "D" } as const;

/** `ct image diff`: as docker prints it. */
export function diff([what]: readonly string[], { json }: { readonly json?: true }, globals: Globals): Promise<number> {
  if (what === undefined) throw usage("the name of a container, or of an image, is missing");
  return withHost(globals, async (host) => {
    const isContainer = (await host.list()).some(({ name }) => name === what);
    for await (const change of host.images.diff(isContainer ? await host.open(what) : what)) {
      await print(process.stdout, json ? `${JSON.stringify(change)}\n` : `${LETTER[change.kind]} ${change.path}\n`);
    }
    return 0;
  });
}
