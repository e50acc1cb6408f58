import type { Note } from "./imported.ts";

export interface Entry {
  readonly key: string;
  readonly value: string;
  /** File and line. */
  readonly where: string;
}

/** The entries of a configuration, and which of them somebody has asked for: the others become notes. */
export interface Settings {
  /** The value of the last entry with this key. */
  last(key: string): string | undefined;
  all(key: string): readonly string[];
  /** The entries whose keys begin so, with what follows, in their order. */
  below(prefix: string): readonly (Entry & { readonly name: string })[];
  /** It was understood, and is not done. Without a value all entries with this key are meant. */
  ignore(key: string, reason: string, value?: string): void;
  /** It is done otherwise. */
  change(key: string, reason: string, value?: string): void;
  /** What is not done as the configuration says, in its order. `unknown` gives the reason for a key that nobody has asked for. */
  notes(unknown: (key: string) => string): readonly Note[];
}

export function settingsOf(entries: readonly Entry[]): Settings {
  const asked = new Set<Entry>();
  const notes = new Map<Entry, Note>();
  const take = (test: (entry: Entry) => boolean) => {
    const found = entries.filter(test);
    for (const one of found) asked.add(one);
    return found;
  };
  const note = (effect: Note["effect"]) => (key: string, reason: string, value?: string) => {
    for (const entry of take((one) => one.key === key && (value === undefined || one.value === value))) {
      const before = notes.get(entry);
      notes.set(entry, { ...entry, effect, reason: before ? `${before.reason}; ${reason}` : reason });
    }
  };
  return {
    last: (key) => take((entry) => entry.key === key).at(-1)?.value,
    all: (key) => take((entry) => entry.key === key).map(({ value }) => value),
    below: (prefix) =>
      take(({ key }) => key.startsWith(prefix)).map((entry) => ({ ...entry, name: entry.key.slice(prefix.length) })),
    ignore: note("ignored"),
    change: note("changed"),
    notes: (unknown) =>
      entries.flatMap((entry) => {
        const said = notes.get(entry);
        if (said) return [said];
        return asked.has(entry) ? [] : [{ ...entry, effect: "ignored", reason: unknown(entry.key) } as const];
      }),
  };
}
