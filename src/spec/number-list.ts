/** The numbers of a list such as "0-3,7" (cpuset(7), "List format"). To be given what its schema has let through. */
export function parseNumbers(list: string): readonly number[] {
  return rangesOf(list).flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );
}

/** Why a list is none: a range that runs backwards, or a number above the last one that a kernel can be built for. */
export function wrongRange(list: string, most: number): string | undefined {
  for (const [first, last] of rangesOf(list)) {
    if (last < first) return `a range that runs upwards, not ${first}-${last}`;
    if (last > most) return `numbers up to ${most}`;
  }
  return undefined;
}

const rangesOf = (list: string): readonly (readonly [number, number])[] =>
  list.split(",").map((range) => {
    const [first = "", last = first] = range.split("-");
    return [Number(first), Number(last)];
  });
