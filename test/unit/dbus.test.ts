import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { doors, socketPaths } from "../../src/systemd/address.ts";
import { authBegin, authStep } from "../../src/systemd/auth.ts";
import { marshal } from "../../src/systemd/marshal.ts";
import { decodeMessage, encodeMessage, type Message, messageLength } from "../../src/systemd/message.ts";
import { parseSignature } from "../../src/systemd/signature.ts";
import { unmarshal } from "../../src/systemd/unmarshal.ts";
import { type Value, variant } from "../../src/systemd/value.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s+/g, ""), "hex"));

describe("values of D-Bus as bytes", () => {
  // The first three are examples of the specification, "Marshaling".
  it.each<[string, string, Value[], string]>([
    ["strings", "sss", ["foo", "+", "bar"], "03000000 666f6f00 01000000 2b00 0000 03000000 62617200"],
    ["an array of 64 bits", "at", [[5n]], "08000000 00000000 0500000000000000"],
    ["a variant", "v", [variant("u", 7)], "01 75 00 00 07000000"],
    ["a byte and a boolean", "yb", [1, true], "01 000000 01000000"],
    ["16 bits", "nq", [-2, 65535], "feff ffff"],
    ["64 bits", "xt", [-1n, (1n << 64n) - 1n], "ffffffffffffffff ffffffffffffffff"],
    ["a double", "d", [1.5], "000000000000f83f"],
    ["a signature and a path", "go", ["a{sv}", "/a"], "05 617b73767d 00 00 02000000 2f6100"],
    ["bytes", "ay", [Uint8Array.of(1, 2)], "02000000 0102"],
    ["an empty array of structures, with its padding", "a(uu)", [[]], "00000000 00000000"],
    ["a dictionary", "a{yy}", [[[1, 2]]], "02000000 00000000 0102"],
    ["descriptors", "ah", [[0, 1]], "08000000 00000000 01000000"],
    [
      "properties of a unit",
      "a(sv)",
      [[["PIDs", variant("au", [258])]]],
      "18000000 00000000 04000000 5049447300 02 6175 00 000000 04000000 02010000",
    ],
  ])("%s", (_, signature, values, expected) => {
    expect(hex(marshal(signature, values))).toBe(hex(bytes(expected)));
    expect(unmarshal(signature, bytes(expected))).toEqual(values);
  });

  it("are read in the other order, too", () => {
    expect(unmarshal("sat", bytes("00000003 666f6f00 00000008 00000000 0000000000000005"), false)).toEqual([
      "foo",
      [5n],
    ]);
  });

  it("come back as they went, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(typed, { maxLength: 5 }), (list) => {
        const signature = list.map((one) => one.signature).join("");
        fc.pre(signature.length <= 255);
        const values = list.map(({ value }) => value);
        expect(unmarshal(signature, marshal(signature, values))).toEqual(values);
      }),
    );
  });

  it.each<[string, Value]>([
    ["y", 256],
    ["n", 40000],
    ["u", -1],
    ["u", 1.5],
    ["t", 5],
    ["t", -1n],
    ["x", 1n << 63n],
    ["b", 1],
    ["s", "a\0b"],
    ["o", "no/path"],
    ["o", "/ends/"],
    ["g", "z"],
    ["ay", [1]],
    ["as", "text"],
    ["(ss)", ["one"]],
    ["v", 5],
  ])("of type %s are refused when they are %s", (signature, value) => {
    expect(() => marshal(signature, [value])).toThrow();
  });

  it.each(["(", "()", "a", "a{vs}", "a{s}", "{ss}", "a{sss}", ")", "r", `${"a".repeat(33)}y`, "y".repeat(256)])(
    "have no signature %s",
    (signature) => {
      expect(() => parseSignature(signature)).toThrow(RangeError);
    },
  );

  it.each<[string, string, string]>([
    ["a length that goes beyond the end", "s", "ff000000 6162"],
    ["a text without an end", "s", "02000000 616263"],
    ["a boolean of 2", "b", "02000000"],
    ["padding that is not zero", "yu", "01 010000 01000000"],
    ["an array that cuts an item", "au", "06000000 01000000 0200"],
    ["bytes too many", "y", "0101"],
    ["text that is not UTF-8", "s", "01000000 ff00"],
  ])("are refused with %s", (_, signature, text) => {
    expect(() => unmarshal(signature, bytes(text))).toThrow();
  });

  it("never make anything but an error of bytes that somebody else has made up", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.constantFrom("a{sv}", "a(sv)", "v", "ssa(sv)a(sa(sv))"),
        (given, signature) => {
          try {
            unmarshal(signature, given);
          } catch (error) {
            expect(error instanceof RangeError || error instanceof TypeError).toBe(true);
          }
        },
      ),
    );
  });
});

/** A type, and a value of it. */
interface Typed {
  readonly signature: string;
  readonly value: Value;
}

const of = <T extends Value>(signature: string, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Typed> =>
  arbitrary.map((value) => ({ signature, value }));
const text = fc.string({ unit: "grapheme", maxLength: 8 }).filter((one) => !one.includes("\0"));

const basic: fc.Arbitrary<Typed> = fc.oneof(
  of("y", fc.integer({ min: 0, max: 255 })),
  of("b", fc.boolean()),
  of("n", fc.integer({ min: -32768, max: 32767 })),
  of("q", fc.integer({ min: 0, max: 65535 })),
  of("i", fc.integer()),
  of("u", fc.integer({ min: 0, max: 0xffffffff })),
  of("x", fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })),
  of("t", fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
  of("d", fc.double({ noNaN: true })),
  of("s", text),
  of("o", fc.constantFrom("/", "/a", "/a/b_2")),
  of("g", fc.constantFrom("", "s", "a{sv}")),
  of("ay", fc.uint8Array({ maxLength: 9 })),
);

