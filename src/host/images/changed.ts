import { existsSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import type { ContainerSpec } from "../../spec/index.ts";
import { isImageRoot } from "./own-layer.ts";
import type { ImageRoot } from "./root.ts";

/** A container over an image. */
export interface Changed {
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly hasEnded: boolean;
}

export function requireImageRoot({ name, spec: { root } }: Pick<Changed, "name" | "spec">): ImageRoot {
  if (isImageRoot(root)) return root;
  throw new LibctError("ERR_CT_STATE", `container ${name} is not over an image`, {
    hint: "what is in its root can be made an image: ct image import DIR",
  });
}

/** Where the container's changes are: alone, or in a tree of its own. */
export function requireOwn({ name, spec, hasEnded }: Changed, { directory, storage }: ImageRoot): string {
  const own = `${directory}/${storage ? "root" : "upper"}`;
  // Where they were may be another container's by now.
  const gone = hasEnded && (spec.lifetime ?? "app") === "app";
  if (!gone && existsSync(own)) return own;
  if (gone) {
    throw new LibctError("ERR_CT_STATE", `container ${name} has ended, and what it has changed went with it`, {
      path: own,
      hint: 'do it while it runs, or have it kept until it is removed: `ct run -d --name NAME`, lifetime: "host"',
    });
  }
  throw new LibctError("ERR_CT_STATE", `container ${name} has never been started: it has changed nothing`, {
    path: own,
  });
}
