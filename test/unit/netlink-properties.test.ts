import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addAddress,
  addNeighbour,
  addRoute,
  changeLink,
  createLink,
  decodeAcknowledgement,
  decodeAddress,
  decodeAttributeList,
  decodeLink,
  decodeMessages,
  decodeNeighbour,
  decodeRoute,
  deleteNeighbour,
  formatIp,
  formatMac,
  innerLink,
  type LinkAddress,
  type Neighbour,
  type NetlinkAttribute,
  type NextHop,
  NLA_F,
  NUD,
  netlinkRequest,
  parseIp,
  parseIpPrefix,
  parseMac,
  type Route,
  u32s,
} from "../../src/linux/index.ts";

type Attribute = NetlinkAttribute<number>;

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,14}$/);
const optional = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
type Defined<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> };
const defined = <T extends object>(one: T): Partial<Defined<T>> =>
  Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)) as Partial<Defined<T>>;
const one = (message: Uint8Array) => {
  const [first, ...others] = decodeMessages(message);
  expect(others).toEqual([]);
  if (!first) throw new Error("no message");
  return first;
};

describe("what is written to netlink is read again", () => {
  it("of interfaces", () => {
    const link = fc.record({
      index: fc.integer({ min: 0, max: 0x7fff_ffff }),
      name,
      mac: optional(bytes(6)),
      mtu: optional(u32),
      txQueueLength: optional(u32),
      master: optional(u32),
      link: optional(u32),
      up: optional(fc.boolean()),
      kind: optional(name),
    });
    fc.assert(
      fc.property(link, (given) => {
        const read = decodeLink(one(changeLink(defined(given)).message));
        const { up, ...members } = given;
        expect(read).toMatchObject({ ...members, flags: up ? 1 : 0 });
      }),
    );
  });

  it("of pairs, one side within the message of the other", () => {
    fc.assert(
      fc.property(name, name, bytes(6), u32, (outside, inside, mac, mtu) => {
        const peer = innerLink(1, { name: inside, mac, mtu, up: true });
        const read = decodeLink(one(createLink({ name: outside, kind: "veth", data: [peer] }).message));
        expect(read).toMatchObject({ name: outside, kind: "veth" });
        const inner = read?.data.get(1) ?? new Uint8Array(0);
        const attributes = new Map(decodeAttributeList(inner, 16).map(({ type, payload }) => [type, payload]));
        expect(new TextDecoder().decode(attributes.get(3))).toBe(`${inside}\0`);
        expect(attributes.get(1)).toEqual(mac);
      }),
    );
  });

  it("of addresses of both families", () => {
    const address = fc.constantFrom(4, 16).chain((length) =>
      fc.record<LinkAddress>({
        index: u32,
        family: fc.constant(length === 4 ? 2 : 10),
        prefixLength: fc.integer({ min: 0, max: length * 8 }),
        scope: fc.constantFrom(0, 253, 254),
        flags: fc.integer({ min: 0, max: 0xfff }),
        address: optional(bytes(length)),
        local: optional(bytes(length)),
        broadcast: optional(bytes(length)),
        priority: optional(u32),
      }),
    );
    fc.assert(
      fc.property(address, (given) => {
        expect(decodeAddress(one(addAddress(given).message))).toEqual(given);
      }),
    );
  });

  it("of neighbours and of entries in forwarding tables", () => {
    const neighbour = fc.constantFrom(4, 16).chain((length) =>
      fc.record<Neighbour>({
        index: fc.integer({ min: 0, max: 0x7fff_ffff }),
        family: fc.constantFrom(2, 7, 10),
        state: fc.constantFrom(...Object.values(NUD)),
        flags: fc.nat(0xff),
        address: optional(bytes(length)),
        mac: optional(bytes(6)),
        vlan: optional(fc.nat(4095)),
        vni: optional(fc.nat(0xff_ffff)),
      }),
    );
    fc.assert(
      fc.property(neighbour, (given) => {
        expect(decodeNeighbour(one(addNeighbour(given).message))).toEqual(given);
        expect(decodeNeighbour(one(deleteNeighbour(given).message))).toBeUndefined();
      }),
    );
  });

  it("of routes with one way or several", () => {
    const hop = fc.record<NextHop>({
      via: bytes(4),
      index: fc.integer({ min: 0, max: 0x7fff_ffff }),
      weight: fc.integer({ min: 1, max: 256 }),
      onlink: fc.boolean(),
    });
    const route = fc.record({
      to: optional(bytes(4)),
      prefixLength: fc.integer({ min: 0, max: 32 }),
      via: optional(bytes(4)),
      from: optional(bytes(4)),
      metric: optional(u32),
      mtu: optional(u32),
      table: fc.integer({ min: 1, max: 0xffff_ffff }),
      scope: fc.constantFrom(0, 253),
      onlink: fc.boolean(),
      index: optional(u32),
      nexthops: fc.array(hop, { maxLength: 5 }),
    });
    fc.assert(
      fc.property(route, ({ nexthops, ...rest }) => {
        const given: Route = {
          family: 2,
          prefixLength: rest.prefixLength,
          scope: rest.scope,
          ...defined(rest),
          ...(nexthops.length > 0 ? { nexthops } : {}),
        };
        const read = decodeRoute(one(addRoute(given).message));
        expect(read).toEqual({ protocol: 4, type: 1, index: undefined, ...given, nexthops });
      }),
    );
  });

  it("of attributes in attributes, and says where those are that come later", () => {
    const leaf: fc.Arbitrary<Attribute> = fc.oneof(
      fc.record({ type: fc.integer({ min: 0, max: 0x3fff }), payload: fc.uint8Array({ maxLength: 9 }) }),
      fc.record({ type: fc.integer({ min: 0, max: 0x3fff }), later: fc.integer({ min: 1, max: 0xffff_ffff }) }),
    );
    const { tree } = fc.letrec<{ tree: Attribute }>((tie) => ({
      tree: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        leaf,
        fc.record({
          type: fc.integer({ min: 0, max: 0x3fff }).map((type) => type | NLA_F.NESTED),
          nested: fc.array(tie("tree"), { maxLength: 4 }),
        }),
      ),
    }));
    fc.assert(
      fc.property(fc.array(tree, { maxLength: 5 }), (given) => {
        const { message, fills } = netlinkRequest<number>({ type: 16, flags: 1 }, new Uint8Array(4), given);
        const view = new DataView(message.buffer);
        for (const { at, value } of fills) view.setUint32(at, value, true);
        expect(shape(decodeAttributeList(one(message).payload, 4), given)).toEqual(given.map(filled));
      }),
    );
  });

  it("never looks beyond the end of what the kernel gives", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 40 }), (noise, type) => {
        for (const message of [...decodeMessages(noise), { type, flags: 0x300, sequence: 1, payload: noise }]) {
          decodeLink(message);
          decodeAddress(message);
          decodeRoute(message);
          decodeAcknowledgement(message);
        }
      }),
    );
  });
});

