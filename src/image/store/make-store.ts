import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, type Stats, statSync } from "node:fs";
import { LibctError } from "../../errors.ts";
import { cannotWrite } from "./files.ts";
import { ROOMS, type Store } from "./place.ts";

/**
 * Makes the store, or takes the one that is there. Others may neither list it nor pass through it: a layer has programs with the set-user-ID bit, of whatever age
 * (CVE-2021-41091), and device nodes.
 */
export function makeStore({ directory }: Store): void {
  try {
    // Mostly it is there: each container asks.
    if (!existsSync(directory)) mkdirSync(directory, { recursive: true, mode: 0o700 });
    const stat = requireOwn(directory);
    // Something else, such as a network, may have made it before: whoever is in already has seen no layer yet.
    if ((stat.mode & 0o077) !== 0) closeToOthers(directory);
  } catch (error) {
    throw cannotWrite(directory, error);
  }
}

/** A link of one's own is followed: stores are moved to larger disks so. */
function requireOwn(directory: string): Stats {
  const uid = process.geteuid?.() ?? 0;
  const place = lstatSync(directory);
  const stat = place.isSymbolicLink() ? statSync(directory) : place;
  if (place.uid === uid && stat.uid === uid) return stat;
  const owner = place.uid === uid ? stat.uid : place.uid;
  throw new LibctError(
    "ERR_CT_NOT_PERMITTED",
    `the store ${directory} belongs to the user ${owner}, and not to ${uid}`,
    {
      path: directory,
      hint: "who owns it can change every image: choose a directory of your own with --data, or Host.open({ dataDirectory })",
    },
  );
}

/** Whatever may be in such a directory that libct has made; of /srv or /tmp others must not be kept out. */
const OWN: ReadonlySet<string> = new Set([...Object.values(ROOMS), "lock", "networks", "lost+found"]);

function closeToOthers(directory: string): void {
  const foreign = readdirSync(directory).find((name) => !OWN.has(name));
  if (foreign === undefined) {
    chmodSync(directory, 0o700);
    return;
  }
  throw new LibctError(
    "ERR_CT_NOT_PERMITTED",
    `others may enter the store ${directory}, and ${foreign} in it is none of libct's`,
    {
      path: directory,
      hint: "choose a directory for images alone, or keep others out of this one (chmod 0700)",
    },
  );
}
