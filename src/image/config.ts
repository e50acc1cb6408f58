import { LibctError } from "../errors.ts";
import { signalNumber } from "../linux/index.ts";
import type { ContainerSpec, Healthcheck, ProcessSpec } from "../spec/index.ts";
import type { ImageConfig } from "./types.ts";

type Config = NonNullable<ImageConfig["config"]>;

/** What an image says of the containers that are made of it, in a specification's terms. */
export interface ImageDefaults {
  /** Without arguments when neither the image nor the caller says what is executed. */
  readonly process: Pick<ProcessSpec, "args" | "env" | "cwd" | "makeCwd">;
  /** "user" or "user:group", by ids or names of the image; undefined: root. */
  readonly user: string | undefined;
  readonly spec: Pick<ContainerSpec, "annotations" | "stopSignal" | "healthcheck">;
  /** Paths that are to be on volumes. */
  readonly volumes: readonly string[];
  /** "80/tcp" */
  readonly exposedPorts: readonly string[];
}

export interface CommandWords {
  /** In place of the image's; then the image's own arguments do not count either. */
  readonly entrypoint?: readonly string[] | undefined;
  /** In place of the image's. */
  readonly args: readonly string[];
}

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** As docker reads it (image-spec, conversion.md, tells how it becomes a specification). */
export function imageDefaults(image: ImageConfig, command: CommandWords): ImageDefaults {
  const config = image.config ?? {};
  const cwd = config.WorkingDir ? absolute(config.WorkingDir) : "/";
  const { stopSignal, healthcheck } = { stopSignal: readSignal(config.StopSignal), healthcheck: readHealth(config) };
  return {
    process: {
      args: commandOf(config, command),
      env: environment([DEFAULT_PATH, ...(config.Env ?? [])]),
      cwd,
      makeCwd: true,
    },
    user: config.User ? config.User.replace(/:$/, "") : undefined,
    spec: {
      annotations: annotations(image),
      ...(stopSignal === undefined ? {} : { stopSignal }),
      ...(healthcheck === undefined ? {} : { healthcheck }),
    },
    volumes: Object.keys(config.Volumes ?? {}).map(absolute),
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
  };
}

function commandOf({ Entrypoint, Cmd }: Config, { entrypoint, args }: CommandWords): readonly string[] {
  const first = entrypoint ?? Entrypoint ?? [];
  const own = entrypoint === undefined ? (Cmd ?? []) : [];
  const words = [...first, ...(args.length > 0 ? args : own)];
  return words[0] === "" ? [] : words;
}

/** Throws when nobody has said what is to be executed. */
export function requireCommand(args: readonly string[], name: string): void {
  if (args.length > 0) return;
  throw new LibctError("ERR_CT_USAGE", `the image ${name} says of no command, and none was given`, {
    hint: `ct run ${name} -- COMMAND...`,
  });
}

/** "NAME=value"; a later one of the same name replaces an earlier one. */
function environment(lines: readonly string[]): Readonly<Record<string, string>> {
  const variables = lines.map((line) => {
    const at = line.indexOf("=");
    return at < 0 ? ([line, ""] as const) : ([line.slice(0, at), line.slice(at + 1)] as const);
  });
  return Object.fromEntries(variables.filter(([name, value]) => name !== "" && !`${name}${value}`.includes("\0")));
}

/** Builders write relative ones, too; "." and ".." are taken by their names, as nothing in the image has been seen yet. */
function absolute(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

/** "SIGTERM", "TERM", "15", "SIGRTMIN+3" */
function readSignal(text: string | undefined): NodeJS.Signals | number | undefined {
  if (!text) return undefined;
  const word = text.toUpperCase();
  if (/^\d+$/.test(word)) return inRange(Number(word));
  const name = word.startsWith("SIG") ? word : `SIG${word}`;
  if (signalNumber(name) !== undefined) return name as NodeJS.Signals;
  const [, end, sign, more] = /^SIGRT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name) ?? [];
  if (end === undefined) return undefined; // Of another system: docker refuses it when it builds.
  // As the C library counts them: it keeps the first two for itself (signal(7)).
  return inRange((end === "MIN" ? 34 : 64) + (sign === "-" ? -1 : 1) * Number(more ?? 0));
}

const inRange = (number: number) => (number >= 1 && number <= 64 ? number : undefined);

const NANOSECONDS = 1e9;

function readHealth({ Healthcheck: check, Shell }: Config): Healthcheck | undefined {
  const [kind, ...words] = check?.Test ?? [];
  const command = kind === "CMD" ? words : kind === "CMD-SHELL" ? [...(Shell ?? ["/bin/sh", "-c"]), ...words] : [];
  // "NONE" switches off what the image below has.
  if (!check || command.length === 0) return undefined;
  const seconds = (value: number | undefined, member: string) => (value ? { [member]: value / NANOSECONDS } : {});
  return {
    command,
    ...seconds(check.Interval, "interval"),
    ...seconds(check.Timeout, "timeout"),
    ...seconds(check.StartPeriod, "startPeriod"),
    ...seconds(check.StartInterval, "startInterval"),
    ...(check.Retries ? { retries: check.Retries } : {}),
  };
}

/** image-spec, conversion.md, "Annotation Fields"; labels go first. */
function annotations(image: ImageConfig): Readonly<Record<string, string>> {
  const { os, architecture, variant, author, created, config = {} } = image;
  const told = { os, architecture, variant, author, created, stopSignal: config.StopSignal };
  const ports = Object.keys(config.ExposedPorts ?? {}).join(",");
  return Object.fromEntries([
    ...Object.entries({ ...told, exposedPorts: ports })
      .filter(([, value]) => typeof value === "string" && value !== "")
      .map(([member, value]) => [`org.opencontainers.image.${member}`, value]),
    ...Object.entries(config.Labels ?? {}).filter(([key, value]) => key !== "" && typeof value === "string"),
  ]);
}
