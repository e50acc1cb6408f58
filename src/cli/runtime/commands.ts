import type { Runtime } from "./runtime.ts";

export type RuntimeCommand = (runtime: Runtime, line: readonly string[]) => Promise<number>;

/** Each command is a file, which is loaded when it is called. */
export const COMMANDS: Readonly<Record<string, RuntimeCommand>> = {
  create: async (runtime, line) => (await import("./create.ts")).create(runtime, line),
  run: async (runtime, line) => (await import("./run.ts")).run(runtime, line),
  start: async (runtime, line) => (await import("./control.ts")).start(runtime, line),
  kill: async (runtime, line) => (await import("./kill.ts")).kill(runtime, line),
  delete: async (runtime, line) => (await import("./control.ts")).remove(runtime, line),
  state: async (runtime, line) => (await import("./state.ts")).state(runtime, line),
  exec: async (runtime, line) => (await import("./exec.ts")).exec(runtime, line),
  list: async (runtime, line) => (await import("./list.ts")).list(runtime, line),
  ps: async (runtime, line) => (await import("./ps.ts")).ps(runtime, line),
  events: async (runtime, line) => (await import("./events.ts")).events(runtime, line),
  pause: async (runtime, line) => (await import("./control.ts")).pause(runtime, line),
  resume: async (runtime, line) => (await import("./control.ts")).resume(runtime, line),
  update: async (runtime, line) => (await import("./update.ts")).update(runtime, line),
  spec: async (runtime, line) => (await import("./spec.ts")).spec(runtime, line),
  features: async (runtime, line) => (await import("./spec.ts")).features(runtime, line),
  checkpoint: async (runtime, line) => (await import("./checkpoint.ts")).checkpoint(runtime, line),
  restore: async (runtime, line) => (await import("./checkpoint.ts")).restore(runtime, line),
};
