import { LibctError } from "../errors.ts";
import { u32s } from "../linux/index.ts";
import type { User } from "../spec/index.ts";

/** An entry of passwd(5) or group(5), cut into its fields. */
const entries = (file: string) => file.split("\n").map((line) => line.split(":"));

/**
 * Finds "name", "name:group", "1000:group" in the container's own passwd and group. The texts come from an image and are not trusted: they are only
 * searched for the name. Returns what the program waits for: uid, gid, number of groups, nothing, groups.
 */
export function lookUpUser(user: string, passwd: string, group: string): Uint8Array {
  const { uid, gid, additionalGids } = findUser(user, passwd, group);
  return u32s(uid, gid, additionalGids.length, 0, ...additionalGids);
}

/** As `lookUpUser`, for who can read the files. */
export function findUser(user: string, passwd: string, group: string): Required<Omit<User, "umask">> {
  const [name = "", groupName] = user.split(":");
  const entry = entries(passwd).find((fields) => fields[0] === name || (/^\d+$/.test(name) && fields[2] === name));
  const uid = entry ? Number(entry[2]) : Number(name);
  if (name === "" || !isId(uid)) throw notFound(user, "user", name, "/etc/passwd");
  const gid = groupName === undefined ? Number(entry?.[3] ?? 0) : findGroup(user, groupName, group);
  if (!isId(gid)) throw notFound(user, "group", groupName ?? "", "/etc/group");
  const additional = entry && groupName === undefined ? groupsOf(entry[0] ?? "", gid, group) : [];
  return { uid, gid, additionalGids: additional };
}

const isId = (id: number) => Number.isInteger(id) && id >= 0 && id < 4294967295;

function findGroup(user: string, name: string, group: string): number {
  const entry = entries(group).find((fields) => fields[0] === name);
  if (entry) return Number(entry[2]);
  if (/^\d+$/.test(name)) return Number(name);
  throw notFound(user, "group", name, "/etc/group");
}

/** What AWAIT has room for. */
const MOST_GROUPS = 64;

const groupsOf = (name: string, gid: number, group: string): number[] =>
  entries(group)
    .filter((fields) => fields[3]?.split(",").includes(name))
    .map((fields) => Number(fields[2]))
    .filter((id) => isId(id) && id !== gid)
    .slice(0, MOST_GROUPS);

/** A longer one is no path (PATH_MAX). */
const LONGEST_HOME = 4095;

/** "HOME=..." with a NUL, as the process's environment takes it: what passwd says of that id, or "/" when it says nothing that can be one. */
export function homeVariable(user: User | string | undefined, passwd: string): Uint8Array {
  return Buffer.from(`HOME=${homeOf(typeof user === "object" ? user.uid : undefined, passwd)}\0`);
}

export function homeOf(uid: number | undefined, passwd: string): string {
  const home = entries(passwd).find((fields) => fields.length >= 6 && Number(fields[2]) === uid)?.[5] ?? "";
  const usable = home !== "" && !home.includes("\0") && Buffer.byteLength(home) <= LONGEST_HOME;
  return usable ? home : "/";
}

const notFound = (user: string, kind: string, name: string, file: string) =>
  new LibctError("ERR_CT_INVALID_SPEC", `no ${kind} ${JSON.stringify(name)} in the container's ${file}`, {
    member: "process.user",
    path: file,
    hint: `"${user}" was asked for; numeric ids always work`,
  });
