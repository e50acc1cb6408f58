import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ORDINARY, runScript } from "../support/as-user.ts";
import { auditEachTest } from "../support/leaks.ts";
import { temporaryDirectory } from "../support/rootfs.ts";

auditEachTest();

const SCRIPT = `
import { builtImage, busyboxLayer } from "${new URL("../support/built-image.ts", import.meta.url).pathname}";
import { readdirSync } from "node:fs";
const host = await ct.Host.open({ executor: process.env.LIBCT_TEST_EXECUTOR });
const layers = [busyboxLayer(), { "d/a": "a1", "d/b": "b1", hello: "hi" }, { "d/.wh.a": "", "e/": {}, "f/.wh..wh..opq": "", "f/x": "x" }];
`;
const STORY = `
const image = await builtImage(layers, { config: { Cmd: ["sh", "-c", "cat /hello; ls d; id -u; touch /new && rm /hello && ls /new"] } });
const { name, size } = await host.images.pull(image, { name: "mine" });
const result = await host.run([], { image: "mine" });
const again = await host.run(["cat", "/hello"], { image: "mine" });
report({ name, large: size > 100000, stdout: result.stdout, stderr: result.stderr, again: again.stdout, directory: host.images.directory });
const gone = await host.images.remove("mine");
await host.images.prune();
report({ removed: gone.removed, left: readdirSync(host.images.directory + "/layers").concat(readdirSync(host.images.directory + "/containers")) });
await host[Symbol.asyncDispose]();
`;
const expected = (home: string) => [
  {
    name: "docker.io/library/mine:latest",
    large: true,
    stdout: "hib\n0\n/new\n",
    stderr: "",
    again: "hi",
    directory: `${home}/.local/share/libct`,
  },
  { removed: true, left: [] },
];

describe("an ordinary user", () => {
  it("fetches, runs and removes images with subordinate ids, whoever their files belong to", async () => {
    const directory = temporaryDirectory();
    for (const name of ["subuid", "subgid"]) writeFileSync(`${directory}/${name}`, `${ORDINARY}:300000:65536\n`);
    writeFileSync(`${directory}/passwd`, `root:x:0:0::/root:/bin/sh\nordinary:x:${ORDINARY}:${ORDINARY}::/:/bin/sh\n`);
    const prepare = ["subuid", "subgid", "passwd"].map((name) => `mount --bind ${directory}/${name} /etc/${name}`);
    const told = await runScript(SCRIPT + STORY, directory, { user: true, prepare: prepare.join(" && ") });
    expect(told).toEqual(expected(`${directory}/home`));
  });

  it("does so with his own id alone", async () => {
    const directory = temporaryDirectory();
    const prepare = ["subuid", "subgid"].map((name) => `mount --bind /dev/null /etc/${name}`).join(" && ");
    const told = await runScript(SCRIPT + STORY, directory, { user: true, prepare });
    expect(told).toEqual(expected(`${directory}/home`));
  });
});
