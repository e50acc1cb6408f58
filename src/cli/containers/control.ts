import { parseDuration } from "../../spec/index.ts";
import type { Globals } from "../command.ts";
import { print } from "../output.ts";
import { usage } from "../syntax.ts";
import { forEach, withHost } from "./with-host.ts";

interface Named {
  readonly words: readonly string[];
  readonly globals: Globals;
}
interface Json {
  readonly json?: true;
}
const each = ({ words, globals }: Named, { json = false }: { readonly json?: boolean }) => ({
  names: words,
  globals,
  json,
});

export function start(named: Named, flags: Json): Promise<number> {
  return forEach(each(named, flags), async (container) => {
    await container.release();
    const { healthcheck, lifetime } = container.spec;
    if (healthcheck && lifetime === "host") {
      await (await import("./keep-health.ts")).keepHealth(container.name, named.globals);
    }
    return undefined;
  });
}

export interface KillFlags extends Json {
  readonly signal?: string;
}

/** TERM, SIGTERM and 15 are the same. */
function parseSignal(word: string): NodeJS.Signals | number {
  if (/^\d+$/.test(word)) return Number(word);
  const name = word.toUpperCase();
  return (name.startsWith("SIG") ? name : `SIG${name}`) as NodeJS.Signals;
}

export function kill(named: Named, flags: KillFlags): Promise<number> {
  const signal = parseSignal(flags.signal ?? "KILL");
  return forEach(each(named, flags), async (container) => {
    await container.kill(signal);
    return undefined;
  });
}

export interface StopFlags extends KillFlags {
  readonly time?: string;
}

export function stop(named: Named, flags: StopFlags): Promise<number> {
  const timeout = flags.time === undefined ? 10 : parseDuration(flags.time, "--time");
  const signal = flags.signal === undefined ? {} : { signal: parseSignal(flags.signal) };
  return forEach(each(named, flags), async (container) => {
    await container.stop({ ...signal, timeout });
    return undefined;
  });
}

export function wait(named: Named, flags: Json): Promise<number> {
  return forEach(
    each(named, flags),
    async (container) => ({ ...(await container.wait()) }),
    (_, result) => String(result.exitCode),
  );
}

export function pause(named: Named, flags: Json): Promise<number> {
  return forEach(each(named, flags), async (container) => {
    await container.pause();
    return undefined;
  });
}

export function resume(named: Named, flags: Json): Promise<number> {
  return forEach(each(named, flags), async (container) => {
    await container.resume();
    return undefined;
  });
}

export interface RemoveFlags extends Json {
  readonly force?: true;
}

export function remove(named: Named, flags: RemoveFlags): Promise<number> {
  return forEach(each(named, flags), async (container) => {
    await container.remove({ force: flags.force ?? false });
    return undefined;
  });
}

export function rename({ words: [from, to], globals }: Named, { json = false }: { readonly json?: boolean }) {
  if (from === undefined || to === undefined) throw usage("two names are needed: the present one and the new one");
  return withHost(globals, async (host) => {
    await (await host.open(from)).rename(to);
    await print(process.stdout, `${json ? JSON.stringify({ name: to }) : to}\n`);
    return 0;
  });
}
