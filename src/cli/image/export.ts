import type { Globals } from "../command.ts";
import { withHost } from "../containers/with-host.ts";
import { print } from "../output.ts";
import { usage } from "../syntax.ts";
import { table } from "../table.ts";
import { isTerminal } from "../terminal.ts";
import { containerOrImage } from "./commit.ts";
import { interruptible } from "./interrupt.ts";
import { requireName } from "./verbs.ts";

interface Json {
  readonly json?: true;
}

export interface ExportFlags extends Json {
  readonly output?: string;
  readonly noPause?: true;
}

/** `ct image export`: what goes to standard output is the archive and nothing else. */
export async function exportTree([what]: readonly string[], flags: ExportFlags, globals: Globals): Promise<number> {
  const { output, noPause = false } = flags;
  if (what === undefined) throw usage("the name of an image, or of a container, is missing");
  if (output === undefined && (await isTerminal(1)))
    throw usage("an archive is not for a terminal", "-o FILE, or a pipe");
  return await withHost(globals, async (host) => {
    const from = await containerOrImage(host, what);
    const to = output ?? process.stdout;
    await interruptible((signal) => host.images.export(from, to, { signal, pause: !noPause }));
    return 0;
  });
}

/** `ct image mount`: prints the path; without a name all that are mounted. */
export function mount([name]: readonly string[], { json }: Json, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    if (name !== undefined) {
      const mounted = await host.images.mount(name);
      await print(process.stdout, `${json ? JSON.stringify(mounted) : mounted.path}\n`);
      return 0;
    }
    const all = await host.images.mounted();
    const text = json ? JSON.stringify(all) : table([["NAME", "PATH"], ...all.map((one) => [one.name, one.path])]);
    await print(process.stdout, `${text}\n`);
    return 0;
  });
}

/** `ct image unmount` */
export function unmount(names: readonly string[], { json }: Json, globals: Globals): Promise<number> {
  const name = requireName(names);
  return withHost(globals, async (host) => {
    const gone = await host.images.unmount(name);
    if (json) await print(process.stdout, `${JSON.stringify(gone)}\n`);
    return 0;
  });
}
