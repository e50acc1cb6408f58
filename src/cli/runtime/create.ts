import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { planCgroup, readView } from "../../cgroup/index.ts";
import { LibctError } from "../../errors.ts";
import { parseConfig, type Translation, translateConfig } from "../../flavours/oci/index.ts";
import type { Container, StartOptions } from "../../host/index.ts";
import { absolutePath } from "../../linux/index.ts";
import type { ContainerSpec, ProcessSpec } from "../../spec/index.ts";
import { preservedFds } from "../preserve-fds.ts";
import type { FlagTable } from "../syntax.ts";
import type { Log } from "./log.ts";
import { isRootless } from "./rootless.ts";
import type { Runtime } from "./runtime.ts";
import { type RuntimeSyntax, readCommand } from "./syntax.ts";

export interface CreateFlags {
  readonly bundle?: string;
  readonly consoleSocket?: string;
  readonly pidfdSocket?: string;
  readonly pidFile?: string;
  readonly noPivot?: true;
  readonly noNewKeyring?: true;
  readonly preserveFds?: string;
}

export const CREATE_FLAGS: FlagTable<CreateFlags> = {
  bundle: { short: "-b", value: "dir", text: "the directory with config.json (default: the current one)" },
  consoleSocket: { value: "path", text: "a Unix socket whose listener gets the master of the container's terminal" },
  pidfdSocket: { value: "path", text: "a Unix socket whose listener gets a pidfd of the container's first process" },
  pidFile: { value: "file", text: "write the pid of the container's first process there" },
  noPivot: { text: "do not use pivot_root (for a host that runs on an initramfs)" },
  noNewKeyring: { text: "keep the session keyring of the caller" },
  preserveFds: { value: "n", text: "pass n further descriptors on, from 3 upward" },
};

const SYNTAX: RuntimeSyntax<CreateFlags> = {
  summary: "make a container whose command waits for start",
  usage: "[options] CONTAINER",
  words: [1, 1],
  flags: CREATE_FLAGS,
};

export async function create(runtime: Runtime, line: readonly string[]): Promise<number> {
  const { flags, words } = readCommand("create", SYNTAX, line);
  await prepare(runtime, words[0] ?? "", flags);
  return 0;
}

/** Makes the container of a bundle; its command waits to be started. */
export async function prepare(runtime: Runtime, id: string, flags: CreateFlags): Promise<Container> {
  const { spec, process } = readBundle(runtime, id, flags);
  requireConsole(process.terminal ?? false, flags.consoleSocket, true);
  const host = await runtime.host();
  const container = await host.create(spec);
  const { pid } = await container.prepare(process, inherited(flags));
  runtime.log.debug(`the process ${pid} has set ${id} up, and waits to be its command`);
  try {
    if (flags.pidFile !== undefined) writePid(flags.pidFile, pid);
  } catch (error) {
    await container.remove({ force: true });
    throw error;
  }
  return container;
}

/** What a bundle's config.json asks for. */
export function readBundle(
  { globals, log }: Runtime,
  id: string,
  flags: CreateFlags,
): Pick<Translation, "spec"> & { readonly process: ProcessSpec } {
  if (!/^[\w+.-]{1,128}$/.test(id) || id === "." || id === "..") throw badId(id);
  const bundle = absolutePath(flags.bundle ?? ".");
  const rootless = isRootless(globals);
  const translated = translateConfig(parseConfig(readConfig(bundle)), {
    id,
    bundle,
    noPivot: flags.noPivot ?? false,
    noNewKeyring: flags.noNewKeyring ?? false,
    systemdCgroup: globals.systemdCgroup ?? globals.cgroupManager === "systemd",
    noCgroups: globals.cgroupManager === "disabled",
    rootless,
    kcore: existsSync("/proc/kcore"),
  });
  for (const warning of translated.warnings) log.warn(warning);
  const { process: command } = translated;
  if (!command) {
    throw new LibctError(
      "ERR_CT_INVALID_SPEC",
      "config.json has no process, and a container without one cannot be started",
      {
        member: "process",
      },
    );
  }
  // Whoever enters without saying more gets what the container's own process has.
  const spec = withNotifySocket({ ...translated.spec, process: withListening(command) });
  return { spec: rootless ? withPossibleCgroup(spec, log) : spec, process: spec.process };
}

