import type { NetworkInfo, NetworkListing } from "../../host/index.ts";
import type { Globals } from "../command.ts";
import { withHost } from "../containers/with-host.ts";
import { EXIT, reportError } from "../exit.ts";
import { print } from "../output.ts";
import { usage } from "../syntax.ts";
import { table } from "../table.ts";

export interface ListFlags {
  readonly quiet?: true;
  readonly json?: true;
}

/** `ct network ls` */
export function list({ quiet, json }: ListFlags, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const all = await host.networks.list();
    const rows = () => table([HEADING, ...all.map(row)]);
    const lines = json ? [JSON.stringify(all)] : quiet ? all.map(({ name }) => name) : [rows()];
    if (lines.length > 0) await print(process.stdout, `${lines.join("\n")}\n`);
    for (const one of all) if ("error" in one && !json) await reportError(one.error, false);
    return 0;
  });
}

const HEADING = ["NAME", "BRIDGE", "SUBNETS", "CONTAINERS", "KIND"];

function row(one: NetworkListing): readonly string[] {
  if ("error" in one) return [one.name, "", "", "", "unreadable"];
  const kind = one.internal ? "internal" : one.masquerade ? "masqueraded" : "routed";
  return [one.name, one.bridge, one.subnets.map(({ subnet }) => subnet).join(" "), String(one.containers.length), kind];
}

/** `ct network inspect` */
export function inspect(names: readonly string[], globals: Globals): Promise<number> {
  requireNames(names);
  return withHost(globals, async (host) => {
    const all: NetworkInfo[] = [];
    for (const name of names) all.push(await host.networks.inspect(name));
    await print(process.stdout, `${JSON.stringify(all, undefined, 2)}\n`);
    return 0;
  });
}

/** `ct network rm`: one that cannot be removed does not keep the others from it. */
export function remove(names: readonly string[], json: boolean, globals: Globals): Promise<number> {
  requireNames(names);
  return withHost(globals, async (host) => {
    let status = 0;
    for (const name of names) {
      try {
        await host.networks.remove(name);
        await print(process.stdout, `${json ? JSON.stringify({ name }) : name}\n`);
      } catch (error) {
        await reportError(error, json);
        status = EXIT.FAILED;
      }
    }
    return status;
  });
}

/** `ct network prune` */
export function prune(json: boolean, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const names = await host.networks.prune();
    const text = json ? [JSON.stringify(names)] : names;
    if (text.length > 0) await print(process.stdout, `${text.join("\n")}\n`);
    return 0;
  });
}

function requireNames(names: readonly string[]): void {
  if (names.length === 0) throw usage("the name of a network is missing", "`ct network ls` lists them");
}
