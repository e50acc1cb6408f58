import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";

/** An OCI layout with one image of these layers, which are gzip files of tar archives. Returns `directory:bench`, as umoci and skopeo name it. */
export function makeLayout(directory: string, layers: readonly string[]): string {
  mkdirSync(`${directory}/blobs/sha256`, { recursive: true });
  const put = (path: string, mediaType: string) => {
    const digest = createHash("sha256").update(readFileSync(path)).digest("hex");
    copyFileSync(path, `${directory}/new`);
    renameSync(`${directory}/new`, `${directory}/blobs/sha256/${digest}`);
    return { mediaType, digest: `sha256:${digest}`, size: statSync(path).size };
  };
  const putJson = (content: unknown, kind: string) => {
    const path = `${directory}/json`;
    writeFileSync(path, JSON.stringify(content));
    return put(path, `application/vnd.oci.image.${kind}+json`);
  };
  const blobs = layers.map((layer) => put(layer, "application/vnd.oci.image.layer.v1.tar+gzip"));
  const diffIds = layers.map((layer) => `sha256:${uncompressedDigest(layer)}`);
  const rootfs = { type: "layers", diff_ids: diffIds };
  const config = putJson({ os: "linux", architecture: "amd64", config: {}, rootfs }, "config.v1");
  const manifest = putJson({ schemaVersion: 2, config, layers: blobs }, "manifest.v1");
  const annotations = { "org.opencontainers.image.ref.name": "bench" };
  writeFileSync(`${directory}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    `${directory}/index.json`,
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  rmSync(`${directory}/json`);
  return `${directory}:bench`;
}

export const uncompressedDigest = (layer: string): string =>
  execFileSync("sh", ["-c", 'gzip -dc "$0" | sha256sum', layer], { encoding: "utf8" }).slice(0, 64);
