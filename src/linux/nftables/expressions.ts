import { type Attributes, attributes, type Codec, list, raw, s32, text, u32, u64 } from "./attributes.ts";

/** A value, or where a rule leads. */
export const data = attributes({
  value: [1, raw],
  verdict: [2, attributes({ code: [1, s32], chain: [2, text] })],
});
export type Data = Attributes<{
  readonly value: readonly [1, typeof raw];
  readonly verdict: readonly [2, Codec<{ readonly code?: number; readonly chain?: string }>];
}>;

/** The kinds of expressions that libct uses, with their attributes (enum nft_*_attributes). */
const KINDS = {
  meta: attributes({ dreg: [1, u32], key: [2, u32], sreg: [3, u32] }),
  cmp: attributes({ sreg: [1, u32], op: [2, u32], data: [3, data] }),
  payload: attributes({ dreg: [1, u32], base: [2, u32], offset: [3, u32], len: [4, u32] }),
  lookup: attributes({ set: [1, text], sreg: [2, u32], dreg: [3, u32], flags: [5, u32] }),
  nat: attributes({
    type: [1, u32],
    family: [2, u32],
    addrMin: [3, u32],
    addrMax: [4, u32],
    protoMin: [5, u32],
    protoMax: [6, u32],
    flags: [7, u32],
  }),
  masq: attributes({ flags: [1, u32] }),
  immediate: attributes({ dreg: [1, u32], data: [2, data] }),
  bitwise: attributes({
    sreg: [1, u32],
    dreg: [2, u32],
    len: [3, u32],
    mask: [4, data],
    xor: [5, data],
    op: [6, u32],
  }),
  ct: attributes({ dreg: [1, u32], key: [2, u32], direction: [3, u32], sreg: [4, u32] }),
  fib: attributes({ dreg: [1, u32], result: [2, u32], flags: [3, u32] }),
  counter: attributes({ bytes: [1, u64], packets: [2, u64] }),
  limit: attributes({ rate: [1, u64], unit: [2, u64], burst: [3, u32], type: [4, u32], flags: [5, u32] }),
} as const;

type Kinds = typeof KINDS;
type Known = { [K in keyof Kinds]: { readonly expr: K } & (Kinds[K] extends Codec<infer T> ? T : never) }[keyof Kinds];

/** One step of a rule; of a kind that is not known here there are its name and bytes. */
export type Expression = Known | { readonly expr: "other"; readonly name: string; readonly bytes: Uint8Array };

const wire = attributes({ name: [1, text], data: [2, { ...raw, nested: true }] });

const isKnown = (name: string): name is keyof Kinds => Object.hasOwn(KINDS, name);

const expression: Codec<Expression> = {
  nested: true,
  encode(value) {
    if (value.expr === "other") return wire.encode({ name: value.name, data: value.bytes });
    const { expr, ...members } = value;
    const codec: Codec<unknown> = KINDS[expr];
    return wire.encode({ name: expr, data: codec.encode(members) });
  },
  decode(bytes) {
    const { name = "", data: content = new Uint8Array() } = wire.decode(bytes);
    if (!isKnown(name)) return { expr: "other", name, bytes: content };
    return { expr: name, ...KINDS[name].decode(content) } as Known;
  },
};

export const expressions = list(expression);
