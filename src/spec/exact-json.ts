/** Strings, and numbers that may be too long for a number of JavaScript's. */
const LONG = /"(?:[^"\\]|\\.)*"|-?\b\d{16,}(?![\d.eE])/g;
/** In front of the digits of such a number; no string of a specification may hold a NUL. */
const MARK = "\u0000integer:";
const MARKED = /"\\u0000integer:(-?\d+)"/g;

/**
 * JSON in which whole numbers above 2^53 are bigints: RLIM_INFINITY and the arguments of seccomp rules need all their 64 bits. Throws SyntaxError as JSON.parse
 * does.
 */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  let long = false;
  const marked = text.replace(LONG, (token) => {
    if (token.startsWith('"') || Number.isSafeInteger(Number(token))) return token;
    long = true;
    return `"\\u0000integer:${token}"`;
  });
  return long ? JSON.parse(marked, revive) : JSON.parse(text);
}

const revive = (_key: string, value: unknown): unknown =>
  typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value;

/** JSON of a value that may have bigints in it, which are numbers there. Nearly none has, and to look at every member takes longer. */
export function formatJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const mark = (_key: string, member: unknown) => (typeof member === "bigint" ? `${MARK}${member}` : member);
    return JSON.stringify(value, mark).replace(MARKED, "$1");
  }
}
