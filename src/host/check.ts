import { errnoName } from "../linux/index.ts";

/** One thing that a machine can or cannot do. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly available: boolean;
  /** What was found. */
  readonly detail: string;
  /** What cannot be done without it. */
  readonly cost?: string;
  /** How to get it. */
  readonly remedy?: string;
}

/** Cost and remedy are said of what is missing only. */
export function check(
  what: Pick<Check, "id" | "title" | "available" | "detail"> & { readonly cost: string; readonly remedy: string },
): Check {
  const { id, title, available, detail } = what;
  return available ? { id, title, available, detail } : what;
}

/** The result of a trial: 0 or an errno. */
export const trial = (errno: number): Pick<Check, "available" | "detail"> => ({
  available: errno === 0,
  detail: errno === 0 ? "works (tried)" : `fails with ${errnoName(errno)} (tried)`,
});
