import { existsSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { findProgram } from "../../fs/index.ts";

const PACKAGES: Readonly<Record<string, string>> = { pasta: "passt", slirp4netns: "slirp4netns" };

/** Where the program is; an error that names the package when it is nowhere. */
export function userModeProgram(name: "pasta" | "slirp4netns", given: string | undefined, member: string): string {
  const found = given === undefined ? findProgram(name) : existsSync(given) ? given : undefined;
  if (found !== undefined) return found;
  throw new LibctError("ERR_CT_NOT_SUPPORTED", `there is no ${given ?? name} on this machine`, {
    member,
    path: given,
    hint: `install the package ${PACKAGES[name]}; the other one that ordinary users can have a network by is ${name === "pasta" ? "slirp4netns" : "pasta"}`,
  });
}
