import { LibctError } from "../errors.ts";
import type { Imported } from "../flavours/index.ts";
import { type Host, planImported, type RunOptions, type RunPlan } from "../host/index.ts";
import type { Namespace } from "../spec/index.ts";
import type { Invocation } from "./action.ts";
import { parseCapabilities } from "./capabilities.ts";
import type { RunFlags } from "./flags.ts";
import { print } from "./output.ts";
import { type FlagContext, runOptions } from "./run-options.ts";

/** What `run` does with another program's container: that container, with what the flags say instead. */
export async function planImport(
  invocation: Invocation,
  host: Host,
  context: FlagContext,
  unpack: boolean,
): Promise<RunPlan> {
  const { flags, root = "", command } = invocation;
  refuse(flags);
  const imported = await host.import(root, {
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(unpack ? { unpack: (archive: string, directory: string) => host.images.unpack(archive, directory) } : {}),
  });
  await tellNotes(imported, root, flags);
  const { joined, ...network } = context.network ?? {};
  const { root: _, capabilities: __, ...options } = runOptions(flags, {}, { ...context, network });
  return planImported(imported, command, {
    ...options,
    ...capabilities(flags, imported),
    ...(joined ? joinedNetwork(imported, joined) : {}),
  });
}

/** The network of another container in place of its own. */
function joinedNetwork({ spec: { namespaces = [] } }: Imported, joined: readonly Namespace[]): Partial<RunOptions> {
  const replaced = new Set<string>(joined.map(({ type }) => type));
  const kept = namespaces.filter((one) => !replaced.has(typeof one === "string" ? one : one.type));
  return { network: "host", namespaces: [...kept, ...joined] };
}

type Given = readonly [flag: string, given: (flags: RunFlags) => boolean];

/** What only makes sense for a container that the command line describes. */
const REFUSED: readonly Given[] = [
  ["--sandbox", ({ sandbox }) => sandbox !== undefined],
  ["--lower", ({ lower }) => lower.length > 0],
  ["--upper", ({ upper }) => upper !== undefined],
  ["--namespace", ({ namespace }) => namespace.length > 0],
  ["--no-namespace", ({ noNamespace }) => noNamespace.length > 0],
  ["--user-namespace", ({ userNamespace }) => userNamespace !== undefined],
  ["--uid-map", ({ uidMap }) => uidMap.length > 0],
  ["--gid-map", ({ gidMap }) => gidMap.length > 0],
];

function refuse(flags: RunFlags): void {
  const flag = REFUSED.find(([, given]) => given(flags))?.[0];
  if (flag === undefined) return;
  throw new LibctError(
    "ERR_CT_USAGE",
    `${flag} is not for a container of another program, whose configuration says that`,
  );
}

/** In one line, as each start would tell the same. */
async function tellNotes({ notes }: Imported, source: string, { json }: RunFlags): Promise<void> {
  if (notes.length === 0 || json) return;
  const count = notes.length === 1 ? "1 setting is" : `${notes.length} settings are`;
  await print(process.stderr, `ct: ${count} not followed to the letter: \`ct import ${source}\` tells which\n`);
}

/** Plus and minus what it has. */
function capabilities(flags: RunFlags, { process: { capabilities: own } }: Imported) {
  if (flags.capAdd.length === 0 && flags.capDrop.length === 0) return {};
  const set = parseCapabilities(flags.capAdd, flags.capDrop, undefined, own?.bounding ?? []);
  return { capabilities: { ...own, bounding: set, effective: set, permitted: set } };
}
