import { nearest } from "../errors.ts";
import { CAPABILITIES, RLIMIT } from "../linux/index.ts";
import type { CapabilitySets, Landlock, Personality, ProcessSpec, Rlimit, User } from "./process-spec.ts";
import {
  either,
  flag,
  id,
  integer,
  isObject,
  LAST_ID,
  list,
  object,
  oneOf,
  path,
  type Schema,
  text,
  texts,
  textThat,
  value,
} from "./schema-base.ts";
import { execCPUAffinity, ioPriority, scheduler } from "./schema-scheduling.ts";

const KNOWN_CAPABILITIES: ReadonlySet<unknown> = new Set(CAPABILITIES);

/** Exactly the kernel's names; the hint has the right one for "net_admin". */
const capability: Schema<string> = value(
  (input) => KNOWN_CAPABILITIES.has(input),
  (input) => {
    const near = nearest(String(input), CAPABILITIES);
    return `the name of a capability, such as "CAP_CHOWN"\n${near ? `did you mean "${near}"?` : "capabilities(7) has them all"}`;
  },
);

const capabilityList = list(capability);
const capabilities = object<CapabilitySets>(
  {},
  {
    bounding: capabilityList,
    effective: capabilityList,
    permitted: capabilityList,
    inheritable: capabilityList,
    ambient: capabilityList,
  },
);

const RLIMIT_NAMES = Object.fromEntries(Object.keys(RLIMIT).map((name) => [`RLIMIT_${name}`, true]));
const limit = integer(-1, Number.MAX_SAFE_INTEGER, "-1 is unlimited");
const rlimit = object<Rlimit>({ type: oneOf(RLIMIT_NAMES), soft: limit, hard: limit }, {});

/** NGROUPS_MAX of <linux/limits.h> */
const MOST_GROUPS = 65536;
const groups = value<readonly number[]>(
  (input) => !Array.isArray(input) || input.length <= MOST_GROUPS,
  `at most ${MOST_GROUPS} groups`,
);
const userIds = object<User>(
  { uid: id, gid: id },
  {
    additionalGids: either((input) => Array.isArray(input) && input.length > MOST_GROUPS, groups, list(id)),
    umask: integer(0, 0o777),
  },
);
/** Ids in text are checked as ids: "4294967295" would be "unchanged". */
const isUserText = (input: string) =>
  /^[^:]+(:[^:]+)?$/.test(input) && input.split(":").every((part) => !/^\d+$/.test(part) || Number(part) <= LAST_ID);
const userText = textThat(isUserText, '"user" or "user:group", by names or ids');

const port = integer(0, 65535);
const landlock = object<Landlock>(
  {},
  { readOnly: list(path), readWrite: list(path), bindTcp: list(port), connectTcp: list(port) },
);

const consoleSize = object<NonNullable<ProcessSpec["consoleSize"]>>({ height: port, width: port }, {});

const required = { args: list(text, 1) };
const domain = oneOf<Personality["domain"]>({ LINUX: true, LINUX32: true });
const noFlag = value<never>(() => false, "no flag: the runtime-spec has none");
const personality = either(isObject, object<Personality>({ domain }, { flags: list(noFlag) }), domain);

const optional = {
  env: texts((name) => name !== "" && !/[=\0]/.test(name), 'the name of a variable, without "=" and NUL bytes'),
  homeFromPasswd: flag,
  cwd: path,
  makeCwd: flag,
  user: either(isObject, userIds, userText),
  capabilities,
  noNewPrivileges: flag,
  rlimits: list(rlimit),
  oomScoreAdj: integer(-1000, 1000),
  apparmorProfile: text,
  selinuxLabel: text,
  landlock,
  newSessionKeyring: flag,
  personality,
  terminal: flag,
  consoleSize,
  scheduler,
  ioPriority,
  execCPUAffinity,
};

export const processSchema = object<ProcessSpec>(required, optional);
/** A container's defaults for its processes. */
export const processDefaultsSchema = object<Partial<ProcessSpec>>({}, { ...required, ...optional });
