import { constants, createWriteStream, openSync } from "node:fs";
import type { Writable } from "node:stream";
import { RECORD_FILE } from "../compile/index.ts";
import { LibctError } from "../errors.ts";
import type { LogEntry } from "../records/index.ts";
import type { ContainerSpec } from "../spec/index.ts";
import type { Recorded } from "./recorded.ts";

/** A container's streams, in the hands of any process: what it writes comes by way of its log, what it reads goes through a FIFO of its record. */
export interface Attachment {
  /** Null when it was started without an input. Ending it ends nothing: others may write, too. */
  readonly input: Writable | null;
  /** What it writes from now on, until it has ended. */
  readonly output: AsyncGenerator<LogEntry>;
  /** Sets the size of its terminal, in characters. */
  resize(columns: number, rows: number): Promise<void>;
}

export function attach(recorded: Recorded, spec: ContainerSpec, signal: AbortSignal | undefined): Attachment {
  if (spec.lifetime !== "host") {
    throw new LibctError(
      "ERR_CT_STATE",
      `the streams of ${recorded.name} are those of the application that started it`,
      {
        hint: 'only a container with lifetime "host" can be attached to (ct run -d)',
      },
    );
  }
  recorded.init();
  return {
    input: openInput(recorded.read().directory),
    output: recorded.logs({ follow: true, fromNow: true, signal }),
    resize: (columns, rows) => recorded.resize(columns, rows),
  };
}

function openInput(directory: string): Writable | null {
  try {
    // For reading as well, so that it does not wait for a reader (fifo(7)).
    const fd = openSync(`${directory}/${RECORD_FILE.INPUT}`, constants.O_RDWR);
    return createWriteStream("", { fd });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new LibctError("ERR_CT_STATE", "the container's input cannot be opened", { cause: error });
  }
}
