import { parseFlat } from "./files.ts";
import type { IoStats, Pressure, PressureLine } from "./stats.ts";

/** PAGE_COUNTER_MAX of version 1: LONG_MAX rounded down to pages, which may have up to 64 KiB. */
const UNLIMITED = 2 ** 63 - 2 ** 16;

/** A number, or undefined when there is no limit. */
export function parseLimit(text: string): number | undefined {
  const value = text.trim();
  if (value === "max" || value === "-1") return undefined;
  const number = Number(value);
  return number >= UNLIMITED ? undefined : number;
}

/** blkio-controller.rst: lines of device, operation and number. */
export function parseIoV1(bytes: string, operations: string): readonly IoStats[] {
  const devices = new Map<string, Record<string, number>>();
  const take = (text: string, suffix: string) => {
    for (const [, device = "", operation = "", number] of text.matchAll(/^(\d+:\d+) (Read|Write) (\d+)$/gm)) {
      const known = devices.get(device) ?? {};
      known[`${operation.toLowerCase()}${suffix}`] = Number(number);
      devices.set(device, known);
    }
  };
  take(bytes, "Bytes");
  take(operations, "Operations");
  return [...devices].map(([device, values]) => ioStats(device, (name) => values[name]));
}

const V2_NAMES = {
  readBytes: "rbytes",
  writeBytes: "wbytes",
  readOperations: "rios",
  writeOperations: "wios",
} as const;

/** io.stat: lines of a device and pairs. */
export function parseIoV2(text: string): readonly IoStats[] {
  return text
    .split("\n")
    .filter((line) => line.includes("="))
    .map((line) => {
      const [device = "", ...pairs] = line.split(" ");
      const values = parseFlat(pairs.map((pair) => pair.replace("=", " ")).join("\n"));
      return ioStats(device, (name) => values.get(V2_NAMES[name]));
    });
}

function ioStats(device: string, value: (name: keyof typeof V2_NAMES) => number | undefined): IoStats {
  const [major = 0, minor = 0] = device.split(":").map(Number);
  return {
    major,
    minor,
    readBytes: value("readBytes") ?? 0,
    writeBytes: value("writeBytes") ?? 0,
    readOperations: value("readOperations") ?? 0,
    writeOperations: value("writeOperations") ?? 0,
  };
}

/** psi.rst of the kernel; `total` is in microseconds there. */
export function parsePressure(text: string): Pressure | undefined {
  const line = (name: string): PressureLine | undefined => {
    const match = new RegExp(`^${name} avg10=(\\S+) avg60=(\\S+) avg300=(\\S+) total=(\\d+)$`, "m").exec(text);
    if (!match) return undefined;
    const [avg10 = 0, avg60 = 0, avg300 = 0, total = 0] = match.slice(1).map(Number);
    return { avg10, avg60, avg300, total: total / 1e6 };
  };
  const [some, full] = [line("some"), line("full")];
  return some && { some, ...(full ? { full } : {}) };
}
