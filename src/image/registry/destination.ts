import { LibctError } from "../../errors.ts";
import { mediaTypeOf } from "../manifest-type.ts";
import { isForeign } from "../media-types.ts";
import { formatReference, type ImageReference } from "../reference.ts";
import type { Descriptor, Digest, ImageDestination, ImageSource, RawManifest } from "../types.ts";
import { type Connection, connect, type RegistryOptions } from "./connect.ts";
import { ownEndpoint } from "./endpoints.ts";
import { discard } from "./http.ts";
import { type Session, sessionOf, upload } from "./upload.ts";

type Signal = AbortSignal | undefined;

/** A repository that is pushed to. */
interface Target {
  readonly reference: ImageReference;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly chunkSize: number | undefined;
  /** Sessions that the registry began when it could not take a blob from another repository. */
  readonly started: Map<Digest, Session>;
  connected(): Promise<Connection>;
}

/** A name in a registry, to push to. */
export function registryDestination(reference: ImageReference, options: RegistryOptions = {}): ImageDestination {
  const name = formatReference(reference);
  let connection: Promise<Connection> | undefined;
  const target: Target = {
    reference,
    name,
    scopes: [`repository:${reference.repository}:pull,push`],
    chunkSize: options.chunkSize,
    started: new Map(),
    connected: () => {
      connection ??= connect(ownEndpoint(reference), options);
      return connection;
    },
  };
  return {
    name,
    hasBlob: (descriptor, { from, signal } = {}) => hasBlob(target, descriptor, from, signal),
    async putBlob(descriptor, content, { signal } = {}) {
      const { client, pause } = await target.connected();
      const { scopes, chunkSize, started } = target;
      const session = started.get(descriptor.digest);
      started.delete(descriptor.digest);
      const { repository } = reference;
      await upload({ client, repository, scopes, descriptor, what: name, pause, chunkSize, signal }, content, session);
    },
    putManifest: (manifest, tagged, { signal } = {}) => putManifest(target, manifest, tagged, signal),
    async close() {
      (await connection?.catch(() => undefined))?.close();
    },
  };
}

async function hasBlob(
  target: Target,
  descriptor: Descriptor,
  from: ImageSource | undefined,
  signal: Signal,
): Promise<boolean> {
  // Where it is from is in the manifest, and a registry may not have it.
  if (isForeign(descriptor.mediaType) && (descriptor.urls ?? []).length > 0) return true;
  if (await exists(target, descriptor, signal)) return true;
  const other = sameRegistry(from, target.reference);
  if (other === undefined) return false;
  try {
    return await mount(target, descriptor, other, signal);
  } catch (error) {
    // Who may not read the other repository may still have the content from elsewhere.
    if (error instanceof LibctError && error.code !== "ERR_CT_ABORTED") return false;
    throw error;
  }
}

async function exists(
  { connected, reference, scopes, name }: Target,
  { digest, size }: Descriptor,
  signal: Signal,
): Promise<boolean> {
  const { client } = await connected();
  const url = new URL(`/v2/${reference.repository}/blobs/${digest}`, client.base);
  const response = await client.ask({ method: "HEAD", url, scopes, accept: [200, 404], what: name, signal });
  response.body.resume();
  const length = response.headers["content-length"];
  return response.status === 200 && (length === undefined || Number(length) === size);
}

/** distribution-spec, "Mounting a blob from another repository". */
async function mount(target: Target, { digest }: Descriptor, from: string, signal: Signal): Promise<boolean> {
  const { reference, name, started } = target;
  const { client } = await target.connected();
  const url = new URL(`/v2/${reference.repository}/blobs/uploads/`, client.base);
  url.searchParams.append("mount", digest);
  url.searchParams.append("from", from);
  const scopes = [...target.scopes, `repository:${from}:pull`];
  const headers = { "content-length": "0" };
  const response = await client.ask({ method: "POST", url, headers, scopes, accept: [201, 202], what: name, signal });
  if (response.status === 202) started.set(digest, await sessionOf({ client, what: name }, response));
  else await discard(response, client.patience);
  return response.status === 201;
}

/** Another repository of the same registry that has the blobs of `from`. */
function sameRegistry(from: ImageSource | undefined, { domain, repository }: ImageReference): string | undefined {
  return from?.origins?.find((one) => one.domain === domain && one.repository !== repository)?.repository;
}

async function putManifest(target: Target, manifest: RawManifest, tagged: boolean, signal: Signal): Promise<void> {
  const { reference, name, scopes } = target;
  const { client } = await target.connected();
  const { digest } = manifest.descriptor;
  const which = tagged ? tagOf(reference, digest) : digest;
  const response = await client.ask({
    method: "PUT",
    url: new URL(`/v2/${reference.repository}/manifests/${which}`, client.base),
    // Registries insist that the type of the request is that in the document.
    headers: { "content-type": mediaTypeOf(manifest, name), "content-length": String(manifest.bytes.length) },
    body: manifest.bytes,
    scopes,
    accept: [201, 202],
    what: name,
    signal,
  });
  await discard(response, client.patience);
}

function tagOf(reference: ImageReference, digest: Digest): string {
  if (reference.digest === undefined || reference.digest === digest) return reference.tag ?? digest;
  const what = `${formatReference(reference)} names another image than the one to push, ${digest}`;
  throw new LibctError("ERR_CT_USAGE", what, { hint: "push to a tag" });
}
