import { LibctError } from "../../errors.ts";
import type { Descriptor } from "../types.ts";
import type { RegistryClient } from "./client.ts";
import { isPassing } from "./failure.ts";
import { discard, type HttpResponse, readBody } from "./http.ts";
import { backOff, type Pause, TRIES } from "./retry.ts";

/** A blob in a registry. */
export interface Download {
  readonly client: RegistryClient;
  readonly url: URL;
  readonly scopes: readonly string[];
  readonly descriptor: Descriptor;
  readonly what: string;
  readonly pause: Pause;
  readonly signal?: AbortSignal | undefined;
}

/** So much must have come before a broken connection counts as the first one again. */
const PROGRESS = 1024 * 1024;

/** Opens a blob at byte `from`, or at 0 when the registry does not do that. A connection that breaks is opened again where it broke. */
export async function openDownload(
  download: Download,
  from: number,
): Promise<{ readonly from: number; readonly content: AsyncIterable<Uint8Array> }> {
  const first = await openAt(download, from);
  return { from: first.from, content: persist(download, first) };
}

interface Opened {
  readonly from: number;
  readonly response: HttpResponse;
}

async function openAt(download: Download, from: number): Promise<Opened> {
  const { client, url, scopes, descriptor, what, signal } = download;
  // Compressed for the way, it would not be what the digest is of.
  const headers = { "accept-encoding": "identity", ...(from > 0 && { range: `bytes=${from}-` }) };
  const response = await client.ask({ method: "GET", url, headers, scopes, accept: [200, 206, 416], what, signal });
  if (response.status === 416 || (response.status === 206 && !beginsAt(response, from, descriptor))) {
    await discard(response, client.patience);
    if (from === 0)
      throw new LibctError("ERR_CT_REGISTRY", `${what}: the registry gives a part that was not asked for`);
    return openAt(download, 0);
  }
  const length = response.headers["content-length"];
  const start = response.status === 206 ? from : 0;
  if (length !== undefined && Number(length) !== descriptor.size - start) {
    response.body.destroy();
    throw new LibctError(
      "ERR_CT_DIGEST",
      `${what}: ${descriptor.digest} is not what it should be: the registry has ${start + Number(length)} bytes of it, the manifest tells of ${descriptor.size}`,
    );
  }
  return { from: start, response };
}

/** Content-Range: bytes 5-9/10 (RFC 9110, 14.4) */
function beginsAt({ headers }: HttpResponse, from: number, { size }: Descriptor): boolean {
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers["content-range"] ?? "") ?? [];
  return Number(first) === from && (total === "*" || Number(total) === size);
}

async function* persist(download: Download, first: Opened): AsyncGenerator<Uint8Array> {
  const { client, descriptor, what, signal, pause } = download;
  let [opened, at, tries, mark] = [first, first.from, 0, first.from];
  for (;;) {
    let failure: unknown;
    try {
      let skip = at - opened.from;
      for await (const chunk of readBody(opened.response, client.patience, signal)) {
        const fresh = skip > 0 ? chunk.subarray(skip) : chunk;
        skip = Math.max(0, skip - chunk.length);
        at += fresh.length;
        if (fresh.length > 0) yield fresh;
      }
      if (at >= descriptor.size) return;
      failure = new LibctError(
        "ERR_CT_REGISTRY",
        `${what}: the registry ended after ${at} of ${descriptor.size} bytes of ${descriptor.digest}`,
        {
          hint: "what has come is kept where there is a place for it: try again",
        },
      );
    } catch (error) {
      if (!isPassing(error)) throw error;
      failure = error;
    }
    if (at - mark >= PROGRESS) [tries, mark] = [0, at];
    if (++tries >= TRIES) throw failure;
    await pause(backOff(tries), signal);
    opened = await openAt(download, at);
  }
}
