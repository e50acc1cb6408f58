// image-spec, media-types.md, and Docker's "Image Manifest Version 2, Schema 2".
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
export const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
export const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";

const MANIFESTS: readonly string[] = [OCI_MANIFEST, DOCKER_MANIFEST];
const INDEXES: readonly string[] = [OCI_INDEX, DOCKER_LIST];
const CONFIGS: readonly string[] = [OCI_CONFIG, DOCKER_CONFIG];

export const isManifest = (mediaType: string): boolean => MANIFESTS.includes(mediaType);
export const isIndex = (mediaType: string): boolean => INDEXES.includes(mediaType);
export const isImageConfig = (mediaType: string): boolean => CONFIGS.includes(mediaType);
/** Docker's first schema, which has neither sizes nor a config of its own. */
export const isSchema1 = (mediaType: string): boolean =>
  /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:prettyjws|json)$/.test(mediaType);

/** What a registry is asked for, the newer first. */
export const ACCEPTED = [...INDEXES, ...MANIFESTS];

/** Layers that their licence keeps out of registries: their content is at their `urls`. */
export const isForeign = (mediaType: string): boolean =>
  /\.layer\.nondistributable\.|\.rootfs\.foreign\./.test(mediaType);
