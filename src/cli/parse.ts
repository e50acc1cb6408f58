import { readFileSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { CAPABILITIES, capabilityNumber } from "../linux/index.ts";
import { DEFAULT_CAPABILITIES, type Device, type IdMapping, type Rlimit } from "../spec/index.ts";

/** A flag whose value cannot be meant: the flag, the value, what was expected. */
export function wrong(flag: string, value: string, expected: string): LibctError {
  return new LibctError("ERR_CT_USAGE", `${flag} ${JSON.stringify(value)}: expected ${expected}`);
}

/** "K=V", or "K" to take the caller's value; files hold a line for each, and comments after "#". */
export function parseEnv(
  words: readonly string[],
  files: readonly string[],
  own: NodeJS.ProcessEnv,
): Record<string, string> {
  const env: Record<string, string> = {};
  const lines = files.flatMap((file) =>
    readText("--env-file", file)
      .split("\n")
      .filter((line) => line.trim() !== "" && !line.startsWith("#")),
  );
  for (const word of [...lines, ...words]) {
    const at = word.indexOf("=");
    const name = at < 0 ? word : word.slice(0, at);
    if (name === "") throw wrong("--env", word, "NAME=VALUE, or NAME to pass the caller's value on");
    const value = at < 0 ? own[name] : word.slice(at + 1);
    if (value !== undefined) env[name] = value;
  }
  return env;
}

export function readText(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new LibctError("ERR_CT_USAGE", `${flag} ${file}: ${code}`, { path: file, errno: code, cause });
  }
}

/** NAME=SOFT[:HARD], as docker has it: nofile=1024:2048, core=0, nproc=unlimited. */
export function parseUlimit(word: string): Rlimit {
  const match = /^([a-z]+)=(-?\d+|unlimited)(?::(-?\d+|unlimited))?$/.exec(word);
  if (!match?.[1] || !match[2]) throw wrong("--ulimit", word, "NAME=SOFT[:HARD], such as nofile=1024:2048");
  const number = (text: string) => (text === "unlimited" ? -1 : Number(text));
  const soft = number(match[2]);
  return { type: `RLIMIT_${match[1].toUpperCase()}`, soft, hard: match[3] === undefined ? soft : number(match[3]) };
}

export function parseSysctl(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => splitPair("--sysctl", word, "NAME=VALUE, such as net.ipv4.ip_forward=1")),
  );
}

function splitPair(flag: string, word: string, expected: string): [string, string] {
  const at = word.indexOf("=");
  if (at <= 0) throw wrong(flag, word, expected);
  return [word.slice(0, at), word.slice(at + 1)];
}

/** CONTAINER:HOST:SIZE */
export function parseIdMap(flag: string, word: string): IdMapping {
  const match = /^(\d+):(\d+):(\d+)$/.exec(word);
  if (!match) throw wrong(flag, word, "CONTAINER:HOST:SIZE, such as 0:100000:65536");
  const [containerID, hostID, size] = match.slice(1).map(Number) as [number, number, number];
  return { containerID, hostID, size };
}

/** The bounding set: Docker's default, plus and minus what was said; "ALL" stands for every capability. */
export function parseCapabilities(add: readonly string[], drop: readonly string[]): readonly string[] {
  const named = (flag: string, word: string): readonly string[] => {
    const upper = word.toUpperCase();
    if (upper === "ALL") return CAPABILITIES;
    const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (capabilityNumber(name) === undefined)
      throw wrong(flag, word, "a capability such as NET_ADMIN, or ALL (see capabilities(7))");
    return [name];
  };
  const set = new Set(DEFAULT_CAPABILITIES);
  for (const word of drop) for (const name of named("--cap-drop", word)) set.delete(name);
  for (const word of add) for (const name of named("--cap-add", word)) set.add(name);
  return CAPABILITIES.filter((name) => set.has(name));
}

/** HOST[:CONTAINER]: a device of the host under its own name or another. */
export function parseDevice(word: string, lookUp: (path: string) => Omit<Device, "path"> | undefined): Device {
  const [host = "", path = host, rest] = word.split(":");
  if (!host.startsWith("/") || !path.startsWith("/") || rest !== undefined) {
    throw wrong("--device", word, "HOST[:CONTAINER], such as /dev/fuse or /dev/ttyS0:/dev/modem");
  }
  const device = lookUp(host);
  if (!device) throw wrong("--device", word, "a device node that exists on the host");
  return { ...device, path };
}
