import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  type OciConfig,
  parseConfig,
  type Translation,
  type TranslationContext,
  translateConfig,
} from "../../../src/flavours/oci/index.ts";

/** A config.json as an engine has written it. */
export const fixture = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`fixtures/${name}.json`, import.meta.url)), "utf8");

/** The least that a config can say, and `more`. */
export const minimal = (more: object = {}): OciConfig =>
  parseConfig(
    JSON.stringify({
      ociVersion: "1.0.2",
      root: { path: "rootfs" },
      process: { cwd: "/", args: ["true"] },
      linux: { namespaces: [{ type: "mount" }] },
      ...more,
    }),
  );

export const translate = (config: OciConfig, context: Partial<TranslationContext> = {}): Translation =>
  translateConfig(config, { id: "web", bundle: "/bundles/web", ...context });

/** `linux` with a mount namespace, and `more`. */
export const withLinux = (more: object, rest: object = {}): OciConfig =>
  minimal({ ...rest, linux: { namespaces: [{ type: "mount" }], ...more } });
