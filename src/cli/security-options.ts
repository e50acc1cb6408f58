import { LibctError } from "../errors.ts";
import type { RunOptions } from "../host/index.ts";
import { type Landlock, validateSeccomp } from "../spec/index.ts";
import type { RunFlags } from "./flags.ts";
import { parseInteger, readText, wrong } from "./parse.ts";

/** --security-opt and --landlock-*. */
export function securityOptions(flags: RunFlags): RunOptions {
  const options = Object.assign({}, ...flags.securityOpt.map(securityOption)) as RunOptions;
  const landlock = landlockOption(flags);
  return landlock ? { ...options, landlock } : options;
}

const EXPECTED = "seccomp=default|unconfined|FILE, no-new-privileges[=true|false], apparmor=PROFILE or label=LABEL";

function securityOption(word: string): RunOptions {
  // Docker's older form has a colon.
  const at = word.search(/[=:]/);
  const [key, value] = at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
  if (key === "no-new-privileges" && (value === undefined || value === "true")) return { noNewPrivileges: true };
  if (key === "no-new-privileges" && value === "false") return { noNewPrivileges: false };
  if (!value) throw wrong("--security-opt", word, EXPECTED);
  if (key === "seccomp") return { seccomp: seccompOption(value) };
  if (key === "apparmor") return { apparmorProfile: value };
  if (key === "label") return { selinuxLabel: value };
  throw wrong("--security-opt", word, EXPECTED);
}

function seccompOption(value: string): NonNullable<RunOptions["seccomp"]> {
  if (value === "default" || value === "unconfined") return value;
  const flag = "--security-opt seccomp";
  const text = readText(flag, value);
  return validateSeccomp(parseJson(flag, value, text), `${flag}=${value}`);
}

function parseJson(flag: string, file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LibctError("ERR_CT_USAGE", `${flag}=${file}: not JSON: ${why}`, { path: file, cause });
  }
}

/** Landlock always restricts files: who only wants ports restricted allows them all. */
function landlockOption(flags: RunFlags): Landlock | undefined {
  const { landlockRead: readOnly, landlockWrite: readWrite } = flags;
  const bindTcp = flags.landlockBind.map((port) => parseInteger("--landlock-bind", port, 0, 65535));
  const connectTcp = flags.landlockConnect.map((port) => parseInteger("--landlock-connect", port, 0, 65535));
  for (const [flag, paths] of [
    ["--landlock-read", readOnly],
    ["--landlock-write", readWrite],
  ] as const) {
    const relative = paths.find((path) => !path.startsWith("/"));
    if (relative !== undefined) throw wrong(flag, relative, "a path of the container, from / on");
  }
  if ([readOnly, readWrite, bindTcp, connectTcp].every(({ length }) => length === 0)) return undefined;
  return {
    readOnly,
    readWrite: readOnly.length + readWrite.length === 0 ? ["/"] : readWrite,
    ...(bindTcp.length > 0 ? { bindTcp } : {}),
    ...(connectTcp.length > 0 ? { connectTcp } : {}),
  };
}
