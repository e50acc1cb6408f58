/** One way to prove who one is, of a WWW-Authenticate header (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case: "bearer", "basic" */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** More than any registry offers. */
const MOST = 16;

/** token, then either "=" and a value or the next scheme; sticky, so that each character is looked at once. */
const TOKEN = /[\s,]*([!#$%&'*+.^_`|~\w-]+)/y;
const VALUE = /\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))/y;

/** Reads what a server wants. It is anybody's text: what cannot be understood ends the reading. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: { readonly scheme: string; readonly parameters: Record<string, string> }[] = [];
  for (let at = 0; found.length <= MOST; ) {
    TOKEN.lastIndex = at;
    const word = TOKEN.exec(header)?.[1];
    if (word === undefined) break;
    at = TOKEN.lastIndex;
    VALUE.lastIndex = at;
    const value = VALUE.exec(header);
    const current = found.at(-1);
    if (!value || !current) {
      found.push({ scheme: word.toLowerCase(), parameters: Object.create(null) });
      continue;
    }
    at = VALUE.lastIndex;
    current.parameters[word.toLowerCase()] ??= value[1]?.replace(/\\(.)/gs, "$1") ?? value[2] ?? "";
  }
  return found;
}
