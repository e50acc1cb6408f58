import { LibctError } from "../../errors.ts";
import { mediaTypeOf } from "../manifest-type.ts";
import { isForeign } from "../media-types.ts";
import { formatReference, type ImageReference } from "../reference.ts";
import type { Descriptor, Digest, ImageDestination, ImageSource } from "../types.ts";
import { type Connection, connect, type RegistryOptions } from "./connect.ts";
import { ownEndpoint } from "./endpoints.ts";
import { discard } from "./http.ts";
import { type Session, sessionOf, upload } from "./upload.ts";

/** A name in a registry, to push to. */
export function registryDestination(reference: ImageReference, options: RegistryOptions = {}): ImageDestination {
  const name = formatReference(reference);
  const endpoint = ownEndpoint(reference);
  const { repository } = endpoint;
  const scopes = [`repository:${repository}:pull,push`];
  /** Sessions that the registry began when it could not take a blob from another repository. */
  const started = new Map<Digest, Session>();
  let connection: Promise<Connection> | undefined;
  const connected = () => {
    connection ??= connect(endpoint, options);
    return connection;
  };

  async function exists({ digest, size }: Descriptor, signal: AbortSignal | undefined): Promise<boolean> {
    const { client } = await connected();
    const url = new URL(`/v2/${repository}/blobs/${digest}`, client.base);
    const { status, headers, body } = await client.ask({
      method: "HEAD",
      url,
      scopes,
      accept: [200, 404],
      what: name,
      signal,
    });
    body.resume();
    const length = headers["content-length"];
    return status === 200 && (length === undefined || Number(length) === size);
  }

  /** distribution-spec, "Mounting a blob from another repository". */
  async function mount({ digest }: Descriptor, from: string, signal: AbortSignal | undefined): Promise<boolean> {
    const { client } = await connected();
    const url = new URL(`/v2/${repository}/blobs/uploads/`, client.base);
    url.searchParams.append("mount", digest);
    url.searchParams.append("from", from);
    const both = [...scopes, `repository:${from}:pull`];
    const headers = { "content-length": "0" };
    const response = await client.ask({
      method: "POST",
      url,
      headers,
      scopes: both,
      accept: [201, 202],
      what: name,
      signal,
    });
    if (response.status === 202) started.set(digest, await sessionOf({ client, what: name }, response));
    else await discard(response, client.patience);
    return response.status === 201;
  }

  return {
    name,
    async hasBlob(descriptor, { from, signal } = {}) {
      // Where it is from is in the manifest, and a registry may not have it.
      if (isForeign(descriptor.mediaType) && (descriptor.urls ?? []).length > 0) return true;
      if (await exists(descriptor, signal)) return true;
      const other = sameRegistry(from, reference);
      if (other === undefined) return false;
      try {
        return await mount(descriptor, other, signal);
      } catch (error) {
        // Who may not read the other repository may still have the content from elsewhere.
        if (error instanceof LibctError && error.code !== "ERR_CT_ABORTED") return false;
        throw error;
      }
    },
    async putBlob(descriptor, content, { signal } = {}) {
      const { client, pause } = await connected();
      const { chunkSize } = options;
      const session = started.get(descriptor.digest);
      started.delete(descriptor.digest);
      await upload({ client, repository, scopes, descriptor, what: name, pause, chunkSize, signal }, content, session);
    },
    async putManifest(manifest, tagged, { signal } = {}) {
      const { client } = await connected();
      const { digest } = manifest.descriptor;
      const which = tagged ? tagOf(reference, digest) : digest;
      const response = await client.ask({
        method: "PUT",
        url: new URL(`/v2/${repository}/manifests/${which}`, client.base),
        headers: { "content-type": mediaTypeOf(manifest, name), "content-length": String(manifest.bytes.length) },
        body: manifest.bytes,
        scopes,
        accept: [201, 202],
        what: name,
        signal,
      });
      await discard(response, client.patience);
    },
    async close() {
      (await connection?.catch(() => undefined))?.close();
    },
  };
}

/** Another repository of the same registry that has the blobs of `from`. */
function sameRegistry(from: ImageSource | undefined, { domain, repository }: ImageReference): string | undefined {
  return from?.origins?.find((one) => one.domain === domain && one.repository !== repository)?.repository;
}

function tagOf(reference: ImageReference, digest: Digest): string {
  if (reference.digest !== undefined && reference.digest !== digest) {
    throw new LibctError(
      "ERR_CT_USAGE",
      `${formatReference(reference)} names another image than the one to push, ${digest}`,
      {
        hint: "push to a tag",
      },
    );
  }
  return reference.tag ?? digest;
}
