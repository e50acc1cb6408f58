import { readFileSync } from "node:fs";
import type {
  Command,
  ContainerSpec,
  ExitStatus,
  Host,
  NamespaceType,
  Process,
  StartOptions,
} from "../../src/index.ts";

export interface Captured extends ExitStatus {
  readonly stdout: string;
  readonly stderr: string;
}

/** What a running process writes, and how it ends. */
export async function outcome(process: Process): Promise<Captured> {
  const [stdout, stderr, status] = await Promise.all([text(process.stdout), text(process.stderr), process.wait()]);
  return { ...status, stdout, stderr };
}

/** Runs a command in a container of its own. */
export async function capture(
  host: Host,
  spec: ContainerSpec,
  command: Command,
  options: StartOptions = {},
): Promise<Captured> {
  await using container = await host.create(spec);
  return await outcome(await container.start(command, options));
}

/** As `capture`, for a script of the shell that must succeed: its output without the last newline. */
export async function shell(
  host: Host,
  spec: ContainerSpec,
  script: string,
  process: Partial<Exclude<Command, readonly string[]>> = {},
): Promise<string> {
  const result = await capture(host, spec, { ...process, args: ["/bin/sh", "-c", script] });
  if (result.exitCode !== 0) throw new Error(`status ${result.exitCode}: ${result.stdout}${result.stderr}`);
  return result.stdout.trimEnd();
}

async function text(stream: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Reads a process's output until it has written `wanted`. */
export async function waitForOutput(process: Process, wanted: string): Promise<string> {
  let seen = "";
  const { stdout } = process;
  if (!stdout) throw new Error("stdout is no pipe");
  return await new Promise((resolve, reject) => {
    const finish = (end: () => void) => {
      stdout.off("data", take).off("end", ended);
      end();
    };
    const take = (chunk: Uint8Array) => {
      seen += Buffer.from(chunk).toString("utf8");
      if (seen.includes(wanted)) finish(() => resolve(seen));
    };
    const ended = () => finish(() => reject(new Error(`ended without ${JSON.stringify(wanted)}: ${seen}`)));
    stdout.on("data", take).on("end", ended);
  });
}

/** The names that /proc/PID/ns has for the types. */
export const NAMESPACE_FILES: Readonly<Record<NamespaceType, string>> = {
  user: "user",
  mount: "mnt",
  pid: "pid",
  network: "net",
  ipc: "ipc",
  uts: "uts",
  cgroup: "cgroup",
  time: "time",
};

/** A line of /proc/PID/mountinfo, for what lies on `mountPoint`; the last one when there are several. */
export function mountLine(mountinfo: string, mountPoint: string): MountLine {
  const lines = mountinfo.split("\n").filter((line) => line.split(" ")[4] === mountPoint);
  const fields = lines.at(-1)?.split(" ");
  if (!fields) throw new Error(`nothing is mounted on ${mountPoint}:\n${mountinfo}`);
  const dash = fields.indexOf("-");
  return {
    options: (fields[5] ?? "").split(","),
    propagation: fields.slice(6, dash).map((field) => field.split(":")[0] ?? ""),
    type: fields[dash + 1] ?? "",
    superOptions: (fields[dash + 3] ?? "").split(","),
  };
}

export interface MountLine {
  readonly options: readonly string[];
  /** shared, master, unbindable; nothing is private. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly superOptions: readonly string[];
}

/** A property of this process from /proc/self/status, in bytes. */
export function ownMemory(field: "VmRSS" | "VmHWM"): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  return Number(match?.[1]) * 1024;
}
