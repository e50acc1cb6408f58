import { type Check, Host, type HostFeatures } from "../host/index.ts";
import { type Globals, withDirectories } from "./command.ts";
import { print } from "./output.ts";

/** `ct doctor`: what this kernel and this user can do, and what is missing for the rest. */
export async function doctor(json: boolean, globals: Globals): Promise<number> {
  await using host = await Host.open(withDirectories(globals));
  const features = await host.features();
  await print(process.stdout, `${json ? JSON.stringify(features) : featureTable(features)}\n`);
  return features.ok ? 0 : 1;
}

/** What is there, what was found; below what is missing stand its price and the way to get it. */
export function featureTable({ kernel, caller, ok, checks }: HostFeatures): string {
  const width = Math.max(0, ...checks.map(({ title }) => title.length));
  const user = caller.privileged ? "with privileges" : "without privileges";
  const verdict = ok ? "Containers can be run." : "Containers cannot be run.";
  const head = `Linux ${kernel.release}, user ${caller.uid}, ${user}. ${verdict}`;
  return [head, "", ...checks.flatMap((check) => checkLines(check, width))].join("\n");
}

function checkLines({ title, available, detail, cost, remedy }: Check, width: number): string[] {
  const line = `${available ? "yes" : "NO "}  ${title.padEnd(width)}  ${detail}`;
  if (available) return [line];
  const below = " ".repeat("yes  ".length + width + 2);
  return [
    line,
    ...(cost === undefined ? [] : [`${below}without it: ${cost}`]),
    ...(remedy === undefined ? [] : [`${below}to get it: ${remedy}`]),
  ];
}
