import { LibctError } from "../errors.ts";
import type { ImageConfig } from "./types.ts";

type Config = NonNullable<ImageConfig["config"]>;

/** Applies an instruction of a Dockerfile that changes an image's config, as `docker commit --change` takes it: CMD ["httpd", "-f"] */
export function changeConfig(config: Config, instruction: string): Config {
  const [, word = "", rest = ""] = /^\s*(\S+)\s+(.*?)\s*$/s.exec(instruction) ?? [];
  const change = Object.hasOwn(CHANGES, word.toUpperCase()) ? CHANGES[word.toUpperCase()] : undefined;
  if (change && rest !== "") return { ...config, ...change(config, rest) };
  throw wrong(instruction, `instructions are ${Object.keys(CHANGES).join(", ")}`);
}

type Change = (config: Config, rest: string) => Partial<Config>;

const CHANGES: Readonly<Record<string, Change>> = {
  CMD: ({ Shell }, rest) => ({ Cmd: words(rest, Shell) }),
  // Another entrypoint takes the arguments of the one before with it.
  ENTRYPOINT: ({ Shell }, rest) => ({ Entrypoint: words(rest, Shell), Cmd: null }),
  ENV: ({ Env }, rest) => ({
    Env: [...new Map([...(Env ?? []), ...pairs(rest)].map((one) => [nameOf(one), one])).values()],
  }),
  EXPOSE: ({ ExposedPorts }, rest) => ({ ExposedPorts: { ...ExposedPorts, ...keys(rest.split(/\s+/).map(port)) } }),
  LABEL: ({ Labels }, rest) => ({ Labels: { ...Labels, ...Object.fromEntries(pairs(rest).map(splitPair)) } }),
  STOPSIGNAL: (_, rest) => ({ StopSignal: rest }),
  USER: (_, rest) => ({ User: rest }),
  VOLUME: ({ Volumes }, rest) => ({ Volumes: { ...Volumes, ...keys(jsonWords(rest) ?? rest.split(/\s+/)) } }),
  WORKDIR: ({ WorkingDir = "/" }, rest) => ({
    WorkingDir: rest.startsWith("/") ? rest : `${WorkingDir}/${rest}`.replace("//", "/"),
  }),
};

const keys = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, {}]));
const port = (text: string) => (text.includes("/") ? text : `${text}/tcp`);

/** JSON's form is executed as it is, any other one by a shell (Dockerfile reference, "Shell and exec form"). */
const words = (rest: string, shell: Config["Shell"]): readonly string[] =>
  jsonWords(rest) ?? [...(shell ?? ["/bin/sh", "-c"]), rest];

function jsonWords(rest: string): readonly string[] | undefined {
  if (!rest.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(rest);
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : undefined;
  } catch {
    return undefined; // A shell's word may begin with a bracket.
  }
}

/** NAME=VALUE NAME="a value" ..., or the old form NAME VALUE */
function pairs(rest: string): readonly string[] {
  if (!/^[^\s=]+=/.test(rest)) {
    const [, name = "", value = ""] = /^(\S+)\s+(.*)$/s.exec(rest) ?? [];
    if (name === "") throw wrong(rest, "NAME=VALUE");
    return [`${name}=${value}`];
  }
  return [...rest.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+/gs)].map(([text]) => unquote(text));
}

const unquote = (text: string): string =>
  text.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs, (_, double?: string, single?: string, escaped?: string) =>
    double === undefined ? (single ?? escaped ?? "") : double.replace(/\\(.)/gs, "$1"),
  );

const nameOf = (pair: string): string => splitPair(pair)[0];

function splitPair(pair: string): readonly [string, string] {
  const at = pair.indexOf("=");
  if (at <= 0) throw wrong(pair, "NAME=VALUE");
  return [pair.slice(0, at), pair.slice(at + 1)];
}

const wrong = (text: string, expected: string) =>
  new LibctError("ERR_CT_USAGE", `${JSON.stringify(text.slice(0, 80))} changes no image`, { hint: expected });
