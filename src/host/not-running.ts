import { LibctError } from "../errors.ts";

export const notRunning = (name: string) => new LibctError("ERR_CT_STATE", `container ${name} is not running`);

export const ended = (name: string, cause?: unknown) =>
  new LibctError("ERR_CT_STATE", `container ${name} has ended`, { hint: "start it again", cause });
