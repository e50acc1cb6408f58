import { LibctError } from "../../errors.ts";
import { parse } from "../../spec/index.ts";
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

/** Strings, and numbers that may be too long for a number of JavaScript's. */
const LONG = /"(?:[^"\\]|\\.)*"|-?\b\d{16,}(?![\d.eE])/g;
/** In front of the digits of such a number; JSON has no such character in a string unless escaped. */
const MARK = "\u0000integer:";

/** JSON in which whole numbers above 2^53 are bigints: RLIM_INFINITY and the arguments of seccomp rules need all their 64 bits. */
function json(text: string, what: string): unknown {
  try {
    if (!/\d{16}/.test(text)) return JSON.parse(text);
    let long = false;
    const marked = text.replace(LONG, (token) => {
      if (token.startsWith('"') || Number.isSafeInteger(Number(token))) return token;
      long = true;
      return `"\\u0000integer:${token}"`;
    });
    return long ? JSON.parse(marked, revive) : JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new LibctError("ERR_CT_INVALID_SPEC", `${what} is no JSON: ${cause.message}`, { cause });
  }
}

const revive = (_key: string, value: unknown): unknown =>
  typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value;
