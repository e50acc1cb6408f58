/** Resolves after so many milliseconds. (As node:timers/promises does it, which takes a millisecond to load.) */
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
