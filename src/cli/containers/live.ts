import { resolve } from "node:path";
import type { Globals } from "../command.ts";
import { parseMount } from "../mount-syntax.ts";
import { usage } from "../syntax.ts";
import { forEach } from "./with-host.ts";

interface Json {
  readonly json?: true;
}

/** `ct mount NAME FIELDS...`: as --mount of `ct run`, into a container that runs. */
export function mount([name, ...fields]: readonly string[], flags: Json, globals: Globals): Promise<number> {
  if (name === undefined || fields.length === 0) {
    throw usage("a container and a mount are needed", "ct mount web type=bind,source=/srv,target=/data,readonly");
  }
  const mounts = fields.map((word) => parseMount(word, (path) => resolve(path)));
  return forEach({ names: [name], globals, json: flags.json ?? false }, async (container) => {
    for (const one of mounts) await container.mount(one);
    return { mounted: mounts.map(({ destination }) => destination) };
  });
}

export interface UnmountFlags extends Json {
  readonly lazy?: true;
}

/** `ct umount NAME PATH...` */
export function unmount([name, ...paths]: readonly string[], flags: UnmountFlags, globals: Globals): Promise<number> {
  if (name === undefined || paths.length === 0) throw usage("a container and a path are needed", "ct umount web /data");
  return forEach({ names: [name], globals, json: flags.json ?? false }, async (container) => {
    for (const path of paths) await container.unmount(path, { detach: flags.lazy ?? false });
    return { unmounted: paths };
  });
}