/** How many sockets a service manager has opened for the command (sd_listen_fds(3)). */
const listening = () => Number(process.env.LISTEN_FDS ?? 0);

/** Who looks for them is the container's first process. */
const withListening = (command: ProcessSpec): ProcessSpec =>
  listening() === 0 ? command : { ...command, env: { ...command.env, LISTEN_FDS: `${listening()}`, LISTEN_PID: "1" } };

/** The command may tell the service manager that started us how it is (sd_notify(3)). */
function withNotifySocket(
  spec: ContainerSpec & { readonly process: ProcessSpec },
): ContainerSpec & { readonly process: ProcessSpec } {
  const source = process.env.NOTIFY_SOCKET;
  if (source === undefined || !source.startsWith("/")) return spec;
  const destination = "/run/notify/notify.sock";
  const mounts = [...(spec.mounts ?? []), { destination, type: "bind", source, options: ["bind"] }];
  return { ...spec, mounts, process: { ...spec.process, env: { ...spec.process.env, NOTIFY_SOCKET: destination } } };
}

/** Engines say a path for every container. Without rights it is done without, as long as nothing is to be limited. */
function withPossibleCgroup(spec: ContainerSpec, log: Log): ContainerSpec {
  const { cgroupsPath, name = "", ...rest } = spec;
  if (cgroupsPath === undefined) return spec;
  try {
    planCgroup({ resources: {}, cgroupsPath, name }, readView());
    return spec;
  } catch (error) {
    if (!(error instanceof LibctError) || error.code !== "ERR_CT_NOT_PERMITTED") throw error;
    log.debug(`linux.cgroupsPath: no cgroup is made: ${error.message}`);
    return { ...rest, name };
  }
}

function readConfig(bundle: string): string {
  const path = `${bundle}/config.json`;
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new LibctError("ERR_CT_INVALID_SPEC", `JSON specification file ${path} cannot be read: ${code}`, {
      path,
      errno: code,
      hint: "give the directory that has it by --bundle",
      cause,
    });
  }
}

const badId = (id: string) =>
  new LibctError("ERR_CT_USAGE", `invalid container ID ${JSON.stringify(id)}`, {
    hint: 'it consists of letters, digits, "_", "+", "-" and ".", and is not "." or ".."',
  });

/** Who is not waited for needs a console socket for its terminal, and nobody else does. */
export function requireConsole(terminal: boolean, consoleSocket: string | undefined, detached: boolean): void {
  if (terminal && detached && consoleSocket === undefined)
    throw new LibctError(
      "ERR_CT_USAGE",
      "cannot allocate tty if ct-runtime will detach without setting console socket",
    );
  if ((!terminal || !detached) && consoleSocket !== undefined)
    throw new LibctError("ERR_CT_USAGE", "cannot use console socket if ct-runtime will not detach or allocate tty");
}

/** The streams of the caller's, and who gets descriptors. */
export function inherited(flags: Pick<CreateFlags, "consoleSocket" | "pidfdSocket" | "preserveFds">): StartOptions {
  const passed = Number(flags.preserveFds ?? 0) + listening();
  return {
    ...preservedFds(passed === 0 ? undefined : `${passed}`),
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    consoleSocket: absolute(flags.consoleSocket),
    pidfdSocket: absolute(flags.pidfdSocket),
  };
}

const absolute = (path: string | undefined) => (path === undefined ? undefined : absolutePath(path));

/** Whole or not at all, since somebody may be waiting for it. */
export function writePid(file: string, pid: number): void {
  const path = absolutePath(file);
  const at = path.lastIndexOf("/");
  const fresh = `${path.slice(0, at)}/.${path.slice(at + 1)}`;
  writeFileSync(fresh, String(pid), { mode: 0o666 });
  renameSync(fresh, path);
}
