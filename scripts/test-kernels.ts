// `npm run test:kernels [RELEASE...] [-- FILTER...]`: the system tests on user-mode Linux from these releases of Debian, all of RELEASES without arguments.
// A kernel that cannot be had from the machine's mirror is told of, and is a failure when CI=true or when it was asked for by name.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Outcome, page, readOutcome, table } from "./kernels/outcome.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

/** 5.10, 6.1, 6.12 and the newest. */
const RELEASES = ["bullseye", "bookworm", "trixie", "sid"];
const CACHE = "build/kernels";
const ROOT = `${CACHE}/root.ext4`;
const RESULTS = "/results";
const VITEST = `node node_modules/.bin/vitest run --project system --reporter=verbose --reporter=json --outputFile.json=${RESULTS}/report.json`;
/** On the guest: a log without the colours of a terminal, which its console is. */
const TESTS = `uname -r >${RESULTS}/release; NO_COLOR=1 LIBCT_TEST_KERNEL=1 ${VITEST} "$@" >${RESULTS}/log 2>&1`;

const run = (script: string, ...args: string[]): boolean =>
  spawnSync(`scripts/kernels/${script}`, args, { stdio: "inherit" }).status === 0;

/** Undefined when the kernel could not be had or did not live to tell. */
function testKernel(release: string, filters: readonly string[]): Outcome | undefined {
  const [directory, log] = [`${CACHE}/${release}`, `${CACHE}/${release}.log`];
  if (!run("fetch.sh", release, directory)) {
    console.error(`NOT TESTED: the kernel of Debian ${release}, which this machine's mirror does not give`);
    return undefined;
  }
  console.log(`the kernel of Debian ${release}: see ${directory}/results/log`);
  const started = Date.now();
  run("boot.sh", directory, ROOT, "sh", "-c", TESTS, "sh", ...filters);
  const results = `${directory}/results`;
  if (existsSync(`${results}/log`)) copyFileSync(`${results}/log`, log);
  if (existsSync(`${results}/report.json`)) return readOutcome(release, results, (Date.now() - started) / 60_000);
  console.error(`NOT TESTED: the kernel of Debian ${release} ended before its tests did; see ${log}`);
  return undefined;
}

/** The page tells of all kernels: of those that this run left out, what the last run found. */
function writePage(outcomes: readonly Outcome[]): void {
  for (const outcome of outcomes) writeFileSync(`${CACHE}/${outcome.debian}.json`, JSON.stringify(outcome));
  const files = RELEASES.map((release) => `${CACHE}/${release}.json`);
  if (files.every((file) => existsSync(file))) {
    writeFileSync("docs/kernels.md", page(files.map((file) => JSON.parse(readFileSync(file, "utf8")) as Outcome)));
  }
}

function main(args: readonly string[]): number {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const [named, filters] = [args.slice(0, end), args.slice(end + 1)];
  const unknown = named.filter((release) => !RELEASES.includes(release));
  if (unknown.length > 0) {
    console.error(`not one of ${RELEASES.join(", ")}: ${unknown.join(", ")}`);
    return 2;
  }
  if (!run("root.sh", ROOT)) return 1;
  const wanted = named.length > 0 ? named : RELEASES;
  const outcomes = wanted.flatMap((release) => testKernel(release, filters) ?? []);
  if (filters.length === 0) writePage(outcomes);
  for (const { kernel, failed } of outcomes) for (const name of failed) console.log(`failed on ${kernel}: ${name}`);
  console.log(table(outcomes));
  const required = named.length > 0 || process.env.CI === "true" ? wanted.length : 1;
  return outcomes.length >= required && outcomes.every(({ failed }) => failed.length === 0) ? 0 : 1;
}

process.exit(main(process.argv.slice(2)));
