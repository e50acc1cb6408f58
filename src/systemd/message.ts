import { marshal } from "./marshal.ts";
import { Reader, unmarshal } from "./unmarshal.ts";
import { LIMIT, padding, type Value, type Variant, variant } from "./value.ts";

/** "D-Bus Specification", "Message Format". */
export interface Message {
  readonly type: "call" | "return" | "error" | "signal";
  readonly serial: number;
  /** 1: nobody waits for a reply. 2: start no service. 4: the caller can wait for a person to be asked. */
  readonly flags?: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  /** How many descriptors come with it. */
  readonly descriptors?: number;
  readonly signature?: string;
  readonly body?: readonly Value[];
}

const TYPES = ["call", "return", "error", "signal"] as const;

/** Header fields in the order of their numbers, from 1 on. */
const FIELDS = [
  ["path", "o"],
  ["interface", "s"],
  ["member", "s"],
  ["errorName", "s"],
  ["replySerial", "u"],
  ["destination", "s"],
  ["sender", "s"],
  ["signature", "g"],
  ["descriptors", "u"],
] as const;

/** Endianness, type, flags, version, length of the body, serial, length of the header fields. */
const FIXED = 16;
const VERSION = 1;

export function encodeMessage(message: Message): Uint8Array {
  const body = marshal(message.signature ?? "", message.body ?? []);
  const fields = FIELDS.flatMap(([name, signature], index): Value[] => {
    const value = message[name];
    return value === undefined || value === "" ? [] : [[index + 1, variant(signature, value)]];
  });
  const type = TYPES.indexOf(message.type) + 1;
  const start: readonly Value[] = ["l".charCodeAt(0), type, message.flags ?? 0, VERSION, body.length, message.serial];
  const header = marshal("yyyyuua(yv)", [...start, fields]);
  const bytes = new Uint8Array(header.length + padding(header.length, 8) + body.length);
  bytes.set(header);
  bytes.set(body, bytes.length - body.length);
  if (bytes.length > LIMIT.MESSAGE) throw new TypeError("the message is too long for D-Bus");
  return bytes;
}

/** The length of the message that begins here; undefined: not enough of it is known. Throws RangeError for what is no message. */
export function messageLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < FIXED) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, FIXED);
  const little = isLittle(bytes);
  if (bytes[3] !== VERSION) throw new RangeError(`version ${bytes[3]} of D-Bus`);
  const fields = view.getUint32(12, little);
  const length = FIXED + fields + padding(FIXED + fields, 8) + view.getUint32(4, little);
  if (fields > LIMIT.ARRAY || length > LIMIT.MESSAGE) throw new RangeError(`a message of ${length} bytes`);
  return length;
}

function isLittle([order]: Uint8Array): boolean {
  if (order === "l".charCodeAt(0)) return true;
  if (order === "B".charCodeAt(0)) return false;
  throw new RangeError("not a message of D-Bus");
}

/** A whole message. Fields that are not known are ignored, as they must be. */
export function decodeMessage(bytes: Uint8Array): Message {
  const little = isLittle(bytes);
  const reader = new Reader(bytes, little);
  reader.at = 12;
  const end = FIXED + reader.u32();
  const bodyStart = end + padding(end, 8);
  const [, code = 0, flags = 0, , bodyLength, serial = 0, list] = unmarshal(
    "yyyyuua(yv)",
    bytes.subarray(0, end),
    little,
  ) as [number, number, number, number, number, number, readonly (readonly [number, Variant])[]];
  const type = TYPES[code - 1];
  if (!type) throw new RangeError(`a message of type ${code}`);
  if (serial === 0 || bodyStart + bodyLength !== bytes.length) throw new RangeError("a header that contradicts itself");
  const fields: Record<string, Value> = {};
  for (const [number, { signature, value }] of list) {
    const field = FIELDS[number - 1];
    if (!field) continue;
    if (field[1] !== signature) throw new RangeError(`the header field ${field[0]} as ${signature}`);
    fields[field[0]] = value;
  }
  const signature = String(fields.signature ?? "");
  return { type, serial, flags, ...fields, signature, body: unmarshal(signature, bytes.subarray(bodyStart), little) };
}
