import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { makeRoot } from "./rootfs.ts";

/** A busybox, as a tar file of a root that engines import. It has /pause, which lives until it is told to end. */
export function rootArchive(directory: string): string {
  const root = makeRoot(`${directory}/archive-root`);
  writeFileSync(`${root}/pause`, '#!/bin/sh\ntrap "exit 0" TERM\nwhile :; do sleep 1000 & wait $!; done\n', {
    mode: 0o755,
  });
  const archive = `${directory}/root.tar`;
  execFileSync("tar", ["-C", root, "-cf", archive, "."]);
  return archive;
}

/** The same as an image in an OCI archive, for those that only take such. */
export function imageArchive(directory: string, name: string): string {
  const layout = `${directory}/image`;
  mkdirSync(`${layout}/blobs/sha256`, { recursive: true });
  const put = (bytes: Buffer) => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(`${layout}/blobs/sha256/${hex}`, bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const type = (kind: string) => ({ mediaType: `application/vnd.oci.image.${kind}` });
  const layer = put(readFileSync(rootArchive(directory)));
  const config = put(
    json({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      config: { Cmd: ["/bin/sh"], Env: ["PATH=/bin"] },
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    }),
  );
  const layers = [{ ...type("layer.v1.tar"), ...layer }];
  const manifest = {
    schemaVersion: 2,
    ...type("manifest.v1+json"),
    config: { ...type("config.v1+json"), ...config },
    layers,
  };
  const annotations = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name };
  const manifests = [{ ...type("manifest.v1+json"), ...put(json(manifest)), annotations }];
  writeFileSync(`${layout}/oci-layout`, json({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(`${layout}/index.json`, json({ schemaVersion: 2, manifests }));
  execFileSync("tar", ["-C", layout, "-cf", `${directory}/image.tar`, "."]);
  return `${directory}/image.tar`;
}
