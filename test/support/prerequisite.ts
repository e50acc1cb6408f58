import { accessSync, constants } from "node:fs";

/**
 * Whether something that tests need is there: `describe.runIf(requires("runc", installed("runc"), "its exit statuses are compared"))`. What is missing is said
 * loudly, since a skipped test proves nothing; with CI=true it is a failure. Kernels of the matrix (scripts/test-kernels.ts) are chosen because they lack things: there it
 * is none.
 */
export function requires(name: string, available: boolean, why: string, environment = process.env): boolean {
  if (available) return true;
  const message = `${name} is missing: ${why}`;
  if (environment.CI === "true" && environment.LIBCT_TEST_KERNEL === undefined)
    throw new Error(`${message} (with CI=true nothing may be skipped)`);
  console.warn(`SKIPPED: ${message}`);
  return false;
}

const DIRECTORIES = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];

/** Whether there is a program of that name. */
export const installed = (program: string): boolean =>
  DIRECTORIES.some((directory) => {
    try {
      accessSync(`${directory}/${program}`, constants.X_OK);
      return true;
    } catch {
      return false; // Not in this directory.
    }
  });
