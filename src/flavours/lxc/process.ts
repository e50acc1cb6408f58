import { invalid } from "../../errors.ts";
import { RLIMIT } from "../../linux/index.ts";
import type { ProcessSpec, Rlimit } from "../../spec/index.ts";
import { type ImportContext, type Settings, splitWords } from "../index.ts";
import { capabilities, labels } from "./identity.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The container's first process, which lxc-start executes. */
export function translateProcess(settings: Settings, userNamespace: boolean, context: ImportContext): ProcessSpec {
  const uid = number(settings, "lxc.init.uid") ?? 0;
  const gid = number(settings, "lxc.init.gid") ?? 0;
  const groups = settings.last("lxc.init.groups");
  const score = settings.last("lxc.proc.oom_score_adj");
  const rlimits = translateRlimits(settings);
  const personality = translateArch(settings);
  return {
    args: splitWords(settings.last("lxc.init.cmd") ?? "/sbin/init"),
    cwd: settings.last("lxc.init.cwd") ?? "/",
    user: { uid, gid, ...(groups === undefined ? {} : { additionalGids: groups.split(/[\s,]+/).map(Number) }) },
    // Init systems look for the first (systemd's container interface).
    env: { container: "lxc", PATH, ...environment(settings, context) },
    capabilities: capabilities(settings, userNamespace, uid === 0, context),
    noNewPrivileges: settings.last("lxc.no_new_privs") === "1",
    newSessionKeyring: settings.last("lxc.keyring.session") !== "0",
    ...(rlimits.length > 0 ? { rlimits } : {}),
    ...(score === undefined ? {} : { oomScoreAdj: Number(score) }),
    ...(personality === undefined ? {} : { personality }),
    ...labels(settings, context),
  };
}

/** A name without a value is the caller's variable. */
function environment(settings: Settings, { env }: ImportContext): Readonly<Record<string, string>> {
  const found = new Map<string, string>();
  for (const value of [...settings.all("lxc.environment"), ...settings.all("lxc.environment.runtime")]) {
    const equals = value.indexOf("=");
    const name = equals < 0 ? value : value.slice(0, equals);
    const text = equals < 0 ? env(name) : value.slice(equals + 1);
    if (text !== undefined) found.set(name, text);
  }
  return Object.fromEntries(found);
}

function translateRlimits(settings: Settings): readonly Rlimit[] {
  const limits = settings.below("lxc.prlimit.").map(({ key, name, value }) => {
    const type = name.toUpperCase();
    if (!Object.hasOwn(RLIMIT, type))
      throw invalid(key, name, `one of ${Object.keys(RLIMIT).join(", ").toLowerCase()}`);
    const [soft = "", hard = soft] = value.split(":").map((part) => part.trim());
    return { type: `RLIMIT_${type}`, soft: limit(key, soft), hard: limit(key, hard) };
  });
  return [...new Map(limits.map((one) => [one.type, one])).values()];
}

function limit(key: string, text: string): number {
  if (text === "unlimited") return -1;
  if (/^\d+$/.test(text)) return Number(text);
  throw invalid(key, text, 'a number or "unlimited", or two of them with ":" between');
}

export function number(settings: Settings, key: string): number | undefined {
  const value = settings.last(key);
  if (value === undefined || /^\d+$/.test(value)) return value === undefined ? undefined : Number(value);
  throw invalid(key, value, "a number");
}

const ARCHITECTURES_32 = /^(x86|i[3-6]86|arm|armel|armhf|armv7l|athlon|linux32|powerpc|mips|mipsel)$/;

function translateArch(settings: Settings): ProcessSpec["personality"] {
  const arch = settings.last("lxc.arch");
  if (arch === undefined) return undefined;
  return ARCHITECTURES_32.test(arch) ? "LINUX32" : "LINUX";
}
