/** Tables, chains, rules, sets and their elements: what messages of nf_tables are about. */
import { type NetlinkMessage, NLM_F, netlinkMessage, viewOf } from "../index.ts";
import {
  type Attribute,
  type Attributes,
  attributes,
  type Codec,
  list,
  listAttributes,
  raw,
  s32,
  text,
  u32,
  u64,
} from "./attributes.ts";
import { NFT_MSG } from "./constants.ts";
import { data, expressions } from "./expressions.ts";

const TABLE = { name: [1, text], flags: [2, u32], use: [3, u32], handle: [4, u64], userdata: [6, raw] } as const;

const CHAIN = {
  table: [1, text],
  handle: [2, u64],
  name: [3, text],
  hook: [4, attributes({ hooknum: [1, u32], priority: [2, s32], dev: [3, text] })],
  policy: [5, u32],
  use: [6, u32],
  type: [7, text],
  flags: [10, u32],
} as const;

const RULE = {
  table: [1, text],
  chain: [2, text],
  handle: [3, u64],
  expressions: [4, expressions],
  position: [6, u64],
  userdata: [7, raw],
} as const;

const SET = {
  table: [1, text],
  name: [2, text],
  flags: [3, u32],
  keyType: [4, u32],
  keyLength: [5, u32],
  dataType: [6, u32],
  dataLength: [7, u32],
  policy: [8, u32],
  id: [10, u32],
  timeout: [11, u64],
  userdata: [13, raw],
  handle: [16, u64],
} as const;

const element = attributes({ key: [1, data], data: [2, data], flags: [3, u32], timeout: [4, u64], userdata: [6, raw] });

const ELEMENTS = { table: [1, text], set: [2, text], elements: [3, list(element)] } as const;

const OBJECTS = { table: TABLE, chain: CHAIN, rule: RULE, set: SET, elements: ELEMENTS } as const;
const CODECS = {
  table: attributes(TABLE),
  chain: attributes(CHAIN),
  rule: attributes(RULE),
  set: attributes(SET),
  elements: attributes(ELEMENTS),
} as const;

type Objects = typeof OBJECTS;
export type ObjectKind = keyof Objects;
export type Table = Attributes<typeof TABLE>;
export type Chain = Attributes<typeof CHAIN>;
export type Rule = Attributes<typeof RULE>;
export type NftSet = Attributes<typeof SET>;
export type Elements = Attributes<typeof ELEMENTS>;
export type Element = NonNullable<Elements["elements"]>[number];

/** What is done to an object. "add" makes it, or is content that it is there; "create" is refused with EEXIST when it is. */
export type Verb = "add" | "create" | "delete";

/** One message of a batch. */
export type Change = {
  [K in ObjectKind]: {
    readonly verb: Verb;
    readonly kind: K;
    /** NFPROTO_* */
    readonly family: number;
  } & Attributes<Objects[K]>;
}[ObjectKind];

const NUMBERS: Readonly<Record<ObjectKind, { readonly make: number; readonly get: number; readonly remove: number }>> =
  {
    table: { make: NFT_MSG.NEWTABLE, get: NFT_MSG.GETTABLE, remove: NFT_MSG.DELTABLE },
    chain: { make: NFT_MSG.NEWCHAIN, get: NFT_MSG.GETCHAIN, remove: NFT_MSG.DELCHAIN },
    rule: { make: NFT_MSG.NEWRULE, get: NFT_MSG.GETRULE, remove: NFT_MSG.DELRULE },
    set: { make: NFT_MSG.NEWSET, get: NFT_MSG.GETSET, remove: NFT_MSG.DELSET },
    elements: { make: NFT_MSG.NEWSETELEM, get: NFT_MSG.GETSETELEM, remove: NFT_MSG.DELSETELEM },
  };

/** A rule comes behind the others of its chain; for all else the flag means nothing. */
const NLM_F_APPEND = 0x800;
const VERB_FLAGS: Readonly<Record<Verb, number>> = {
  add: NLM_F.CREATE,
  create: NLM_F.CREATE | NLM_F.EXCL,
  delete: 0,
};

/** struct nfgenmsg: u8 family, u8 version, be16 resource */
export const NFGENMSG = 4;
export const nfgenmsg = (family: number, resource = 0): Uint8Array =>
  Uint8Array.of(family, 0, resource >> 8, resource & 0xff);

export function encodeChange(change: Change, sequence: number, acknowledge: boolean): Uint8Array {
  const { verb, kind, family } = change;
  const append = kind === "rule" && verb !== "delete" ? NLM_F_APPEND : 0;
  const flags = NLM_F.REQUEST | VERB_FLAGS[verb] | append | (acknowledge ? NLM_F.ACK : 0);
  const type = verb === "delete" ? NUMBERS[kind].remove : NUMBERS[kind].make;
  return netlinkMessage({ type, flags, sequence }, nfgenmsg(family), attributesOf(change));
}

function attributesOf(change: Change): readonly Attribute[] {
  // Each kind has a table of its own, which the compiler cannot follow through a union.
  const schema: Parameters<typeof listAttributes>[0] = OBJECTS[change.kind];
  return listAttributes(schema, change);
}

/** Asks for all objects of a kind; those of one table when that is given. Elements are those of a set. */
export function dumpRequest(
  kind: ObjectKind,
  family: number,
  of: { readonly table?: string; readonly set?: string } = {},
): Uint8Array {
  const schema: Parameters<typeof listAttributes>[0] = OBJECTS[kind];
  // A table's own name would ask for it alone, which is not a dump.
  const wanted =
    kind === "table" ? {} : kind === "set" || kind === "rule" || kind === "chain" ? { table: of.table } : of;
  const head = { type: NUMBERS[kind].get, flags: NLM_F.REQUEST | NLM_F.DUMP };
  return netlinkMessage(head, nfgenmsg(family), listAttributes(schema, wanted));
}

/** Asks for one object, or for elements of a set by their keys: the answer is it, or an error. */
export function getRequest(object: Omit<Change, "verb">): Uint8Array {
  const wanted = { ...object, verb: "add" } as Change;
  const head = { type: NUMBERS[wanted.kind].get, flags: NLM_F.REQUEST };
  return netlinkMessage(head, nfgenmsg(wanted.family), attributesOf(wanted));
}

/** An object that a message tells of; undefined when it tells of none, or of one that is not known here. */
export type Told = {
  [K in ObjectKind]: { readonly verb: "add" | "delete"; readonly kind: K; readonly family: number } & Attributes<
    Objects[K]
  >;
}[ObjectKind];

export function decodeObject({ type, payload }: NetlinkMessage): Told | undefined {
  const kinds = Object.keys(NUMBERS) as ObjectKind[];
  const kind = kinds.find((one) => NUMBERS[one].make === type || NUMBERS[one].remove === type);
  if (kind === undefined || payload.length < NFGENMSG) return undefined;
  const codec: Codec<object> = CODECS[kind];
  const verb = NUMBERS[kind].make === type ? "add" : "delete";
  return { verb, kind, family: viewOf(payload).getUint8(0), ...codec.decode(payload.subarray(NFGENMSG)) } as Told;
}
