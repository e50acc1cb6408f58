import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addAddress,
  changeLink,
  decodeAddress,
  decodeAttributes,
  decodeError,
  decodeLink,
  decodeMessages,
  decodeText,
  getAddresses,
  getLink,
  IFA_F,
  IFLA,
  netlinkMessage,
  RTM,
} from "../../src/linux/index.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const one = (message: Uint8Array) => {
  const [first] = decodeMessages(message);
  if (!first) throw new Error("no message");
  return first;
};

describe("the messages of netlink", () => {
  it("are as iproute2 writes them: ip link set dev 5 up", () => {
    expect(hex(changeLink({ index: 5, up: true }).message)).toBe(
      hex(bytes("20000000 1000 0500 01000000 00000000 00000000 05000000 01000000 01000000")),
    );
  });

  it("have their attributes at multiples of four bytes", () => {
    expect(hex(changeLink({ namespace: 9, name: "eth0" }).message)).toBe(
      hex(
        bytes(
          "34000000 1000 0500 01000000 00000000 00000000 00000000 00000000 00000000 0800 1c00 09000000 0900 0300 6574683000 000000",
        ),
      ),
    );
  });

  it("say where what is known later has its place", () => {
    const known = changeLink({ index: 0x11223344, namespace: 0x55667788, name: "eth0" });
    const later = changeLink({ index: { later: "index" }, namespace: { later: "namespace" }, name: "eth0" });
    const view = new DataView(later.message.buffer);
    for (const { at, value } of later.fills) view.setUint32(at, value === "index" ? 0x11223344 : 0x55667788, true);
    expect(later.fills).toHaveLength(2);
    expect(hex(later.message)).toBe(hex(known.message));
  });

  it("ask for one interface, and for all addresses", () => {
    expect(one(getLink("eth0"))).toMatchObject({ type: RTM.GETLINK, flags: 1 });
    expect(decodeText(decodeAttributes(one(getLink("eth0")).payload, 16).get(IFLA.IFNAME) ?? new Uint8Array())).toBe(
      "eth0",
    );
    expect(one(getAddresses())).toMatchObject({ type: RTM.GETADDR, flags: 0x301 });
  });

  it("give what was put into them, whatever it is", () => {
    const attribute = fc.record({
      type: fc.integer({ min: 0, max: 0x3fff }),
      payload: fc.uint8Array({ maxLength: 40 }),
    });
    const attributes = fc.uniqueArray(attribute, { selector: ({ type }) => type, maxLength: 8 });
    const fixed = fc.integer({ min: 0, max: 5 }).map((words) => new Uint8Array(words * 4).fill(7));
    fc.assert(
      fc.property(attributes, fixed, fc.nat(0xffff), (given, head, type) => {
        const message = netlinkMessage({ type, flags: 1, sequence: 3 }, head, given);
        const twice = decodeMessages(Buffer.concat([message, message]));
        expect(twice).toHaveLength(2);
        for (const { payload, ...rest } of twice) {
          expect(rest).toEqual({ type, flags: 1, sequence: 3 });
          expect(new Map([...decodeAttributes(payload, head.length)].map(([key, value]) => [key, hex(value)]))).toEqual(
            new Map(given.map((each) => [each.type, hex(each.payload)])),
          );
        }
      }),
    );
  });

  it("are read without a look beyond their end", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        for (const message of decodeMessages(noise)) {
          decodeAttributes(message.payload);
          decodeLink(message);
          decodeAddress(message);
          decodeError(message);
        }
      }),
    );
  });
});

describe("the answers of the kernel", () => {
  it("are errors, or none", () => {
    const answer = (error: string) => one(bytes(`24000000 0200 0001 01000000 00000000 ${error} ${"00".repeat(16)}`));
    expect(decodeError(answer("00000000"))).toBe(0);
    expect(decodeError(answer("efffffff"))).toBe(17);
    expect(decodeError(one(getLink("eth0")))).toBeUndefined();
  });

  it("are addresses that can be given again", () => {
    const address = {
      index: 7,
      family: 2,
      prefixLength: 24,
      scope: 0,
      flags: IFA_F.PERMANENT | IFA_F.NOPREFIXROUTE,
      address: Uint8Array.of(10, 9, 8, 7),
      local: Uint8Array.of(10, 9, 8, 7),
      broadcast: Uint8Array.of(10, 9, 8, 255),
      priority: 100,
    };
    const message = one(addAddress(address).message);
    expect(message).toMatchObject({ type: RTM.NEWADDR, flags: 0x605 });
    expect(decodeAddress(message)).toEqual(address);
    const other = { ...address, family: 10, local: undefined, broadcast: undefined, priority: undefined };
    expect(decodeAddress(one(addAddress(other).message))).toEqual(other);
  });

  it("are interfaces with their names", () => {
    const message = one(changeLink({ index: 5, up: true, name: "eth0" }).message);
    expect(decodeLink(message)).toMatchObject({ index: 5, flags: 1, name: "eth0" });
    expect(decodeLink(one(getAddresses()))).toBeUndefined();
  });
});
