import { LibctError } from "../../errors.ts";
import { parse, parseJson } from "../../spec/index.ts";
import type { OciConfig, OciProcess } from "./config.ts";
import type { OciResources } from "./config-linux.ts";
import { configSchema, processSchema } from "./schema.ts";
import { resources } from "./schema-resources.ts";

/** The text of a config.json. Throws ERR_CT_INVALID_SPEC with the member that is wrong, such as linux.seccomp.syscalls[3].action. */
export const parseConfig = (text: string): OciConfig => parse(configSchema, json(text, "config.json"), "", true);

/** A process on its own, as for `exec --process`. */
export const parseProcess = (text: string): OciProcess =>
  parse(processSchema, json(text, "the process"), "process", true);

/** Limits on their own, as for `update --resources`. */
export const parseResources = (text: string): OciResources =>
  parse(resources, json(text, "the resources"), "linux.resources", true);

function json(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new LibctError("ERR_CT_INVALID_SPEC", `${what} is no JSON: ${cause.message}`, { cause });
  }
}
