import { spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import type { Channel, ChannelListener } from "./channel.ts";

/** With what every runtime has that knows Node's modules. */
export function openChannel(path: string, listener: ChannelListener, passed: readonly number[]): Channel {
  const child = spawn(path, passed.map(String), { stdio: ["inherit", "inherit", "inherit", ...passed, "pipe"] });
  const control = child.stdio.at(3 + passed.length) as Duplex & { ref?(): void; unref?(): void };
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  child.once("error", (cause) => listener.ended(`cannot start the executor ${path}`, cause));
  child.once("exit", (code, signal) => listener.ended(`the executor ended (${signal ?? `status ${code}`})`));
  control.on("data", (chunk: Uint8Array) => listener.data(chunk));
  control.on("error", (cause) => listener.ended("the executor's control socket failed", cause));
  child.unref();
  return {
    pid: child.pid ?? -1,
    write: (bytes) => void control.write(bytes),
    hold: (alive) => (alive ? control.ref?.() : control.unref?.()),
    close: () => {
      control.ref?.();
      child.ref();
      control.end();
      return exited;
    },
  };
}
