/**
 * A further door of this room, for a container over an image that is here: it leads to no registry, no archive, and no hash. What else this room has is behind
 * index.ts, and takes longer to load than such a container to start.
 */
export { type CommandWords, type ImageDefaults, imageDefaults, requireCommand } from "./config.ts";
export { parseLocation } from "./location.ts";
export { type ContainerLayer, pinLayers } from "./store/containers.ts";
export { type FoundImage, findImage, requireImage, type StoredImage } from "./store/images.ts";
export { hasLayer, hidesBelow, layerTree } from "./store/layer-place.ts";
export type { LayerWorker } from "./store/layers.ts";
export type { Store } from "./store/place.ts";
export type { ReceiveEvent } from "./store/receive.ts";
export { removeContainer } from "./store/remove-container.ts";
export type { Digest } from "./types.ts";
