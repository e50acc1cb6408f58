/** Bytes of a C structure of 64-bit members, little endian as both supported architectures are. */
export function u64s(...members: readonly (number | bigint)[]): Uint8Array {
  const bytes = new Uint8Array(members.length * 8);
  const view = new DataView(bytes.buffer);
  members.forEach((member, index) => {
    if (typeof member === "bigint") view.setBigUint64(index * 8, BigInt.asUintN(64, member), true);
    else {
      view.setUint32(index * 8, member >>> 0, true);
      view.setInt32(index * 8 + 4, Math.floor(member / 0x1_0000_0000), true);
    }
  });
  return bytes;
}

/** Bytes of a C structure of 32-bit members. */
export function u32s(...members: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(members.length * 4);
  const view = new DataView(bytes.buffer);
  members.forEach((member, index) => {
    view.setUint32(index * 4, member, true);
  });
  return bytes;
}

/** Bytes of 16-bit members, such as struct winsize. */
export function u16s(...members: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(members.length * 2);
  const view = new DataView(bytes.buffer);
  members.forEach((member, index) => {
    view.setUint16(index * 2, member, true);
  });
  return bytes;
}

/** The bits of `numbers` in words of 64, as cpu_set_t and nodemask_t are. */
export function bitmask(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array((Math.floor(Math.max(0, ...numbers) / 64) + 1) * 8);
  for (const number of numbers) bytes[number >> 3] = (bytes[number >> 3] ?? 0) | (1 << (number & 7));
  return bytes;
}

export const text = (content: string): Uint8Array => new TextEncoder().encode(content);

/** dev_t as mknod(2) takes it (include/linux/kdev_t.h, new_encode_dev). */
export const makedev = (major: number, minor: number): number =>
  (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12);
