import { LibctError } from "../../errors.ts";
import type { Runtime } from "./runtime.ts";

const notYet = (what: string) =>
  new LibctError("ERR_CT_NOT_SUPPORTED", `${what} is not there yet: it takes CRIU, which libct does not drive`);

export async function checkpoint(_runtime: Runtime, _line: readonly string[]): Promise<number> {
  throw notYet("checkpoint");
}

export async function restore(_runtime: Runtime, _line: readonly string[]): Promise<number> {
  throw notYet("restore");
}
