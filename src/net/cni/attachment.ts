import { closeSync, openSync, readdirSync, readFileSync, readSync, renameSync, writeFileSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import type { CniCapabilities, JsonObject, NetStep } from "../../spec/index.ts";
import { type CniNetwork, isObject } from "./network.ts";

/** The files of an attachment: with them it can be undone by whoever finds them. */
export interface AttachmentFiles {
  readonly directory: string;
  /** Beside the directory: locked by the monitor as long as it lives. */
  readonly lock: string;
  /** The steps that undo it, as JSON. */
  readonly steps: string;
  /** The container's network namespace is bound to it. */
  readonly netns: string;
  /** What the last plugin said at ADD: the cache that the specification asks of runtimes. */
  readonly result: string;
  readonly plugins: readonly {
    readonly add: string;
    readonly del: string;
    readonly output: string;
    readonly errors: string;
  }[];
}

/** Where attachments are written down, below the directory for what runs. */
export const CNI_DIRECTORY = "cni";

export function attachmentFiles(parent: string, name: string, plugins: number): AttachmentFiles {
  const directory = `${parent}/${name}`;
  return {
    directory,
    lock: `${directory}.lock`,
    steps: `${directory}/steps`,
    netns: `${directory}/netns`,
    result: `${directory}/result`,
    plugins: Array.from({ length: plugins }, (_, index) => ({
      add: `${directory}/${index}.add`,
      del: `${directory}/${index}.del`,
      output: `${directory}/${index}.output`,
      errors: `${directory}/${index}.errors`,
    })),
  };
}

/** Whole or not at all: the monitor may have to read it at any time. */
export function writeInput(path: string | undefined, content: JsonObject): void {
  if (path === undefined) return;
  try {
    writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw cannot("write", path, error);
  }
}

/** What is kept of an attachment for those who ask later. */
export interface KeptResult {
  readonly network: CniNetwork;
  readonly capabilities: CniCapabilities;
  readonly result: JsonObject;
}

export const writeResult = (files: AttachmentFiles, kept: KeptResult): void => writeInput(files.result, { ...kept });

/** Plugins say little: what is longer is no answer, and must not fill this process's memory. */
const MOST_OUTPUT = 1 << 20;

export function readOutput(path: string): string {
  const buffer = Buffer.alloc(MOST_OUTPUT);
  try {
    const file = openSync(path, "r");
    try {
      return buffer.toString("utf8", 0, readSync(file, buffer, 0, MOST_OUTPUT, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw cannot("read", path, error);
  }
}

/** The result of an attachment that stands; undefined while it is being made. */
export function readResult(directory: string): KeptResult | undefined {
  const text = readIfThere(`${directory}/result`);
  return text === undefined ? undefined : (JSON.parse(text) as KeptResult);
}

/** How an attachment that was found is undone; undefined when nothing has been done yet. */
export function readSteps(directory: string): readonly NetStep[] | undefined {
  const path = `${directory}/steps`;
  const text = readIfThere(path);
  if (text === undefined || !text.endsWith("\n")) return undefined;
  const steps: unknown = JSON.parse(text);
  if (Array.isArray(steps) && steps.every(isObject)) return steps as unknown as readonly NetStep[];
  throw new LibctError("ERR_CT_STATE", `${path} holds no steps`, { path });
}

/** An attachment that may be in use, or left behind by a monitor that was killed. */
export interface FoundAttachment {
  readonly directory: string;
  readonly member: string;
  readonly lock: string;
  readonly tearDown: readonly NetStep[];
}

/** All of them, by their locks, which are made first and removed last. */
export function findLeftAttachments(stateDirectory: string): readonly FoundAttachment[] {
  const parent = `${stateDirectory}/${CNI_DIRECTORY}`;
  return namesIn(parent)
    .filter((name) => name.endsWith(".lock"))
    .map((name) => {
      const lock = `${parent}/${name}`;
      const directory = lock.slice(0, -".lock".length);
      return { directory, member: "nics", lock, tearDown: readSteps(directory) ?? nothingDone(directory, lock) };
    });
}

/** The steps are written before anything else is done. */
const nothingDone = (directory: string, lock: string): readonly NetStep[] => [
  { do: "remove", path: `${directory}/steps`, why: "forget what was never attached" },
  { do: "remove", path: directory, directory: true, why: "forget what was never attached" },
  { do: "remove", path: lock, why: "forget what was never attached" },
];

function namesIn(parent: string): readonly string[] {
  try {
    return readdirSync(parent).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw cannot("read", parent, error);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cannot("read", path, error);
  }
}

function cannot(what: string, path: string, cause: unknown): LibctError {
  const { code, syscall } = cause as NodeJS.ErrnoException;
  const hint = code === "ENOSPC" ? "the disk is full" : undefined;
  return new LibctError("ERR_CT_SYSCALL", `cannot ${what} ${path}: ${code}`, {
    path,
    errno: code,
    syscall,
    hint,
    cause,
  });
}
