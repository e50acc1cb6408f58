import type { Container, Host } from "../../host/index.ts";
import type { Globals } from "../command.ts";
import { withHost } from "../containers/with-host.ts";
import { harmless } from "../harmless.ts";
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

/** A container goes before an image of the same name. */
export async function containerOrImage(host: Host, name: string): Promise<Container | string> {
  return (await host.list()).some((one) => one.name === name) ? await host.open(name) : name;
}

const LETTER = { added: "A", changed: "C", removed: "D" } as const;

/** `ct image diff`: as docker prints it. */
export function diff(
  [what, after]: readonly string[],
  { json }: { readonly json?: true },
  globals: Globals,
): Promise<number> {
  if (what === undefined) throw usage("the name of a container, or of an image, is missing");
  return withHost(globals, async (host) => {
    const one = after === undefined ? await containerOrImage(host, what) : what;
    for await (const change of host.images.diff(one, after)) {
      await print(
        process.stdout,
        json ? `${JSON.stringify(change)}\n` : `${LETTER[change.kind]} ${harmless(change.path)}\n`,
      );
    }
    return 0;
  });
}
