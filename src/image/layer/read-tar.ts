import { badLayer } from "./layer-error.ts";
import type { TarEntry } from "./tar-entry.ts";
import { type TarEvent, TarReader } from "./tar-reader.ts";

/** An entry with its content, which is read once, before the next entry is asked for; what is not read is passed over. */
export interface TarMember extends TarEntry {
  readonly content: AsyncIterable<Uint8Array>;
}

const HOLE = new Uint8Array(65536);

/** The entries of an archive, one after the other. Holes of sparse files are given as zeroes. */
export async function* readTar(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<TarMember> {
  const events = tarEvents(source);
  const state: { next: IteratorResult<TarEvent> } = { next: await events.next() };
  try {
    while (!state.next.done) {
      const event = state.next.value;
      state.next = ON_THE_WAY;
      if (event.kind === "entry") yield { ...event.entry, content: contentOf(events, event.entry, state) };
      while (state.next === ON_THE_WAY) await advance(events, state);
    }
  } finally {
    await events.return(undefined);
  }
}

/** While the next entry has not come yet. */
const ON_THE_WAY: IteratorResult<TarEvent> = { done: true, value: undefined };

/** The whole content of a member that may not be longer than `limit`. */
export async function readMember(member: TarMember, limit: number): Promise<Uint8Array> {
  if (member.size > limit) {
    throw badLayer(`${member.name} in the archive has ${member.size} bytes; at most ${limit} are taken`, {
      path: member.name,
    });
  }
  const bytes = new Uint8Array(member.size);
  let at = 0;
  for await (const part of member.content) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

async function* tarEvents(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<TarEvent> {
  const reader = new TarReader();
  for await (const chunk of source) yield* reader.push(chunk);
  reader.end();
}

/** The next piece of content; undefined when the next entry has come, or the end. */
async function advance(events: AsyncGenerator<TarEvent>, state: { next: IteratorResult<TarEvent> }) {
  const next = await events.next();
  if (!next.done && next.value.kind === "content") return next.value;
  state.next = next;
  return undefined;
}

async function* contentOf(
  events: AsyncGenerator<TarEvent>,
  entry: TarEntry,
  state: { next: IteratorResult<TarEvent> },
): AsyncGenerator<Uint8Array> {
  let at = 0;
  while (state.next === ON_THE_WAY) {
    const piece = await advance(events, state);
    yield* zeroes((piece?.at ?? entry.size) - at);
    if (!piece) return;
    yield piece.bytes;
    at = piece.at + piece.bytes.length;
  }
}

function* zeroes(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= HOLE.length) yield HOLE.subarray(0, left);
}
