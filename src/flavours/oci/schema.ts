import {
  flag,
  id,
  integer,
  ioPriority,
  list,
  object,
  type Schema,
  scheduler,
  someText,
  text,
  texts,
} from "../../spec/index.ts";
import type {
  OciCapabilities,
  OciConfig,
  OciHook,
  OciHooks,
  OciMount,
  OciProcess,
  OciRlimit,
  OciRoot,
  OciUser,
} from "./config.ts";
import { idMapping, linux } from "./schema-linux.ts";
import { uint64 } from "./schema-resources.ts";

const mount = object<OciMount>(
  { destination: someText },
  { type: text, source: text, options: list(text), uidMappings: list(idMapping), gidMappings: list(idMapping) },
);

const names = list(text);
const capabilities = object<OciCapabilities>(
  {},
  { bounding: names, effective: names, permitted: names, inheritable: names, ambient: names },
);

const columns = integer(0, 0xffff);
export const processSchema = object<OciProcess>(
  { cwd: text },
  {
    args: list(text),
    env: list(text),
    terminal: flag,
    consoleSize: object<NonNullable<OciProcess["consoleSize"]>>({ height: columns, width: columns }, {}),
    user: object<OciUser>({}, { uid: id, gid: id, additionalGids: list(id), umask: integer(0, 0xffffffff) }),
    capabilities,
    rlimits: list(object<OciRlimit>({ type: text, soft: uint64, hard: uint64 }, {})),
    noNewPrivileges: flag,
    apparmorProfile: text,
    selinuxLabel: text,
    oomScoreAdj: integer(-1000, 1000),
    scheduler,
    ioPriority,
    execCPUAffinity: object<NonNullable<OciProcess["execCPUAffinity"]>>({}, { initial: text, final: text }),
  },
);

const hook = object<OciHook>({ path: text }, { args: list(text), env: list(text), timeout: integer(1, 0x7fff_ffff) });
const hookList = list(hook);
const hooks = object<OciHooks>(
  {},
  {
    prestart: hookList,
    createRuntime: hookList,
    createContainer: hookList,
    startContainer: hookList,
    poststart: hookList,
    poststop: hookList,
  },
);

export const configSchema: Schema<OciConfig> = object<OciConfig>(
  { ociVersion: text, root: object<OciRoot>({ path: someText }, { readonly: flag }) },
  {
    mounts: list(mount),
    process: processSchema,
    hostname: text,
    domainname: text,
    linux,
    hooks,
    annotations: texts((name) => name !== "", "the name of an annotation"),
  },
);
