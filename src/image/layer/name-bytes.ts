/**
 * File names are bytes, and mostly UTF-8. Each byte that is not is kept as a lone surrogate, U+DC80 to U+DCFF (as Python's surrogateescape does), so that
 * what is decoded here is encoded to the same bytes again.
 */
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The bytes from `start` to `end` as a name. */
export function decodeName(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const part = bytes.subarray(start, end);
  let text = "";
  for (const byte of part) {
    if (byte > 127) return decodeBeyondAscii(part);
    text += String.fromCharCode(byte);
  }
  return text;
}

function decodeBeyondAscii(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeBroken(bytes);
  }
}

/** Takes what is UTF-8 a character at a time, and each other byte as a surrogate. */
function decodeBroken(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    text +=
      length === 0 ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0)) : strict.decode(bytes.subarray(at, at + length));
    at += Math.max(1, length);
  }
  return text;
}

/** Of the UTF-8 character that begins there; 0 when none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (at + length > bytes.length) return 0;
  try {
    return [...strict.decode(bytes.subarray(at, at + length))].length === 1 ? length : 0;
  } catch {
    return 0;
  }
}

/** Writes a name's bytes into `target`; how many they are. There must be room for three bytes a character. */
export function encodeNameInto(name: string, target: Uint8Array, at: number): number {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 127) return encodeBeyondAscii(name, target, at);
    target[at + i] = code;
  }
  return name.length;
}

export function encodeName(name: string): Uint8Array {
  const bytes = new Uint8Array(name.length * 3);
  return bytes.subarray(0, encodeNameInto(name, bytes, 0));
}

function encodeBeyondAscii(name: string, target: Uint8Array, start: number): number {
  let at = start;
  // By code points, so that only a surrogate without its other half is taken for a byte.
  for (const character of name) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) target[at++] = code - 0xdc00;
    else at += encoder.encodeInto(character, target.subarray(at)).written;
  }
  return at - start;
}
