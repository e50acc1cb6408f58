import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reachable } from "../support/as-user.ts";
import { hasUserOverlays } from "../support/kernel.ts";
import { auditEachTest } from "../support/leaks.ts";

import { playground, remove } from "../support/playground.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCES = ["package.json", "tsconfig.json", "tsconfig.build.json", "src", "native", "scripts", "docs"];
const TEXTS = ["README.md", "LICENSE", "CHANGELOG.md"];
const USER = 12345;

/** What the readme promises, in the language that runs on every supported runtime. */
const SCRIPT = `
import { existsSync } from "node:fs";
import { Host } from "libct";

const host = await Host.open();
try {
  const { stdout, exitCode } = await host.run(["sh", "-c", "id -u; hostname; echo x > /etc/libct-was-here"], { hostname: "boat" });
  console.log(JSON.stringify({ stdout, exitCode, host: existsSync("/etc/libct-was-here") }));
} finally {
  await host[Symbol.asyncDispose]();
}
`;
const TYPED_SCRIPT = `
import { Host, overlay, standard, type RunResult } from "libct";

await using host = await Host.open();
const result: RunResult = await host.run(["true"], { sandbox: { workspace: "." }, timeout: "30s" });
const exitCode: number = result.exitCode;
await using container = await host.create({ ...standard({ userNamespace: true }), root: overlay({ lower: ["./a"] }) });
// @ts-expect-error a command is a list of words
await container.start("true");
export { exitCode };
`;

const dependenciesOf = (directory: string): string[] => {
  const { dependencies = {} } = JSON.parse(readFileSync(`${directory}/package.json`, "utf8")) as {
    dependencies?: object;
  };
  return Object.keys(dependencies);
};
const DEPENDENCIES = dependenciesOf(PROJECT);

let place: string;
let consumer: string;
let files: readonly string[];

/** Packs a copy of the sources (which proves that nothing else is needed) and installs the package into an empty directory, without a network. */
beforeAll(() => {
  place = playground();
  consumer = `${place}/consumer`;
  const sources = `${place}/sources`;
  mkdirSync(consumer);
  for (const name of [...SOURCES, ...TEXTS]) cpSync(`${PROJECT}${name}`, `${sources}/${name}`, { recursive: true });
  symlinkSync(`${PROJECT}node_modules`, `${sources}/node_modules`);
  mkdirSync(`${sources}/dist`);
  for (const name of ["ct", "gone.js"]) writeFileSync(`${sources}/dist/${name}`, "left from an earlier build");
  const report = npm(sources, "pack", "--json", "--silent", "--pack-destination", place);
  const [packed] = JSON.parse(report.slice(report.indexOf("["))) as { filename: string; files: { path: string }[] }[];
  files = packed?.files.map(({ path }) => path) ?? [];
  writeFileSync(
    `${consumer}/package.json`,
    '{ "name": "consumer", "version": "1.0.0", "type": "module", "private": true }',
  );
  // What it depends on comes from here, as there is no network.
  const parts = DEPENDENCIES.map((name) => `${PROJECT}node_modules/${name}`);
  npm(consumer, "install", "--offline", "--install-links", "--silent", `${place}/${packed?.filename}`, ...parts);
  writeFileSync(`${consumer}/script.js`, SCRIPT);
  chmodSync(consumer, 0o755);
}, 120_000);
afterAll(() => remove(place));
auditEachTest();

const npm = (cwd: string, ...words: string[]): string => execFileSync("npm", words, { cwd, encoding: "utf8" });
const run = (file: string, words: readonly string[], uid?: number): string =>
  execFileSync(file, words, { cwd: consumer, encoding: "utf8", ...(uid === undefined ? {} : { uid, gid: uid }) });

const RUNTIMES: readonly (readonly [string, string, number | undefined])[] = [
  ["node", process.execPath, undefined],
  ["bun", `${PROJECT}node_modules/.bin/bun`, undefined],
  ...(hasUserOverlays()
    ? [["node", process.execPath, USER] as const, ["bun", `${PROJECT}node_modules/.bin/bun`, USER] as const]
    : []),
];

describe("the npm package", () => {
  it("has the library, its types, the command, the executor and its source, the licence, and nothing else", () => {
    for (const file of ["dist/index.js", "dist/index.d.ts", "dist/cli/main.js", "native/zygote.c", ...TEXTS]) {
      expect(files).toContain(file);
    }
    expect(files).toContain(`prebuilt/ct-executor-${process.arch === "arm64" ? "aarch64" : "x86_64"}`);
    const rooms = new Set(files.map((file) => file.split("/")[0]));
    expect([...rooms].sort()).toEqual(["dist", "docs", "native", "package.json", "prebuilt", ...TEXTS].sort());
  });

  it("has nothing that was left in dist: modules whose source is gone, or the single-file ct with its whole runtime", () => {
    expect(files).not.toContain("dist/ct");
    const modules = files.filter((file) => /^dist\/(?!cli\/).*\.js$/.test(file));
    expect(modules.filter((file) => !existsSync(`${PROJECT}src${file.slice(4, -3)}.ts`))).toEqual([]);
    expect(modules.length).toBeGreaterThan(50);
  });

  it("names no registry in its lock file", () => {
    const lock = readFileSync(`${PROJECT}package-lock.json`, "utf8");
    expect(lock).not.toContain('"resolved"');
  });

  it("brings what package.json names, which brings nothing", () => {
    const installed = readdirSync(`${consumer}/node_modules`).filter((name) => !name.startsWith("."));
    expect(installed.sort()).toEqual(["libct", ...DEPENDENCIES].sort());
    for (const name of DEPENDENCIES) expect(dependenciesOf(`${PROJECT}node_modules/${name}`)).toEqual([]);
  });

  it.each(RUNTIMES)("runs a container from a script under %s", (_, runtime, uid) => {
    const program = uid === undefined ? runtime : reachable(runtime, place);
    const [last = ""] = run(program, ["script.js"], uid).trim().split("\n").slice(-1);
    expect(JSON.parse(last)).toEqual({ stdout: "0\nboat\n", exitCode: 0, host: false });
  });

  it("installs the command ct", () => {
    expect(run(`${consumer}/node_modules/.bin/ct`, ["run", "--", "echo", "from the package"])).toBe(
      "from the package\n",
    );
  });

  it("has types that a strict compiler takes", () => {
    writeFileSync(`${consumer}/typed.ts`, TYPED_SCRIPT);
    symlinkSync(`${PROJECT}node_modules/@types`, `${consumer}/node_modules/@types`);
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--types", "node"];
    const words = [...options, "--lib", "es2023,esnext.disposable", "--exactOptionalPropertyTypes", "typed.ts"];
    expect(run(`${PROJECT}node_modules/.bin/tsc`, words)).toBe("");
  });
});
