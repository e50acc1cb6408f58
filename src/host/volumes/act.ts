import { readdirSync, readFileSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import {
  listVolumes,
  makeVolume,
  noSuchVolume,
  readVolume,
  removeVolume,
  type Store,
  type Volume,
  volumeData,
} from "../../image/index.ts";
import type { ImagesContext } from "../images/context.ts";
import { volumeDriver } from "./drivers.ts";
import type { VolumeInfo, VolumeOptions } from "./volumes.ts";

export function createVolume(store: Store, name: string, given: VolumeOptions): VolumeInfo {
  const { driver = "local", options = {}, labels = {} } = given;
  volumeDriver(driver).check(options);
  const wanted: Volume = { name, created: Date.now(), driver, options, labels };
  const volume = readVolume(store, name) ?? makeVolume(store, wanted);
  if (volume.driver !== driver || JSON.stringify(volume.options) !== JSON.stringify(options)) {
    throw new LibctError("ERR_CT_NAME_IN_USE", `there is a volume ${name} already, of another kind`, {
      hint: `ct volume inspect ${name}`,
    });
  }
  return describe(store, volume);
}

export function describe(store: Store, volume: Volume): VolumeInfo {
  const { type, source } = volumeDriver(volume.driver).mount(store, volume);
  return { ...volume, path: type === "bind" ? source : undefined };
}

export async function removeUnused(context: ImagesContext, name: string): Promise<void> {
  const { store } = context;
  if (!readVolume(store, name)) throw noSuchVolume(name);
  if (await isUsed(context, name)) {
    throw new LibctError("ERR_CT_STATE", `the volume ${name} is used by a container`, {
      hint: "remove the container first",
    });
  }
  await removeVolume(store, name, (await context.worker()).remove);
}

export async function pruneVolumes(context: ImagesContext): Promise<readonly string[]> {
  const gone: string[] = [];
  for (const { name } of listVolumes(context.store)) {
    if (await isUsed(context, name)) continue;
    await removeVolume(context.store, name, (await context.worker()).remove);
    gone.push(name);
  }
  return gone;
}

/** By a container that is written down, also one that has ended; or by one that runs, of whatever application. */
async function isUsed(context: ImagesContext, name: string): Promise<boolean> {
  const data = volumeData(context.store, name);
  const recorded = (await context.records()).list().some((one) => {
    if ("error" in one) return true;
    return one.record.spec.mounts?.some(({ source }) => source === data);
  });
  return recorded || isMounted(data);
}

/** Looked for in the mount namespaces of all processes. proc_pid_mountinfo(5) tells the path from the top of its filesystem on. */
function isMounted(path: string): boolean {
  const end = path.slice(path.lastIndexOf("/", path.lastIndexOf("/") - 1)).replaceAll(" ", "\\040");
  return readdirSync("/proc").some(
    (pid) => /^\d+$/.test(pid) && mountedRoots(pid).some((root) => isEndOf(root, path, end)),
  );
}

/** The filesystem may be mounted somewhere, so only the end of the path is sure to be there. */
const isEndOf = (root: string, path: string, end: string): boolean =>
  root.endsWith(end) && (path.endsWith(root) || root.endsWith(path));

function mountedRoots(pid: string): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
    return text.split("\n").map((line) => line.split(" ")[3] ?? "");
  } catch {
    return []; // It has ended, or is somebody else's, who cannot have mounted what is ours.
  }
}
