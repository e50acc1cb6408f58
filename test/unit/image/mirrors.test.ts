import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseReference } from "../../../src/image/reference.ts";
import { endpointsFor } from "../../../src/image/registry/mirrors.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(`${tmpdir()}/ct-mirrors-`);
});
afterEach(() => rmSync(home, { recursive: true }));

const CONF = `
unqualified-search-registries = ["docker.io", "quay.io"]

[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.local:5000/hub"
insecure = true
[[registry.mirror]]
location = "digests.local"
pull-from-mirror = "digest-only"

[[registry]]
prefix = "docker.io/library/blocked"
location = "x"
blocked = true

[[registry]]
prefix = "*.corp.example"
[[registry.mirror]]
location = "cache.corp"

[[registry]]
prefix = "old.example/team"
location = "new.example/moved/team"
insecure = true
`;

async function places(name: string, conf = CONF): Promise<string[]> {
  writeFileSync(`${home}/registries.conf`, conf);
  const found = await endpointsFor(parseReference(name), { CONTAINERS_REGISTRIES_CONF: `${home}/registries.conf` });
  return found.map(({ host, repository, insecure }) => `${host}/${repository}${insecure ? " insecure" : ""}`);
}

describe("registries.conf", () => {
  it.each([
    ["alpine", ["mirror.local:5000/hub/library/alpine insecure", "registry-1.docker.io/library/alpine"]],
    [
      `alpine@sha256:${"a".repeat(64)}`,
      [
        "mirror.local:5000/hub/library/alpine insecure",
        "digests.local/library/alpine",
        "registry-1.docker.io/library/alpine",
      ],
    ],
    ["eu.corp.example/app", ["cache.corp/app", "eu.corp.example/app"]],
    ["corp.example/app", ["corp.example/app"]],
    ["old.example/team/app", ["new.example/moved/team/app insecure"]],
    ["old.example/teamwork", ["old.example/teamwork"]],
    ["quay.io/app", ["quay.io/app"]],
  ])("sends those who want %s to %j", async (name, expected) => {
    expect(await places(name)).toEqual(expected);
  });

  it("may look as docs/registries.md shows it", async () => {
    const page = readFileSync(new URL("../../../docs/registries.md", import.meta.url), "utf8");
    const [, example = ""] = /example: mirrors -->\n```toml\n([^`]*)```/.exec(page) ?? [];
    const expected = ["mirror.example:5000/hub/library/alpine insecure", "registry-1.docker.io/library/alpine"];
    expect(await places("alpine", example)).toEqual(expected);
  });

  it("blocks what it blocks", async () => {
    await expect(places("blocked")).rejects.toMatchObject({ code: "ERR_CT_NOT_PERMITTED" });
  });

  it.each([
    ["[[registry]]\nlocation = 7", "registry[0].location"],
    ["[[registry]]\nblocked = true", "neither prefix nor location"],
    ['[[registry]]\nlocation = "a"\ninsecure = "yes"', "expected true or false (registry[0].insecure)"],
    ['[[registry]]\nlocation = "a"\n[[registry.mirror]]\ninsecure = true', "registry[0].mirror[0].location"],
    ['[registries.search]\nregistries = ["a"]', "the older form of version 1 is not read"],
    ["[[registry]", "is no TOML"],
  ])("is refused when it says %j", async (conf, message) => {
    await expect(places("alpine", conf)).rejects.toThrow(message);
  });

  it("is that of the user, with what lies in its directory", async () => {
    mkdirSync(`${home}/containers/registries.conf.d`, { recursive: true });
    writeFileSync(
      `${home}/containers/registries.conf`,
      '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "one"',
    );
    writeFileSync(
      `${home}/containers/registries.conf.d/9.conf`,
      '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "two"',
    );
    const found = await endpointsFor(parseReference("a.example/x"), { XDG_CONFIG_HOME: home });
    expect(found.map(({ host }) => host)).toEqual(["two", "a.example"]);
  });
});
