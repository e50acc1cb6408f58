import type { ImageInfo } from "../../host/index.ts";
import type { Globals } from "../command.ts";
import { withHost } from "../containers/with-host.ts";
import { EXIT, reportError } from "../exit.ts";
import { print } from "../output.ts";
import { usage } from "../syntax.ts";
import { age, bytes, table } from "../table.ts";
import { shortId, shownName } from "./names.ts";

interface Json {
  readonly json?: true;
}

export interface ListFlags extends Json {
  readonly quiet?: true;
  readonly digests?: true;
}

/** `ct image ls` */
export function list(flags: ListFlags, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const images = await host.images.list();
    const lines = flags.json
      ? [JSON.stringify(images)]
      : flags.quiet
        ? [...new Set(images.map(({ id }) => shortId(id)))]
        : [table([heading(flags), ...images.map((image) => row(image, flags))])];
    if (lines.length > 0) await print(process.stdout, `${lines.join("\n")}\n`);
    return 0;
  });
}

const heading = ({ digests }: ListFlags) => ["NAME", ...(digests ? ["DIGEST"] : []), "ID", "CREATED", "SIZE"];

function row(image: ImageInfo, { digests }: ListFlags): readonly string[] {
  const { id, target, created, size } = image;
  return [
    shownName(image),
    ...(digests ? [target] : []),
    shortId(id),
    created === undefined ? "-" : `${age((Date.now() - created) / 1000)} ago`,
    bytes(size),
  ];
}

/** `ct image inspect` */
export function inspect(names: readonly string[], globals: Globals): Promise<number> {
  requireName(names);
  return withHost(globals, async (host) => {
    const all = await Promise.all(names.map((name) => host.images.inspect(name)));
    await print(process.stdout, `${JSON.stringify(all, undefined, 2)}\n`);
    return 0;
  });
}

/** `ct image history`: the newest step first. */
export function history(names: readonly string[], flags: Json, globals: Globals): Promise<number> {
  const name = requireName(names);
  return withHost(globals, async (host) => {
    const steps = await host.images.history(name);
    const rows = steps.map(({ created, createdBy, size, comment }) => [
      created === undefined ? "-" : `${age((Date.now() - created) / 1000)} ago`,
      bytes(size),
      createdBy.replace(/\s+/g, " ").slice(0, 80) || comment,
    ]);
    const text = flags.json ? JSON.stringify(steps) : table([["CREATED", "SIZE", "BY"], ...rows]);
    await print(process.stdout, `${text}\n`);
    return 0;
  });
}

export interface RemoveFlags extends Json {
  readonly force?: true;
}

/** `ct image rm`. One that fails does not keep the others from their turn. */
export async function remove(names: readonly string[], flags: RemoveFlags, globals: Globals): Promise<number> {
  requireName(names);
  return await withHost(globals, async (host) => {
    let status = 0;
    for (const name of names) {
      try {
        const gone = await host.images.remove(name, { force: flags.force ?? false });
        const lines = [
          ...gone.untagged.map((one) => `untagged ${one}`),
          ...(gone.removed ? [`removed ${name}, ${bytes(gone.bytes)}`] : []),
        ];
        await print(process.stdout, flags.json ? `${JSON.stringify(gone)}\n` : `${lines.join("\n")}\n`);
      } catch (error) {
        await reportError(error, flags.json ?? false);
        status = EXIT.FAILED;
      }
    }
    return status;
  });
}

export interface PruneFlags extends Json {
  readonly all?: true;
}

/** `ct image prune` */
export function prune(flags: PruneFlags, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const gone = await host.images.prune({ all: flags.all ?? false });
    const said = `removed ${gone.layers} layers, ${gone.blobs} blobs and ${gone.containers} containers' own layers: ${bytes(gone.bytes)}`;
    await print(process.stdout, `${flags.json ? JSON.stringify(gone) : said}\n`);
    return 0;
  });
}

/** `ct image tag` */
export function tag([name, further]: readonly string[], globals: Globals): Promise<number> {
  if (name === undefined || further === undefined)
    throw usage("two names are needed: the image's, and its further one");
  return withHost(globals, async (host) => {
    await host.images.tag(name, further);
    return 0;
  });
}

export function requireName([name]: readonly string[]): string {
  if (name !== undefined) return name;
  throw usage("the name of an image is missing", "`ct image ls` lists them");
}
