import { LibctError } from "../../errors.ts";
import type { Host } from "../../host/index.ts";
import type { RuntimeGlobals } from "./globals.ts";
import type { Log } from "./log.ts";

/** What a command works with. */
export interface Runtime {
  readonly globals: RuntimeGlobals;
  readonly log: Log;
  readonly version: string;
  /** The machine, with the executor that was started for it; made on the first call. */
  host(): Promise<Host>;
}

/** A failure with an exit status of its own. */
export class RuntimeFailure extends LibctError {
  readonly status: number;

  constructor(status: number, cause: unknown) {
    const known = cause instanceof LibctError ? cause : undefined;
    const { syscall, errno, path } = known ?? {};
    super(known?.code ?? "ERR_CT_STATE", known?.message ?? String(cause), { syscall, errno, path, cause });
    this.status = status;
  }
}
