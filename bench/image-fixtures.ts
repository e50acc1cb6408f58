import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { DockerRegistry } from "../test/support/docker-registry.ts";
import { makeLayout } from "../test/support/oci-layout.ts";
import { makeRoot } from "./root.ts";
import { smallFilesLayer } from "./small-files.ts";

/** An image that is measured, in the registry under `bench/NAME:v1`. */
export interface Fixture {
  readonly name: string;
  readonly text: string;
}

/** Parts of this machine's own system: libraries, programs, a compiler, and tens of thousands of documents; about half a gigabyte. */
const PARTS: readonly (readonly string[])[] = [
  ["usr/sbin", "usr/lib/git-core", "usr/lib/gcc"],
  ["usr/lib/x86_64-linux-gnu/perl", "usr/share/perl", "usr/lib/python3", "usr/lib/python3.11"],
  ["usr/share/doc", "usr/share/man", "usr/share/zoneinfo", "usr/share/i18n"],
];

const SMALL_FILES = 50_000;

/** Shares all its layers but one with the first. */
export const SUCCESSOR = "successor";

export const FIXTURES: readonly Fixture[] = [
  { name: "system", text: "four layers of a system" },
  { name: "small", text: `a layer with ${SMALL_FILES} small files` },
];

/** Files of a registry that has the images. They are made once, and kept in `cache`. */
export async function prepareRegistry(cache: string): Promise<string> {
  const [directory, fresh] = [`${cache}/registry`, `${cache}/~new`];
  if (existsSync(directory)) return directory;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const registry = await DockerRegistry.start(`${fresh}/registry`);
  try {
    const system = [baseLayer(fresh), ...systemLayers(fresh)];
    push(fresh, registry, "system", system);
    push(fresh, registry, SUCCESSOR, [...system, addedLayer(fresh)]);
    push(fresh, registry, "small", [baseLayer(fresh), await smallFilesLayer(fresh, SMALL_FILES)]);
  } finally {
    await registry.stop();
  }
  renameSync(`${fresh}/registry`, directory);
  rmSync(fresh, { recursive: true });
  return directory;
}

function push(directory: string, { host }: DockerRegistry, name: string, layers: readonly string[]): void {
  const layout = makeLayout(`${directory}/layout-${name}`, layers);
  const insecure = ["--insecure-policy", "copy", "-q", "--dest-tls-verify=false"];
  execFileSync("skopeo", [...insecure, `oci:${layout}`, `docker://${host}/bench/${name}:v1`]);
}

/** Compressed layers, as registries have them. A name that is missing on this machine is left out. */
function compress(directory: string, name: string, from: string, paths: readonly string[]): string {
  const path = `${directory}/${name}.tar.gz`;
  const there = paths.filter((one) => existsSync(`${from}/${one}`));
  execFileSync("tar", ["-C", from, "--sort=name", "-czf", path, ...there], { stdio: "ignore" });
  return path;
}

/** What a container needs to start. */
function baseLayer(directory: string): string {
  const root = `${directory}/root`;
  if (!existsSync(root)) makeRoot(root);
  return compress(directory, "base", root, ["."]);
}

const systemLayers = (directory: string): readonly string[] =>
  PARTS.map((paths, index) => compress(directory, `system-${index}`, "/", paths));

const addedLayer = (directory: string): string => compress(directory, "added", "/", ["usr/share/perl"]);
