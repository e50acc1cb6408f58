import { lstatSync, readFileSync } from "node:fs";
import { hidesBelow, layerTree, type Store, type StoredImage } from "../../image/present.ts";
import type { User } from "../../spec/index.ts";
import { findUser, homeOf } from "../users.ts";

/** Who a container's command runs as. */
export interface Account {
  /** A name that only the container itself can tell. */
  readonly user: User | string;
  readonly home: string | undefined;
}

const LARGEST = 1 << 20;

/**
 * The ids of a user of an image, and his home. Nobody has changed the layers since they were unpacked: so they are read here, and the container need not be asked
 * while it starts.
 */
export function findAccount(store: Store, image: StoredImage, user: string): Account {
  const known = found.get(image) ?? new Map<string, Account>();
  found.set(image, known);
  const account = known.get(user) ?? lookUp(store, image, user);
  known.set(user, account);
  return account;
}

/** For as long as this process knows the image. */
const found = new WeakMap<StoredImage, Map<string, Account>>();

function lookUp(store: Store, image: StoredImage, user: string): Account {
  const [passwd, group] = [readFromLayers(store, image, "passwd"), readFromLayers(store, image, "group")];
  if (passwd === undefined || group === undefined) return { user, home: undefined };
  const ids = findUser(user, passwd, group);
  // The primary group stands among the others, too: a process that gives it up keeps no access by it unawares (CVE-2022-36109).
  const additionalGids = [...new Set([ids.gid, ...ids.additionalGids])];
  return { user: { ...ids, additionalGids }, home: homeOf(ids.uid, passwd) };
}

/** A file of /etc as the container will see it; "" when there is none; undefined when it is none of the layers' plain files, and the container must look itself. */
function readFromLayers(store: Store, { layers }: StoredImage, name: string): string | undefined {
  for (const { diffId } of [...layers].reverse()) {
    const etc = `${layerTree(store, diffId)}/etc`;
    const directory = lstatSync(etc, { throwIfNoEntry: false });
    if (!directory) continue;
    if (!directory.isDirectory()) return directory.isCharacterDevice() ? "" : undefined;
    const file = lstatSync(`${etc}/${name}`, { throwIfNoEntry: false });
    if (!file && hidesBelow(store, diffId, "etc")) return "";
    if (!file) continue;
    // A whiteout is a device (overlayfs.rst, "whiteouts and opaque directories").
    if (file.isCharacterDevice()) return "";
    if (!file.isFile() || file.size > LARGEST) return undefined;
    return readFileSync(`${etc}/${name}`, "utf8");
  }
  return "";
}
