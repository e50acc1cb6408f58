import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { KEEPER_FILE } from "../compile/index.ts";
import type { FoundRecord } from "../records/index.ts";
import type { ContainerNetworks } from "../spec/index.ts";

/** What of networks a container has got since it runs: whoever keeps it has written it down in his directory. */
export function withLater(
  networks: ContainerNetworks | undefined,
  { directory, state }: Pick<FoundRecord, "directory" | "state">,
): ContainerNetworks | undefined {
  if (!state) return networks;
  const { pid, startTime } = state.init;
  const base = dirname(dirname(directory));
  const own = `${pid}-${startTime}-`;
  const attached = notesIn(`${base}/nics`, own);
  const joined = merge([networks, ...attached]);
  const names = new Set(joined?.interfaces.map(({ network }) => network));
  // At the user's usual place, or in a directory that was given (networkPlaces).
  const published = [...names].flatMap((name) =>
    ["networks", "networks-running"].flatMap((running) => notesIn(`${base}/${running}/${name}/published`, own)),
  );
  return merge([joined, ...published]);
}

function merge(all: readonly (ContainerNetworks | undefined)[]): ContainerNetworks | undefined {
  const known = all.filter((one) => one !== undefined);
  if (known.length < 2) return known[0];
  return { interfaces: known.flatMap((one) => one.interfaces), ports: known.flatMap((one) => one.ports) };
}

const notesIn = (parent: string, prefix: string): readonly ContainerNetworks[] =>
  orNone(() => readdirSync(parent), [])
    .filter((name) => name.startsWith(prefix))
    .flatMap((name) => orNone(() => [parse(readFileSync(`${parent}/${name}/${KEEPER_FILE.NOTE}`, "utf8"))], []));

/** One that is being written is told of the next time. */
const parse = (text: string): ContainerNetworks =>
  text === "" ? { interfaces: [], ports: [] } : (JSON.parse(text) as ContainerNetworks);

/** Everything here may go at any time. */
function orNone<T>(read: () => T, none: T): T {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return none;
    throw error;
  }
}