/** A tree with what comes later put in. */
const filled = (given: Attribute): object => {
  if ("nested" in given) return { type: given.type & 0x3fff, nested: given.nested.map(filled) };
  if ("payload" in given) return given;
  return { type: given.type, payload: u32s(given.later) };
};
/** What was read, as a tree of the same form. */
const shape = (
  read: readonly { readonly type: number; readonly payload: Uint8Array }[],
  like: readonly Attribute[],
): object[] =>
  read.map(({ type, payload }, index) => {
    const given = like[index];
    return given && "nested" in given
      ? { type, nested: shape(decodeAttributeList(payload), given.nested) }
      : { type, payload: Uint8Array.from(payload) };
  });

describe("addresses as people write them", () => {
  it("are the same bytes again, in either family", () => {
    fc.assert(
      fc.property(fc.oneof(bytes(4), bytes(16)), (given) => {
        expect(parseIp(formatIp(given))).toEqual(given);
      }),
    );
    fc.assert(
      fc.property(bytes(6), (given) => {
        expect(parseMac(formatMac(given))).toEqual(given);
      }),
    );
  });

  it("are read in every form of RFC 4291, and written as RFC 5952 has it", () => {
    const forms = {
      "2001:DB8:0:0:8:800:200C:417A": "2001:db8::8:800:200c:417a",
      "::": "::",
      "::1": "::1",
      "fd00::": "fd00::",
      "::ffff:129.144.52.38": "::ffff:8190:3426",
      "1:0:0:2:0:0:0:3": "1:0:0:2::3",
      "1:2:3:4:5:6:7:0": "1:2:3:4:5:6:7:0",
    };
    for (const [given, expected] of Object.entries(forms)) expect(formatIp(parseIp(given) ?? bytes0)).toBe(expected);
  });

  it("are nothing when they are something else", () => {
    for (const wrong of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "01.2.3.4",
      "256.1.1.1",
      "1:2:3:4:5:6:7",
      "1::2::3",
      "12345::",
      ":::",
      "1:2:3:4:5:6:7:8:9",
      "::1.2.3",
      "1.2.3.4::",
      "fe80::1%eth0",
    ])
      expect([wrong, parseIp(wrong)]).toEqual([wrong, undefined]);
    for (const wrong of ["10.0.0.1/33", "10.0.0.1/", "10.0.0.1/01", "::/129", "10.0.0.1/8/8", "10.0.0.1/-1"])
      expect([wrong, parseIpPrefix(wrong)]).toEqual([wrong, undefined]);
  });
});

const bytes0 = new Uint8Array(0);

describe("the kernel's reasons", () => {
  const answer = (flags: number, payload: readonly number[]) => ({
    type: 2,
    flags,
    sequence: 7,
    payload: Uint8Array.from(payload),
  });
  const header = [40, 0, 0, 0, 16, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0];
  const EEXIST = [0xef, 0xff, 0xff, 0xff];
  const reason = [...[9, 0, 1, 0], ...new TextEncoder().encode("nope"), 0, 0, 0, 0, ...[8, 0, 2, 0], 24, 0, 0, 0];

  it("are told with the errno, whether the request is in the answer or not", () => {
    const rest = new Array<number>(24).fill(1);
    const expected = { errno: 17, sequence: 7, text: "nope", offset: 24 };
    expect(decodeAcknowledgement(answer(0x300, [...EEXIST, ...header, ...reason]))).toEqual(expected);
    expect(decodeAcknowledgement(answer(0x200, [...EEXIST, ...header, ...rest, ...reason]))).toEqual(expected);
    const none = { errno: 17, sequence: 7, text: undefined, offset: undefined };
    expect(decodeAcknowledgement(answer(0, [...EEXIST, ...header]))).toEqual(none);
    expect(decodeAcknowledgement({ ...answer(0, []), type: 3 })).toBeUndefined();
  });
});
