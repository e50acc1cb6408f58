import { isatty } from "node:tty";

/** The terminal that ct's output goes to. */
export interface Terminal {
  readonly rows: number;
  readonly columns: number;
}

/** Its present size. (process.stdout is only touched when it is a terminal: a pipe would become non-blocking, for the command as well.) */
export function readTerminal(): Terminal | undefined {
  if (!isatty(1)) return undefined;
  const [columns, rows] = process.stdout.getWindowSize();
  return { rows, columns };
}
