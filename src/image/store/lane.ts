import { PARALLEL } from "./layers.ts";

/** Does things when it is their turn, so many at a time. */
export type Lane = <T>(act: () => Promise<T>) => Promise<T>;

export function makeLane(width = PARALLEL): Lane {
  let free = width;
  const waiting: (() => void)[] = [];
  return async (act) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
