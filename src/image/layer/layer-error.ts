import { LibctError } from "../../errors.ts";

/** A layer that cannot be what its maker meant, or that must not be taken: nothing of it is kept. */
export const badLayer = (
  message: string,
  details: { readonly path?: string; readonly hint?: string } = {},
): LibctError => new LibctError("ERR_CT_LAYER", message, details);
