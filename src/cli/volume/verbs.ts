import type { Globals } from "../command.ts";
import { withHost } from "../containers/with-host.ts";
import { EXIT, reportError } from "../exit.ts";
import { print } from "../output.ts";
import { wrong } from "../parse.ts";
import { usage } from "../syntax.ts";
import { age, table } from "../table.ts";

interface Json {
  readonly json?: true;
}

export interface CreateFlags extends Json {
  readonly driver?: string;
  readonly opt: readonly string[];
  readonly label: readonly string[];
}

/** `ct volume create`: prints the name. */
export function create([name]: readonly string[], flags: CreateFlags, globals: Globals): Promise<number> {
  if (name === undefined) throw usage("the name of the volume is missing");
  return withHost(globals, async (host) => {
    const volume = await host.volumes.create(name, {
      ...(flags.driver === undefined ? {} : { driver: flags.driver }),
      options: pairs("--opt", flags.opt),
      labels: pairs("--label", flags.label),
    });
    await print(process.stdout, `${flags.json ? JSON.stringify(volume) : volume.name}\n`);
    return 0;
  });
}

const pairs = (flag: string, words: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at <= 0) throw wrong(flag, word, "NAME=VALUE");
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );

export interface ListFlags extends Json {
  readonly quiet?: true;
}

/** `ct volume ls` */
export function list(flags: ListFlags, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const all = await host.volumes.list();
    const rows = all.map(({ name, driver, created }) => [name, driver, `${age((Date.now() - created) / 1000)} ago`]);
    const names = all.map(({ name }) => name);
    const lines = flags.json
      ? [JSON.stringify(all)]
      : flags.quiet
        ? names
        : [table([["NAME", "DRIVER", "CREATED"], ...rows])];
    if (lines.length > 0) await print(process.stdout, `${lines.join("\n")}\n`);
    return 0;
  });
}

/** `ct volume inspect` */
export function inspect(names: readonly string[], globals: Globals): Promise<number> {
  requireName(names);
  return withHost(globals, async (host) => {
    const all = await Promise.all(names.map((name) => host.volumes.inspect(name)));
    await print(process.stdout, `${JSON.stringify(all, undefined, 2)}\n`);
    return 0;
  });
}

/** `ct volume rm` */
export async function remove(
  names: readonly string[],
  { json = false }: { readonly json?: boolean },
  globals: Globals,
) {
  requireName(names);
  return await withHost(globals, async (host) => {
    let status = 0;
    for (const name of names) {
      try {
        await host.volumes.remove(name);
        await print(process.stdout, `${json ? JSON.stringify({ name }) : name}\n`);
      } catch (error) {
        await reportError(error, json);
        status = EXIT.FAILED;
      }
    }
    return status;
  });
}

/** `ct volume prune` */
export function prune(flags: Json, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const names = await host.volumes.prune();
    const text = flags.json ? JSON.stringify(names) : names.join("\n");
    if (text !== "") await print(process.stdout, `${text}\n`);
    return 0;
  });
}

function requireName([name]: readonly string[]): void {
  if (name === undefined) throw usage("the name of a volume is missing", "`ct volume ls` lists them");
}
