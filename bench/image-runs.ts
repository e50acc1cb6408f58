import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { median, quantile, table } from "./statistics.ts";
import { type Entry, takeTurns } from "./turns.ts";

const repository = fileURLToPath(new URL("..", import.meta.url));
const single = `${repository}/dist/ct`;
const TARGET_MS = 1;

/** A run of a present image beside the same run over an overlay of the same directories. */
export async function measureRuns(registry: string, directory: string, rounds: number) {
  const store = `${directory}/runs`;
  mkdirSync(store);
  const image = `${registry}/bench/system:v1`;
  const places = ["--root", `${store}/state`, "--data", `${store}/data`];
  execFileSync(single, [...places, "pull", "-q", image], { stdio: "ignore" });
  const lower = layersOf(execFileSync(single, [...places, "image", "inspect", image], { encoding: "utf8" }), store);
  execFileSync("cc", ["-O2", "-o", `${directory}/spawn`, `${repository}/bench/spawn.c`]);
  const batch = 20;
  const inProcess = (runtime: string, mode: string): Entry => ({
    command: [runtime, `${repository}/bench/image-worker.js`, store, image, ...lower],
    ask: `${mode} ${batch}`,
  });
  const whole = (words: readonly string[]): Entry => ({
    command: [`${directory}/spawn`, single, ...places, "run", ...words, "--", "/bin/true"],
    ask: `${batch}`,
  });
  const overlay = lower.flatMap((path) => ["--lower", path]);
  const samples = await takeTurns(
    new Map([
      ["node, image", inProcess("node", "image")],
      ["node, overlay", inProcess("node", "overlay")],
      ["bun, image", inProcess("bun", "image")],
      ["bun, overlay", inProcess("bun", "overlay")],
      ["ct run, image", whole([image])],
      ["ct run, overlay", whole(overlay)],
    ]),
    rounds * 3,
  );
  return print(samples);
}

/** The topmost first. */
function layersOf(inspected: string, store: string): readonly string[] {
  const [about] = JSON.parse(inspected) as readonly { readonly layers: readonly { readonly diffId: string }[] }[];
  const trees = (about?.layers ?? []).map(({ diffId }) => `${store}/data/layers/${diffId.replace(":", "-")}/diff`);
  return trees.reverse();
}

function print(samples: ReadonlyMap<string, readonly number[]>) {
  const rows = ["node", "bun", "ct run"].map((name) => {
    const [image = [], overlay = []] = ["image", "overlay"].map((root) => samples.get(`${name}, ${root}`));
    const more = median(image) - median(overlay);
    return { name, image: median(image), p90: quantile(image, 0.9), overlay: median(overlay), more };
  });
  const lines = rows.map(({ name, image, p90, overlay, more }) => [
    name,
    ...[image, p90, overlay, more].map((one) => one.toFixed(2)),
    more <= TARGET_MS ? "reached" : "MISSED",
  ]);
  const heading = ["run of a present image", "image ms", "p90 ms", "overlay ms", "more ms", `at most ${TARGET_MS} ms`];
  console.log(`${table([heading, ...lines])}\n`);
  return rows;
}
