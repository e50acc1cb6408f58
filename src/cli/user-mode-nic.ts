import { userModeKind } from "../net/index.ts";
import type { PastaNic, Slirp4netnsNic } from "../spec/index.ts";
import type { NetworkWord } from "./network-syntax.ts";
import { parseInteger, wrong } from "./parse.ts";

type UserModeNic = PastaNic | Slirp4netnsNic;

/** The word for what an ordinary user has by himself. */
export const PRIVATE = "private";

/** Whether the word names user-mode networking; `private` does so for ordinary users. */
export const isUserMode = (name: string): boolean =>
  name === "pasta" || name === "slirp4netns" || (name === PRIVATE && process.geteuid?.() !== 0);

/** --network pasta, slirp4netns or private, with options such as mtu=1400,host-loopback */
export function userModeNic(word: string, { name, options }: NetworkWord): UserModeNic {
  const type = name === "pasta" || name === "slirp4netns" ? name : userModeKind();
  const known = type === "pasta" ? PASTA_OPTIONS : SLIRP_OPTIONS;
  const members = options.map(([key, value]): readonly [string, unknown] => {
    const read = known[key];
    if (!read) throw wrong("--network", word, `options of ${Object.keys(known).join(", ")}, such as mtu=1400`);
    return read(word, value);
  });
  return { type, ...Object.fromEntries(members) } as UserModeNic;
}

type Read = (word: string, value: string) => readonly [member: string, value: unknown];

const text =
  (member: string): Read =>
  (word, value) => {
    if (value === "") throw wrong("--network", word, `a value for ${member}`);
    return [member, value];
  };
const plain =
  (member: string): Read =>
  () => [member, true];

const COMMON: Readonly<Record<string, Read>> = {
  mac: text("mac"),
  mtu: (_, value) => ["mtu", parseInteger("--network", value, 68, 65535)],
  "host-loopback": plain("hostLoopback"),
};
const PASTA_OPTIONS: Readonly<Record<string, Read>> = {
  ...COMMON,
  device: text("device"),
  ip: (_, value) => ["addresses", [value]],
};
const SLIRP_OPTIONS: Readonly<Record<string, Read>> = { ...COMMON, cidr: text("network"), ipv6: plain("ipv6") };
