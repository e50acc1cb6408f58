import { LibctError } from "../errors.ts";

/** Exit statuses of `ct` itself, as users of docker know them. */
export const EXIT = { FAILED: 125, NOT_EXECUTABLE: 126, NOT_FOUND: 127 } as const;

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof LibctError)) return EXIT.FAILED;
  if (error.code === "ERR_CT_COMMAND_NOT_FOUND") return EXIT.NOT_FOUND;
  return error.code === "ERR_CT_COMMAND_NOT_EXECUTABLE" ? EXIT.NOT_EXECUTABLE : EXIT.FAILED;
}

/** One line for people, or an object with `error` for programs. */
export function reportError(error: unknown, json: boolean): void {
  if (json) {
    const details =
      error instanceof LibctError ? error : { message: error instanceof Error ? error.message : String(error) };
    process.stdout.write(`${JSON.stringify({ error: details })}\n`);
    return;
  }
  const known = error instanceof LibctError;
  const text = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`ct: ${text}\n`);
}