const { typed } = fc.letrec<{ typed: Typed }>((tie) => ({
  typed: fc.oneof(
    { depthSize: "small" },
    basic,
    fc.array(tie("typed"), { minLength: 1, maxLength: 3 }).map((members) => ({
      signature: `(${members.map(({ signature }) => signature).join("")})`,
      value: members.map(({ value }) => value),
    })),
    tie("typed").map(({ signature, value }) => ({ signature: "v", value: variant(signature, value) })),
    // An array of bytes is another thing.
    fc
      .tuple(tie("typed"), fc.integer({ min: 0, max: 3 }))
      .filter(([{ signature }]) => signature !== "y")
      .map(([{ signature, value }, count]) => ({ signature: `a${signature}`, value: Array(count).fill(value) })),
    fc
      .tuple(text, tie("typed"))
      .map(([key, { signature, value }]) => ({ signature: `a{s${signature}}`, value: [[key, value]] })),
  ),
}));

describe("messages of D-Bus", () => {
  const hello: Message = {
    type: "call",
    serial: 1,
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    member: "Hello",
    destination: "org.freedesktop.DBus",
  };

  it("are laid out as the specification says", () => {
    const text = `6c 01 00 01 00000000 01000000 6d000000
      01 01 6f 00 15000000 2f6f72672f667265656465736b746f702f4442757300 0000
      02 01 73 00 14000000 6f72672e667265656465736b746f702e4442757300 000000
      03 01 73 00 05000000 48656c6c6f00 0000
      06 01 73 00 14000000 6f72672e667265656465736b746f702e4442757300 000000`;
    expect(hex(encodeMessage(hello))).toBe(hex(bytes(text)));
    expect(decodeMessage(bytes(text))).toMatchObject(hello);
  });

  it("come back as they went", () => {
    const signal: Message = {
      type: "signal",
      serial: 7,
      flags: 1,
      path: "/org/freedesktop/systemd1",
      interface: "org.freedesktop.systemd1.Manager",
      member: "JobRemoved",
      sender: ":1.0",
      signature: "uoss",
      body: [1, "/org/freedesktop/systemd1/job/1", "a.scope", "done"],
    };
    const error: Message = { type: "error", serial: 8, errorName: "a.b", replySerial: 3, signature: "s", body: ["no"] };
    for (const message of [signal, error, hello]) {
      const encoded = encodeMessage(message);
      expect(messageLength(encoded)).toBe(encoded.length);
      expect(decodeMessage(encoded)).toMatchObject(message);
    }
  });

  it("are not read before they are there, and not at all when they are none", () => {
    const encoded = encodeMessage(hello);
    expect(messageLength(encoded.subarray(0, 15))).toBeUndefined();
    expect(() => messageLength(bytes("00".repeat(16)))).toThrow("not a message");
    expect(() => messageLength(bytes(`6c010001 ffffffff 01000000 00000000`))).toThrow(RangeError);
    const other = Uint8Array.from(encoded);
    other[1] = 9;
    expect(() => decodeMessage(other)).toThrow("type 9");
  });
});

describe("the handshake of D-Bus", () => {
  it("says who we are, and goes on as the other side says", () => {
    expect(authBegin(1000)).toBe("\0AUTH EXTERNAL 31303030\r\n");
    expect(authStep("OK 1234deadbeef")).toEqual({ do: "done" });
    expect(authStep("DATA")).toEqual({ do: "send", line: "DATA\r\n" });
    expect(authStep("REJECTED DBUS_COOKIE_SHA1")).toMatchObject({
      do: "refused",
      why: expect.stringContaining("DBUS_COOKIE_SHA1"),
    });
    expect(authStep("ERROR what?")).toEqual({ do: "refused", why: "what?" });
    expect(authStep("HTTP/1.1 400 Bad Request")).toMatchObject({ do: "refused" });
  });
});

describe("addresses of D-Bus", () => {
  it.each([
    ["unix:path=/run/user/1000/bus", ["/run/user/1000/bus"]],
    ["unix:path=/a%20b,guid=1;unix:abstract=/tmp/x", ["/a b", "\0/tmp/x"]],
    ["tcp:host=127.0.0.1,port=1;unix:runtime=yes", []],
    ["", []],
  ])("%s", (address, paths) => {
    expect(socketPaths(address)).toEqual(paths);
  });

  it("are tried in their order, each once", () => {
    const paths = (kind: "system" | "user", env: Record<string, string>) => doors(kind, 7, env).map(({ path }) => path);
    expect(paths("system", {})).toEqual(["/run/dbus/system_bus_socket", "/run/systemd/private"]);
    expect(paths("user", {})).toEqual(["/run/user/7/bus", "/run/user/7/systemd/private"]);
    expect(paths("user", { XDG_RUNTIME_DIR: "/x", DBUS_SESSION_BUS_ADDRESS: "unix:path=/x/bus" })).toEqual([
      "/x/bus",
      "/x/systemd/private",
    ]);
    expect(paths("user", { DBUS_SESSION_BUS_ADDRESS: "unix:path=/tmp/other" })[0]).toBe("/tmp/other");
  });
});
