import { LibctError } from "../errors.ts";
import { harmless } from "./harmless.ts";
import { print } from "./output.ts";

/** Exit statuses of `ct` itself, as users of docker know them. */
export const EXIT = { FAILED: 125, NOT_EXECUTABLE: 126, NOT_FOUND: 127 } as const;

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof LibctError)) return EXIT.FAILED;
  if (error.code === "ERR_CT_COMMAND_NOT_FOUND") return EXIT.NOT_FOUND;
  return error.code === "ERR_CT_COMMAND_NOT_EXECUTABLE" ? EXIT.NOT_EXECUTABLE : EXIT.FAILED;
}

/** One line on standard error for people; for programs an object with the only member `error` on standard output. */
export async function reportError(error: unknown, json: boolean): Promise<void> {
  if (json) await print(process.stdout, `${JSON.stringify({ error: errorDetails(error) })}\n`);
  else await print(process.stderr, `ct: ${errorText(error)}\n`);
}

const errorDetails = (error: unknown) =>
  error instanceof LibctError ? error : { message: error instanceof Error ? error.message : String(error) };

/** An error that libct does not know is a fault of its own, and its stack tells where. */
export function errorText(error: unknown): string {
  if (!(error instanceof LibctError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  // It may quote what others have written, and stays one line.
  return harmless(error.message);
}
