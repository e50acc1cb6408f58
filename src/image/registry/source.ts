import { LibctError } from "../../errors.ts";
import { algorithmOf, digestOf, isDigest } from "../digest.ts";
import { LARGEST_MANIFEST } from "../manifest.ts";
import { ACCEPTED, isForeign } from "../media-types.ts";
import { formatReference, type ImageReference } from "../reference.ts";
import type { Descriptor, Digest, ImageSource, RawManifest } from "../types.ts";
import { type Connection, connect, type RegistryOptions } from "./connect.ts";
import { openDownload } from "./download.ts";
import { type Endpoint, ownEndpoint } from "./endpoints.ts";
import { type HttpResponse, readSome } from "./http.ts";

interface Place {
  readonly endpoint: Endpoint;
  connection?: Promise<Connection>;
}

/** An image in a registry. `endpoints` are the places to look at, in this order: mirrors, then the registry itself. */
export function registrySource(
  reference: ImageReference,
  options: RegistryOptions = {},
  endpoints: readonly Endpoint[] = [ownEndpoint(reference)],
): ImageSource {
  const name = formatReference(reference);
  // The one that gave the manifest is asked first for what belongs to it.
  const places: Place[] = endpoints.map((endpoint) => ({ endpoint }));

  /** One that could not be made is tried again by who asks next; others may be using one that could. */
  function connectionTo(place: Place): Promise<Connection> {
    place.connection ??= connect(place.endpoint, options).catch((error: unknown) => {
      delete place.connection;
      throw error;
    });
    return place.connection;
  }

  async function anywhere<T>(
    act: (place: Place, connection: Connection) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    let failure: unknown;
    for (const place of [...places]) {
      try {
        const result = await act(place, await connectionTo(place));
        places.unshift(...places.splice(places.indexOf(place), 1));
        return result;
      } catch (error) {
        // What the registry itself says counts more than what a mirror says.
        failure = error;
        if (signal?.aborted) break;
      }
    }
    throw failure;
  }

  return {
    name,
    origins: [{ domain: reference.domain, repository: reference.repository }],
    manifest(digest = reference.digest, { signal } = {}) {
      const which = digest ?? reference.tag ?? "latest";
      return anywhere(async ({ endpoint }, { client }) => {
        const response = await client.ask({
          method: "GET",
          url: new URL(`/v2/${endpoint.repository}/manifests/${which}`, client.base),
          headers: { accept: ACCEPTED.join(", ") },
          scopes: pullScopes(endpoint),
          accept: [200],
          what: name,
          signal,
        });
        return readManifest(response, digest, name, client.patience, signal);
      }, signal);
    },
    blob(descriptor, { from = 0, signal } = {}) {
      return anywhere(async ({ endpoint }, { client, pause }) => {
        const url = new URL(`/v2/${endpoint.repository}/blobs/${descriptor.digest}`, client.base);
        const download = { client, url, scopes: pullScopes(endpoint), descriptor, what: name, pause, signal };
        const elsewhere = foreignUrl(descriptor, client.base);
        return openDownload(elsewhere ? { ...download, url: elsewhere } : download, from);
      }, signal);
    },
    async close() {
      for (const { connection } of places) (await connection?.catch(() => undefined))?.close();
    },
  };
}

const pullScopes = ({ repository }: Endpoint): readonly string[] => [`repository:${repository}:pull`];

/** Where a layer is that no registry may have (image-spec, descriptor.md, `urls`). */
function foreignUrl({ mediaType, urls = [] }: Descriptor, base: URL): URL | undefined {
  if (!isForeign(mediaType)) return undefined;
  const allowed = base.protocol === "http:" ? ["http:", "https:"] : ["https:"];
  return urls
    .flatMap((text) => (URL.canParse(text) ? [new URL(text)] : []))
    .find(({ protocol }) => allowed.includes(protocol));
}

async function readManifest(
  response: HttpResponse,
  wanted: Digest | undefined,
  name: string,
  patience: number,
  signal: AbortSignal | undefined,
): Promise<RawManifest> {
  const bytes = await readSome(response, LARGEST_MANIFEST, patience, signal);
  if (bytes.length > LARGEST_MANIFEST) {
    throw new LibctError("ERR_CT_IMAGE", `${name}: its manifest is longer than ${LARGEST_MANIFEST} bytes`);
  }
  const told = response.headers["docker-content-digest"];
  const expected = wanted ?? (isDigest(told) ? told : undefined);
  const digest = digestOf(bytes, expected && algorithmOf(expected));
  if (expected !== undefined && digest !== expected) {
    throw new LibctError(
      "ERR_CT_DIGEST",
      `${name}: the manifest is not what it should be: its digest is ${digest} and not ${expected}`,
    );
  }
  const mediaType = (response.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}
