import { LibctError } from "../errors.ts";

/** This machine has not got it; the hint says what would. */
export const unsupported = (message: string, member: string, hint: string) =>
  new LibctError("ERR_CT_NOT_SUPPORTED", message, { member, hint });
