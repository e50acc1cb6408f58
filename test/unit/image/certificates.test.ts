import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { copyImage, parseReference } from "../../../src/image/index.ts";
import { certificateDirectories } from "../../../src/image/registry/certificates.ts";
import type { RegistryOptions } from "../../../src/image/registry/connect.ts";
import { registrySource } from "../../../src/image/registry/source.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { MemoryImages } from "../../support/memory-image.ts";
import { installed, requires } from "../../support/prerequisite.ts";

const opensslThere = requires("openssl", installed("openssl"), "registries with TLS");
const place = mkdtempSync(`${tmpdir()}/ct-certificates-`);
afterAll(() => rmSync(place, { recursive: true }));

const read = (name: string) => readFileSync(`${place}/${name}`, "utf8");

describe.runIf(opensslThere)("a registry with TLS", () => {
  let registry: FakeRegistry | undefined;
  beforeAll(() => {
    for (const [name, subject] of [
      ["server", "registry"],
      ["client", "me"],
    ]) {
      const key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        `${place}/${name}.key`,
      ];
      const about = ["-subj", `/CN=${subject}`, "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
      execFileSync("openssl", ["req", "-x509", ...key, "-out", `${place}/${name}.pem`, ...about], { stdio: "ignore" });
    }
  });
  afterEach(() => registry?.stop());

  async function pull(options: RegistryOptions): Promise<number> {
    const source = registrySource(parseReference(`${registry?.host}/app`), {
      env: {},
      credentials: async () => undefined,
      ...options,
    });
    const images = new MemoryImages();
    try {
      await copyImage(source, images);
    } finally {
      await source.close?.();
    }
    return images.blobs.size;
  }

  async function start(more: object = {}): Promise<void> {
    registry = await FakeRegistry.start({ tls: { key: read("server.key"), cert: read("server.pem"), ...more } });
    registry.images.addImage(["one"]);
  }

  function certificates(name: string, files: Readonly<Record<string, string>>): string {
    mkdirSync(`${place}/${name}`);
    for (const [to, from] of Object.entries(files)) copyFileSync(`${place}/${from}`, `${place}/${name}/${to}`);
    return `${place}/${name}`;
  }

  it("is trusted by the certificate that is kept for it", async () => {
    await start();
    await expect(pull({})).rejects.toThrow("is not accepted");
    expect(await pull({ certificates: certificates("good", { "any.crt": "server.pem" }) })).toBe(2);
    expect(await pull({ insecure: true })).toBe(2);
    await expect(pull({ certificates: certificates("other", { "any.crt": "client.pem" }) })).rejects.toThrow(
      "is not accepted",
    );
  });

  it("is trusted when the machine's authorities are said to be others", async () => {
    await start();
    expect(await pull({ env: { SSL_CERT_FILE: `${place}/server.pem` } })).toBe(2);
    await expect(pull({ env: { SSL_CERT_FILE: `${place}/none` } })).rejects.toThrow(
      `cannot read ${place}/none: ENOENT`,
    );
  });

  it("that wants a certificate of the client gets it", async () => {
    await start({ requestCert: true, ca: read("client.pem") });
    const without = certificates("without", { "ca.crt": "server.pem" });
    await expect(pull({ certificates: without })).rejects.toMatchObject({ code: "ERR_CT_REGISTRY" });
    const both = certificates("both", {
      "ca.crt": "server.pem",
      "client.cert": "client.pem",
      "client.key": "client.key",
    });
    expect(await pull({ certificates: both })).toBe(2);
  });

  it("says what is wrong with certificates", async () => {
    await start();
    const half = certificates("half", { "client.cert": "client.pem" });
    await expect(pull({ certificates: half })).rejects.toThrow(`${half}/client.cert: there is no client.key beside it`);
    mkdirSync(`${place}/garbage`);
    for (const name of ["client.cert", "client.key"]) writeFileSync(`${place}/garbage/${name}`, "garbage");
    await expect(pull({ certificates: `${place}/garbage` })).rejects.toMatchObject({ code: "ERR_CT_REGISTRY" });
  });
});

describe("certificates of a host", () => {
  it("are looked for where docker and podman look", () => {
    expect(certificateDirectories("r.io:5000", { HOME: "/home/me" })).toEqual([
      "/home/me/.config/containers/certs.d/r.io:5000",
      "/home/me/.config/docker/certs.d/r.io:5000",
      "/home/me/.docker/certs.d/r.io:5000",
      "/etc/containers/certs.d/r.io:5000",
      "/etc/docker/certs.d/r.io:5000",
    ]);
    expect(certificateDirectories("r.io", {})).toHaveLength(2);
  });
});
