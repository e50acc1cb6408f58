// `bun bench/unpack.ts [--quick] [--directory DIR]`: layers unpacked by libct, tar and umoci, taking turns in one run. Prints; never fails for a figure.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import { makeLayout } from "../test/support/oci-layout.ts";
import { smallFilesLayer } from "./small-files.ts";
import { median, table } from "./statistics.ts";

const quick = process.argv.includes("--quick");
const rounds = quick ? 1 : 5;
const place = process.argv.indexOf("--directory");
const repository = fileURLToPath(new URL("..", import.meta.url));
const directory = mkdtempSync(`${place < 0 ? "/tmp" : process.argv[place + 1]}/libct-bench-`);

/** Parts of this machine's own system, about half a gigabyte: programs, libraries, and tens of thousands of documents. */
const PARTS = [
  ["usr/sbin", "usr/lib/git-core"],
  ["usr/lib/x86_64-linux-gnu/perl", "usr/share/perl", "usr/lib/python3"],
  ["usr/share/doc", "usr/share/man", "usr/share/zoneinfo", "usr/share/i18n"],
];
const SMALL_FILES = quick ? 5_000 : 50_000;

interface Sample {
  readonly wall: number;
  readonly processor: number;
}

try {
  const images = {
    "several layers": systemLayers(),
    [`${SMALL_FILES} small files`]: [await smallFilesLayer(directory, SMALL_FILES)],
  };
  const report: Record<string, unknown> = { kernel: release(), processors: `${cpus().length} x ${cpus()[0]?.model}` };
  for (const [name, layers] of Object.entries(images)) report[name] = compare(name, layers);
  mkdirSync(`${repository}/bench/results`, { recursive: true });
  writeFileSync(`${repository}/bench/results/unpack.json`, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** Compressed layers, as registries have them. */
function systemLayers(): readonly string[] {
  return PARTS.map((part, index) => {
    const paths = part.filter((path) => existsSync(`/${path}`));
    execFileSync("tar", ["-C", "/", "-czf", `${directory}/system-${index}`, ...paths], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    return `${directory}/system-${index}`;
  });
}

/** Everybody in turns; the first round warms up. */
function compare(name: string, layers: readonly string[]): unknown {
  const layout = makeLayout(`${directory}/layout-${layers.length}`, layers);
  const target = `${directory}/target`;
  const ours = [`${repository}/bench/unpack-layers.ts`, target, ...layers];
  const contestants: Readonly<Record<string, readonly string[]>> = {
    "libct in Bun": [`${repository}/node_modules/.bin/bun`, ...ours],
    "libct in Node": ["node", bundleForNode(), target, ...layers],
    "tar -xz, one after the other": [
      "sh",
      "-ec",
      'mkdir "$0"; for layer; do tar -C "$0" -xzf "$layer"; done',
      target,
      ...layers,
    ],
    "umoci unpack": ["umoci", "unpack", "--image", layout, target],
  };
  const samples = new Map<string, Sample[]>(Object.keys(contestants).map((one) => [one, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [one, command] of Object.entries(contestants)) {
      execFileSync("sync");
      const sample = measure(command);
      if (round > 0 || quick) samples.get(one)?.push(sample);
      rmSync(target, { recursive: true, force: true });
    }
  }
  const figures = [...samples].map(([one, list]) => ({
    one,
    wall: median(list.map(({ wall }) => wall)),
    processor: median(list.map(({ processor }) => processor)),
  }));
  const best = Math.min(...figures.filter(({ one }) => !one.startsWith("libct")).map(({ wall }) => wall));
  const size = layers.reduce((sum, layer) => sum + statSync(layer).size, 0);
  console.log(`\n${name}: ${layers.length} layers, ${(size / 1e6).toFixed(0)} MB compressed\n`);
  const rows = figures.map(({ one, wall, processor }) => [
    one,
    wall.toFixed(2),
    processor.toFixed(2),
    `${(wall / best).toFixed(2)} x`,
  ]);
  console.log(table([["unpacking", "seconds", "of the processor", "best peer"], ...rows]));
  return figures;
}

/** The same program as one file; the executor lies beside it as in the package. */
function bundleForNode(): string {
  const output = `${directory}/package/src/unpack-layers.mjs`;
  cpSync(`${repository}/prebuilt`, `${directory}/prebuilt`, { recursive: true });
  const build = ["build", `${repository}/bench/unpack-layers.ts`, "--target", "node", "--outfile", output];
  execFileSync(`${repository}/node_modules/.bin/bun`, build, { stdio: "ignore" });
  return output;
}

/** Seconds of a command, and those of the processors for it and its children. */
function measure(command: readonly string[]): Sample {
  const { stderr, status } = spawnSync(
    "bash",
    ["-c", 'TIMEFORMAT="%R %U %S"; time "$@" > /dev/null 2> /dev/null', "bash", ...command],
    { encoding: "utf8" },
  );
  const [wall = 0, user = 0, system = 0] = stderr.trim().split(" ").map(Number);
  if (status !== 0) throw new Error(`${command.join(" ")} failed: ${stderr}`);
  return { wall, processor: user + system };
}
