import type { Cgroup } from "../cgroup/index.ts";
import { LibctError } from "../errors.ts";
import { type ContainerNetworks, type ContainerSpec, formatJson, type ProcessSpec, parseJson } from "../spec/index.ts";
import { type ProcessIdentity, parseStat } from "./process-identity.ts";

/** What is written about a container when it is made. A reader knows versions up to its own. */
export interface ContainerRecord {
  readonly version: 1;
  /** Milliseconds since the epoch */
  readonly created: number;
  /** The application that makes it. */
  readonly creator: ProcessIdentity;
  readonly bootId: string;
  /** As it was given; of a root driver only what is data. */
  readonly spec: ContainerSpec;
  readonly process: ProcessSpec;
  /** Undefined where it has none. */
  readonly cgroup?: Cgroup | undefined;
  /** It waits before its command until it is started. */
  readonly held: boolean;
  /** The work directory that its overlay has on the host. */
  readonly work?: string | undefined;
  /** Its addresses in managed networks, and its published ports. */
  readonly networks?: ContainerNetworks | undefined;
}

/** Who runs, as the monitor's program wrote it down. */
export interface RunningState {
  readonly init: ProcessIdentity;
  readonly monitor: ProcessIdentity;
  /** How often it had been started again. */
  readonly restarts: number;
}

/** The members that a record must have, and how each is told. */
const MEMBERS: Readonly<Record<keyof ContainerRecord, (value: unknown) => boolean>> = {
  version: (value) => value === 1,
  created: (value) => typeof value === "number",
  creator: (value) =>
    has(value, "pid", "number") && has(value, "startTime", "number") && has(value, "bootId", "string"),
  bootId: (value) => typeof value === "string",
  spec: (value) => typeof value === "object" && value !== null,
  process: (value) => typeof value === "object" && value !== null && "args" in value && Array.isArray(value.args),
  cgroup: (value) => value === undefined || (typeof value === "object" && value !== null && "directories" in value),
  held: (value) => typeof value === "boolean",
  work: (value) => value === undefined || typeof value === "string",
  networks: (value) =>
    value === undefined || (typeof value === "object" && value !== null && "interfaces" in value && "ports" in value),
};

const has = (value: unknown, member: string, type: "number" | "string"): boolean =>
  typeof value === "object" && value !== null && typeof Reflect.get(value, member) === type;

export const encodeRecord = (record: ContainerRecord): string => `${formatJson(record)}\n`;

/** Throws ERR_CT_STATE for what is cut off, foreign, or of a later libct. */
export function decodeRecord(text: string, path: string): ContainerRecord {
  let input: unknown;
  try {
    input = parseJson(text);
  } catch (cause) {
    throw unreadable("is not JSON", path, cause);
  }
  const members: object = typeof input === "object" && input !== null ? input : {};
  const version: unknown = Reflect.get(members, "version");
  if (typeof version === "number" && version > 1) throw unreadable(`has version ${version}, of a later libct`, path);
  const wrong = Object.entries(MEMBERS).find(([member, test]) => !test(Reflect.get(members, member)));
  if (wrong) throw unreadable(`has no valid ${wrong[0]}`, path);
  return withRoot(members as ContainerRecord);
}

/** Of a root driver only what is data is written down: what it does is not known any more. */
function withRoot(record: ContainerRecord): ContainerRecord {
  const { root } = record.spec;
  if (typeof root !== "object") return record;
  const plan = () => {
    throw new LibctError("ERR_CT_STATE", "a container that was found cannot be made again", { member: "root" });
  };
  return { ...record, spec: { ...record.spec, root: { ...root, plan } } };
}

const unreadable = (what: string, path: string, cause?: unknown) =>
  new LibctError("ERR_CT_STATE", `the record ${path} ${what}`, {
    path,
    hint: "`ct rm --force` removes what is left of the container",
    cause,
  });

/** Two lines of /proc/PID/stat, init's and the monitor's, and a line "restarts N". Undefined when they are not whole. */
export function decodeState(text: string, bootId: string): RunningState | undefined {
  const lines = text.split("\n");
  const [init, monitor] = lines.map((line) => identityOf(line, bootId));
  const restarts = /^restarts +(\d+)$/.exec(lines[2] ?? "")?.[1] ?? 0;
  return init && monitor ? { init, monitor, restarts: Number(restarts) } : undefined;
}

function identityOf(line: string, bootId: string): ProcessIdentity | undefined {
  const pid = /^(\d+) \(/.exec(line)?.[1];
  if (pid === undefined) return undefined;
  const { startTime } = parseStat(line);
  return Number.isInteger(startTime) ? { pid: Number(pid), startTime, bootId } : undefined;
}
