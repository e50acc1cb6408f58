import type { Imported, Note } from "../flavours/index.ts";
import { Host } from "../host/index.ts";
import { type Globals, withDirectories } from "./command.ts";
import { print } from "./output.ts";
import { usage } from "./syntax.ts";

export interface ImportFlags {
  readonly name?: string;
  readonly json?: true;
}

/** `ct import`: tells what becomes of another program's container. */
export async function importCommand(words: readonly string[], flags: ImportFlags, globals: Globals): Promise<number> {
  const [source] = words;
  if (source === undefined) throw usage("no SOURCE is given", "`ct import lxc:NAME`");
  await using host = await Host.open(withDirectories(globals));
  const imported = await host.import(source, flags.name === undefined ? {} : { name: flags.name });
  await print(process.stdout, flags.json ? `${JSON.stringify(imported)}\n` : describe(imported, source));
  return 0;
}

const PROGRAMS = { lxc: "LXC", openvz: "OpenVZ", nspawn: "systemd-nspawn", oci: "an OCI bundle" } as const;

function describe({ flavour, name, spec, process: command, notes }: Imported, source: string): string {
  const parts = [
    `${name}: ${flavour === "oci" ? PROGRAMS.oci : `a container of ${PROGRAMS[flavour]}`}`,
    `It executes ${command.args.join(" ")}\n`,
    JSON.stringify(spec, undefined, 2),
    "",
    ...section("Done otherwise:", notes, "changed"),
    ...section("Not done:", notes, "ignored"),
    `\`ct explain ${source}\` prints the system calls, \`ct run ${source}\` runs it`,
  ];
  return `${parts.join("\n")}\n`;
}

function section(heading: string, notes: readonly Note[], effect: Note["effect"]): readonly string[] {
  const chosen = notes.filter((note) => note.effect === effect);
  if (chosen.length === 0) return [];
  return [heading, ...chosen.map(({ key, value, where, reason }) => `  ${key} = ${value} (${where}): ${reason}`), ""];
}
