import type { Entry } from "../index.ts";

/** The entries of a settings file, each with its section before its key: "Exec.Boot" (systemd.syntax(7)). */
export function parseSettings(text: string, path: string): readonly Entry[] {
  const entries: Entry[] = [];
  let section = "";
  let begun: { readonly at: number; text: string } | undefined;
  for (const [index, written] of text.split("\n").entries()) {
    const line = written.trim();
    if (/^[#;]/.test(line) || (line === "" && !begun)) continue;
    const whole: string = begun ? `${begun.text} ${line}` : line;
    const at: number = begun?.at ?? index + 1;
    if (whole.endsWith("\\")) {
      begun = { at, text: whole.slice(0, -1).trimEnd() };
      continue;
    }
    begun = undefined;
    const [, heading] = /^\[(.+)\]$/.exec(whole) ?? [];
    if (heading !== undefined) section = heading;
    else entries.push(entryOf(whole, section, `${path}:${at}`));
  }
  return withoutReset(entries);
}

function entryOf(line: string, section: string, where: string): Entry {
  const equals = line.indexOf("=");
  const [key, value] = equals < 0 ? [line, ""] : [line.slice(0, equals).trimEnd(), line.slice(equals + 1).trim()];
  return { key: `${section}.${key}`, value, where };
}

/** An empty value takes back those before it. */
function withoutReset(entries: readonly Entry[]): readonly Entry[] {
  return entries.filter(({ key, value }, index) => {
    const reset = entries.findLastIndex((other) => other.key === key && other.value === "");
    return value !== "" && index > reset;
  });
}
