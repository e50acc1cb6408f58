// `npm run test:kernels [RELEASE...] [FILTER...]`: the system tests on user-mode Linux from these releases of Debian, all of RELEASES when none is named.
// `npm run test:kernels [RELEASE...] systemd`: the tests of cgroups that systemd makes, on a machine that it runs; on REQUIRED's kernel when none is named.
// "systemd-hybrid" and "systemd-v1" are such machines with other cgroups.
// A kernel that the machine's mirror does not give is told of; with CI=true it is a failure that REQUIRED is not to be had.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { failures, joined, type Outcome, page, passes, readOutcome, skips, table } from "./kernels/outcome.ts";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
process.chdir(PROJECT);

/** 5.10, 6.1, 6.12 and the newest. */
const RELEASES = ["bullseye", "bookworm", "trixie", "sid"];
const REQUIRED = "bookworm";
const CACHE = "build/kernels";

/** What is booted: which root, with which packages more, and who is init. */
interface Machine {
  readonly root: string;
  readonly packages: readonly string[];
  readonly init: string;
  /** For the kernel's command line. */
  readonly parameters: string;
  /** What is tested when nothing else is named. */
  readonly filters: readonly string[];
  /** Minutes until it is given up. */
  readonly patience: number;
}

const PLAIN: Machine = {
  root: `${CACHE}/root.ext4`,
  packages: [],
  init: "init.sh",
  parameters: "",
  filters: [],
  patience: 240,
};

const systemd = (filters: readonly string[], parameters = ""): Machine => ({
  root: `${CACHE}/systemd.ext4`,
  packages: ["dbus-user-session", "libpam-systemd", "systemd", "systemd-sysv"],
  init: "systemd-init.sh",
  parameters,
  filters,
  patience: 20,
});

const HYBRID = "systemd.unified_cgroup_hierarchy=0";
const MACHINES: ReadonlyMap<string, Machine> = new Map([
  ["systemd", systemd(["systemd-cgroup.test", "systemd-runtime.test"])],
  ["systemd-hybrid", systemd(["systemd-cgroup-v1.test"], HYBRID)],
  ["systemd-v1", systemd(["systemd-cgroup-v1.test"], `${HYBRID} systemd.legacy_systemd_cgroup_controller=1`)],
]);
const RESULTS = "/results";
const VITEST = `node node_modules/.bin/vitest run --project system --reporter=verbose --reporter=json --outputFile.json=${RESULTS}/report.json`;
/** On the guest: a log without the colours of a terminal, which its console is. */
const TESTS = `uname -r >${RESULTS}/release; NO_COLOR=1 LIBCT_TEST_KERNEL=1 ${VITEST} "$@" >${RESULTS}/log 2>&1`;

function run(script: string, args: readonly string[], { patience, parameters = "" }: Partial<Machine> = {}): boolean {
  const env = { ...process.env, PARAMETERS: parameters };
  const timeout = patience && patience * 60_000;
  return spawnSync(`scripts/kernels/${script}`, args, { stdio: "inherit", env, timeout }).status === 0;
}

/** "absent": it could not be had. "died": it ended before its tests did. */
function testKernel(release: string, machine: Machine, filters: readonly string[]): Outcome | "absent" | "died" {
  const directory = `${CACHE}/${release}`;
  const results = `${directory}/results`;
  if (!run("fetch.sh", [release, directory])) {
    console.error(`NOT TESTED: the kernel of Debian ${release}, which this machine's mirror does not give`);
    return "absent";
  }
  console.log(`the kernel of Debian ${release}: ${results}/log`);
  const started = Date.now();
  run("boot.sh", [directory, machine.root, machine.init, "sh", "-c", TESTS, "sh", ...filters], machine);
  if (existsSync(`${results}/report.json`))
    return readOutcome(release, results, PROJECT, (Date.now() - started) / 60_000);
  console.error(`the kernel of Debian ${release} ended before its tests did`);
  return "died";
}

/** The page tells of all kernels: of files and kernels that this run left out, what the last run found. */
function writePage(outcomes: readonly Outcome[]): void {
  const cached = (debian: string): Outcome | undefined => {
    const file = `${CACHE}/outcome-${debian}.json`;
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Outcome) : undefined;
  };
  for (const outcome of outcomes) {
    writeFileSync(`${CACHE}/outcome-${outcome.debian}.json`, JSON.stringify(joined(cached(outcome.debian), outcome)));
  }
  const all = readdirSync("test/system")
    .filter((name) => !name.startsWith("systemd-"))
    .sort();
  const known = RELEASES.flatMap((release) => cached(release) ?? []);
  if (known.length === RELEASES.length)
    writeFileSync(
      "docs/kernels.md",
      page(
        known,
        all.map((name) => `test/system/${name}`),
      ),
    );
}

function main(args: readonly string[]): number {
  const named = args.filter((word) => RELEASES.includes(word));
  const special = args.find((word) => MACHINES.has(word));
  const machine = MACHINES.get(special ?? "") ?? PLAIN;
  const given = args.filter((word) => !RELEASES.includes(word) && word !== special);
  const filters = given.length > 0 ? given : machine.filters;
  if (process.getuid?.() !== 0 || !run("root.sh", [machine.root, ...machine.packages])) {
    console.error("NOT TESTED: other kernels, which take root and a mirror of Debian");
    return process.env.CI === "true" ? 1 : 0;
  }
  const wanted = named.length > 0 ? named : special ? [REQUIRED] : RELEASES;
  const found = new Map(wanted.map((release) => [release, testKernel(release, machine, filters)]));
  const outcomes = [...found.values()].filter((outcome) => typeof outcome !== "string");
  if (machine === PLAIN) writePage(outcomes);
  for (const one of outcomes) for (const name of failures(one)) console.log(`failed on ${one.kernel}: ${name}`);
  console.log(table(outcomes));
  const lost = [...found.values()].includes("died") || (process.env.CI === "true" && found.get(REQUIRED) === "absent");
  // A machine that was made for these tests, and has none of them run, shows nothing.
  const nothing = special && given.length === 0 && outcomes.some((one) => passes(one) === 0 || skips(one) > 0);
  return lost || nothing || outcomes.some((one) => failures(one).length > 0) ? 1 : 0;
}

process.exit(main(process.argv.slice(2)));
