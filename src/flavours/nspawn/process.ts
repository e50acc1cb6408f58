import { invalid } from "../../errors.ts";
import { RLIMIT } from "../../linux/index.ts";
import type { ProcessSpec, Rlimit } from "../../spec/index.ts";
import { capabilityNames, type ImportContext, type Settings, setsOf, splitWords } from "../index.ts";
import type { Machine } from "./find.ts";
import { words, yes } from "./value.ts";

/** What every machine has (systemd-nspawn(1), --capability=). */
const USUAL =
  "audit_control audit_write chown dac_override dac_read_search fowner fsetid ipc_owner kill lease linux_immutable mknod net_bind_service net_broadcast net_raw setfcap setgid setpcap setuid sys_admin sys_boot sys_chroot sys_nice sys_ptrace sys_resource sys_tty_config";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface ProcessContext {
  readonly machine: Machine;
  readonly privateNetwork: boolean;
  readonly userNamespace: boolean;
  readonly context: ImportContext;
}

/** [Exec]: the machine's first process. */
export function translateProcess(settings: Settings, about: ProcessContext): ProcessSpec {
  const user = settings.last("Exec.User");
  const score = settings.last("Exec.OOMScoreAdjust");
  const rlimits = translateLimits(settings);
  const personality = settings.last("Exec.Personality");
  return {
    args: command(settings, about),
    cwd: settings.last("Exec.WorkingDirectory") ?? "/",
    user: user ?? { uid: 0, gid: 0 },
    env: environment(settings),
    capabilities: setsOf(capabilities(settings, about), user === undefined || user === "root"),
    noNewPrivileges: yes(settings, "Exec.NoNewPrivileges"),
    newSessionKeyring: true,
    ...(rlimits.length > 0 ? { rlimits } : {}),
    ...(score === undefined ? {} : { oomScoreAdj: Number(score) }),
    ...(personality === undefined ? {} : { personality: personality === "x86" ? "LINUX32" : "LINUX" }),
  };
}

const INITS = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/sbin/init"];

/** With Boot= the init system, which gets the parameters; else they are the command, and without any it is a shell. */
function command(settings: Settings, { machine, context }: ProcessContext): readonly string[] {
  const parameters = settings.all("Exec.Parameters").flatMap(splitWords);
  const has = (path: string) =>
    machine.root.kind === "directory" && context.kind(`${machine.root.path}${path}`) === "file";
  if (yes(settings, "Exec.Boot")) return [INITS.find(has) ?? "/sbin/init", ...parameters];
  if (parameters.length > 0) return parameters;
  return [has("/bin/bash") ? "/bin/bash" : "/bin/sh"];
}

function environment(settings: Settings): Readonly<Record<string, string>> {
  const env = new Map(
    Object.entries({ PATH, container: "systemd-nspawn", HOME: "/root", USER: "root", LOGNAME: "root" }),
  );
  const id = settings.last("Exec.MachineID");
  if (id !== undefined) env.set("container_uuid", id);
  for (const word of settings.all("Exec.Environment").flatMap(splitWords)) {
    const equals = word.indexOf("=");
    if (equals <= 0) throw invalid("Exec.Environment", word, "NAME=VALUE");
    env.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return Object.fromEntries(env);
}

function capabilities(
  settings: Settings,
  { privateNetwork, userNamespace, context }: ProcessContext,
): readonly string[] {
  const all = context.capabilities(userNamespace);
  const kept = new Set(capabilityNames(USUAL.split(" ")).names);
  if (privateNetwork) kept.add("CAP_NET_ADMIN");
  for (const word of settings.all("Exec.Capability").flatMap(words)) {
    if (word === "all") for (const name of all) kept.add(name);
    else kept.add(nameOf("Exec.Capability", word));
  }
  for (const word of settings.all("Exec.DropCapability").flatMap(words)) {
    if (word === "all") kept.clear();
    else kept.delete(nameOf("Exec.DropCapability", word));
  }
  return all.filter((name) => kept.has(name));
}

function nameOf(key: string, word: string): string {
  const [name] = capabilityNames([word]).names;
  if (name === undefined) throw invalid(key, word, "a capability, such as CAP_NET_ADMIN");
  return name;
}

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

function translateLimits(settings: Settings): readonly Rlimit[] {
  return settings.below("Exec.Limit").flatMap(({ key, name, value }) => {
    if (!Object.hasOwn(RLIMIT, name)) throw invalid(key, name, `one of ${Object.keys(RLIMIT).join(", ")}`);
    const [soft = "", hard = soft] = value.split(":");
    return [{ type: `RLIMIT_${name}`, soft: limit(key, soft), hard: limit(key, hard) }];
  });
}

function limit(key: string, text: string): number {
  if (text === "infinity") return -1;
  const [, digits, unit] = /^(\d+)([KMGT])?$/.exec(text) ?? [];
  if (digits === undefined) throw invalid(key, text, 'a number, or "infinity"');
  return Number(digits) * (unit === undefined ? 1 : (UNITS[unit] ?? 1));
}
