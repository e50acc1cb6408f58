/**
 * Names of interfaces on the host that are drawn when the program runs: so equal containers have equal programs, and each run of one has names that nobody else
 * has. In messages and look-ups such a name has slashes where its digits will be, which no interface's name can have (dev_valid_name in net/core/dev.c).
 */
const HEAD = "ct";
/** Those of any u32. */
export const DRAWN_DIGITS = 10;
const BEFORE = `${HEAD}${"/".repeat(DRAWN_DIGITS)}`;

/** `index`: which of a container's interfaces it is for. */
export const drawnName = (index: number): string => `${BEFORE}${index}`;

/** Where the digits of such a name are in a text; undefined when there is none in it. */
export function digitsOf(text: string): number | undefined {
  const at = text.indexOf(BEFORE);
  return at < 0 ? undefined : at + HEAD.length;
}
