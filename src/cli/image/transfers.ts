import type { ReceiveEvent, Transfer } from "../../host/index.ts";
import type { Globals } from "../command.ts";
import { withHost } from "../containers/with-host.ts";
import { EXIT, reportError } from "../exit.ts";
import { print } from "../output.ts";
import { usage } from "../syntax.ts";
import { isTerminal } from "../terminal.ts";
import { interruptible } from "./interrupt.ts";
import { showProgress } from "./progress.ts";
import { type RegistryFlags, registryOptions } from "./registry-flags.ts";
import { requireName } from "./verbs.ts";

/** Of whatever takes its time. */
export interface ProgressFlags {
  readonly quiet?: true;
  readonly json?: true;
}

export interface PullFlags extends ProgressFlags, RegistryFlags {
  readonly platform?: string;
  readonly allPlatforms?: true;
}

/** `ct image pull`: prints the name and the digest. One that fails does not keep the others from their turn. */
export function pull(names: readonly string[], flags: PullFlags, globals: Globals): Promise<number> {
  requireName(names);
  return withHost(globals, async (host) => {
    let status = 0;
    for (const name of names) {
      try {
        const image = await shown(flags, (signal) => host.images.pull(name, { signal, ...pullOptions(flags) }));
        await tell(flags, { event: "image", ...image }, `${image.name ?? name}@${image.target}`);
      } catch (error) {
        await reportError(error, flags.json ?? false);
        status = EXIT.FAILED;
      }
    }
    return status;
  });
}

function pullOptions(flags: PullFlags) {
  const platform = flags.allPlatforms ? "all" : flags.platform;
  return { ...(platform === undefined ? {} : { platform }), registry: registryOptions(flags) };
}

/** `ct image push`, with a second word to another place than the name says. */
export function push([name, to]: readonly string[], flags: PullFlags, globals: Globals): Promise<number> {
  const image = requireName(name === undefined ? [] : [name]);
  return withHost(globals, async (host) => {
    const target = to === undefined ? {} : { to };
    const sent = await shown(flags, (signal) => host.images.push(image, { signal, ...target, ...pullOptions(flags) }));
    await tell(flags, { event: "copied", ...sent }, `${sent.to}@${sent.digest}`);
    return 0;
  });
}

/** `ct image copy` */
export function copy([from, to]: readonly string[], flags: PullFlags, globals: Globals): Promise<number> {
  if (from === undefined || to === undefined) throw usage("two places are needed: FROM and TO");
  return withHost(globals, async (host) => {
    const sent = await shown(flags, (signal) => host.images.copy(from, to, { signal, ...pullOptions(flags) }));
    await tell(flags, { event: "copied", ...sent }, `${sent.to}@${sent.digest}`);
    return 0;
  });
}

export interface SaveFlags extends ProgressFlags {
  readonly output?: string;
}

/** `ct image save` */
export async function save(names: readonly string[], flags: SaveFlags, globals: Globals): Promise<number> {
  requireName(names);
  const { output } = flags;
  if (output === undefined && (await isTerminal(1)))
    throw usage("an archive is not for a terminal", "-o FILE, or a pipe");
  return await withHost(globals, async (host) => {
    // What goes to standard output is the archive and nothing else.
    const told = output === undefined ? { quiet: true as const } : flags;
    await shown(told, (signal) => host.images.save(names, output ?? process.stdout, { signal }));
    return 0;
  });
}

export interface LoadFlags extends ProgressFlags {
  readonly input?: string;
}

/** `ct image load` */
export async function load(flags: LoadFlags, globals: Globals): Promise<number> {
  if (flags.input === undefined && (await isTerminal(0))) throw usage("there is no archive", "-i FILE, or a pipe");
  return await withHost(globals, async (host) => {
    const { withInput } = await import("./input.ts");
    const images = await withInput(flags.input, (file) => shown(flags, (signal) => host.images.load(file, { signal })));
    for (const image of images) await tell(flags, { event: "image", ...image }, `${image.name ?? image.id}`);
    return 0;
  });
}

export interface ImportFlags extends ProgressFlags {
  readonly change: readonly string[];
  readonly message?: string;
}

/** `ct image import`: prints the image's id. */
export function importTree([path, name]: readonly string[], flags: ImportFlags, globals: Globals): Promise<number> {
  if (path === undefined) throw usage("the archive or directory is missing", "- is standard input");
  return withHost(globals, async (host) => {
    const { withInput } = await import("./input.ts");
    const options = {
      changes: flags.change,
      ...(name === undefined ? {} : { name }),
      ...(flags.message === undefined ? {} : { message: flags.message }),
    };
    const image = await withInput(path === "-" ? undefined : path, (file) =>
      shown(flags, (signal) => host.images.import(file, { ...options, signal })),
    );
    await tell(flags, { event: "image", ...image }, image.name ?? image.id);
    return 0;
  });
}

/** Shows how far it is; Ctrl-C ends it. */
export function shown<E extends ReceiveEvent, T>(
  { json = false, quiet = false }: { readonly json?: boolean; readonly quiet?: boolean },
  begin: (signal: AbortSignal) => Transfer<E, T>,
): Promise<T> {
  return interruptible(async (signal) => {
    const transfer = begin(signal);
    await showProgress(transfer, { json, quiet });
    return await transfer;
  });
}

const tell = ({ json }: ProgressFlags, value: unknown, text: string) =>
  print(process.stdout, `${json ? JSON.stringify(value) : text}\n`);
