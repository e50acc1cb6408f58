import { spawn } from "node:child_process";
import { LibctError } from "../errors.ts";
import type { Hook, Hooks, OciState } from "../spec/index.ts";

/** The hooks that are executed in the namespaces of whoever makes the container. */
export type RuntimeHook = "prestart" | "createRuntime" | "poststart" | "poststop";

/** Runs the hooks of these names, one after the other. Throws ERR_CT_HOOK for the first that fails, with what it has said; none follows it. */
export async function runHooks(
  hooks: Hooks | undefined,
  names: readonly RuntimeHook[],
  state: OciState,
): Promise<void> {
  for (const name of names) {
    for (const [index, hook] of (hooks?.[name] ?? []).entries()) await runHook(hook, `hooks.${name}[${index}]`, state);
  }
}

/** As `runHooks`, for when all must be run whatever happens to one: gives what went wrong. */
export async function runAllHooks(hooks: Hooks | undefined, name: RuntimeHook, state: OciState): Promise<LibctError[]> {
  const failures: LibctError[] = [];
  for (const [index, hook] of (hooks?.[name] ?? []).entries()) {
    await runHook(hook, `hooks.${name}[${index}]`, state).catch((error: LibctError) => failures.push(error));
  }
  return failures;
}

function runHook(hook: Hook, member: string, state: OciState): Promise<void> {
  const { path, args: [name = path, ...words] = [], env = {}, timeout } = hook;
  return new Promise((resolve, reject) => {
    const fail = (what: string, cause?: unknown) =>
      reject(new LibctError("ERR_CT_HOOK", `the hook ${path} ${what}`, { path, member, cause }));
    const child = spawn(path, words, { argv0: name, env: { ...env }, stdio: ["pipe", "pipe", "pipe"] });
    const said: Buffer[] = [];
    let late = false;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => keep(said, chunk));
    const timer = timeout === undefined ? undefined : setTimeout(() => stop(), timeout * 1000);
    const stop = () => {
      late = true;
      child.kill("SIGKILL");
    };
    // A hook need not read its state.
    child.stdin.on("error", () => undefined);
    child.stdin.end(JSON.stringify(state));
    child.on("error", (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(`cannot be executed: ${cause.code}`, cause);
    });
    // Not "close": what the hook has left in the background may keep its streams.
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
      if (late) fail(`took longer than ${timeout} s`);
      else if (code === 0) resolve();
      else fail(`failed (${signal ?? `status ${code}`})${tell(said)}`);
    });
  });
}

const MOST_WORDS = 4096;
function keep(said: Buffer[], chunk: Buffer): void {
  const room = MOST_WORDS - said.reduce((sum, { length }) => sum + length, 0);
  if (room > 0) said.push(chunk.subarray(0, room));
}

function tell(said: readonly Buffer[]): string {
  const text = Buffer.concat(said).toString("utf8").trim();
  return text === "" ? "" : `: ${text}`;
}
