import type { ReceiveEvent } from "../../host/index.ts";
import { bytes } from "../table.ts";
import { shortId } from "./names.ts";

interface Bar {
  readonly size: number;
  bytes: number;
  said: string;
  /** Milliseconds */
  begun: number | undefined;
  /** Bytes that were there before this transfer: they say nothing of its speed. */
  first: number;
}

/** Escape sequences of ECMA-48: up so many lines, erase to the end of the line. */
const up = (lines: number) => (lines === 0 ? "" : `\x1b[${lines}A`);
const ERASE = "\x1b[K";
const FRAME_MS = 100;

/** A line for each blob: how far it is, how fast, and how long it will take. Pure but for its memory: what is written gives `draw`. */
export class Bars {
  readonly #bars = new Map<string, Bar>();
  readonly #columns: number;
  readonly #most: number;
  #drawn = 0;
  #last = Number.NEGATIVE_INFINITY;

  constructor({ rows, columns }: { readonly rows: number; readonly columns: number }) {
    this.#columns = columns;
    this.#most = Math.max(1, rows - 2);
  }

  take(event: ReceiveEvent, now: number): void {
    if (event.event === "manifest") return;
    const bar = this.#bars.get(event.digest);
    if (event.event === "layer") {
      if (bar && event.status !== "present") bar.said = event.status;
      return;
    }
    const { size, status } = event;
    if (!bar) {
      this.#bars.set(event.digest, { size, bytes: event.bytes, said: SAID[status], begun: undefined, first: 0 });
      return;
    }
    if (status === "copying" && bar.begun === undefined) [bar.begun, bar.first] = [now, event.bytes];
    bar.bytes = event.bytes;
    // A layer is unpacked as soon as it has come, and that may be told before its blob is.
    if (!bar.said.startsWith("unpack")) bar.said = SAID[status];
  }

  /** What a terminal is to be given; nothing when it was given something a moment ago. */
  draw(now: number): string {
    if (now - this.#last < FRAME_MS) return "";
    return this.#frame(now);
  }

  finish(now: number): string {
    return this.#frame(now);
  }

  #frame(now: number): string {
    this.#last = now;
    const lines = [...this.#bars].slice(-this.#most).map(([digest, bar]) => this.#line(digest, bar, now));
    const text = `${up(this.#drawn)}${lines.map((line) => `${line}${ERASE}\n`).join("")}`;
    this.#drawn = lines.length;
    return text;
  }

  #line(digest: string, bar: Bar, now: number): string {
    const head = `${shortId(digest)}  ${bar.said.padEnd(13)}`;
    const text = bar.said === SAID.copying ? `${head}${this.#progress(bar, now)}` : `${head}${bytes(bar.size)}`;
    return text.slice(0, Math.max(0, this.#columns - 1));
  }

  #progress({ bytes: done, size, begun, first }: Bar, now: number): string {
    const part = size === 0 ? 1 : done / size;
    const width = Math.max(5, Math.min(30, this.#columns - 60));
    const full = Math.round(part * width);
    const seconds = begun === undefined ? 0 : (now - begun) / 1000;
    const speed = seconds > 0.2 ? (done - first) / seconds : 0;
    const rest = speed > 0 ? `${bytes(speed)}/s  ${time((size - done) / speed)}` : "";
    return `[${"=".repeat(full)}${" ".repeat(width - full)}] ${bytes(done)}/${bytes(size)}  ${rest}`;
  }
}

const SAID = { waiting: "waiting", copying: "transferring", present: "already there", done: "transferred" } as const;

/** "5s", "1m30s" */
function time(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, "0")}s`;
}
