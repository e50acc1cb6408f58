export { blobContent, bytesContent } from "./blob-content.ts";
export { type CommandWords, type ImageDefaults, imageDefaults } from "./config.ts";
export { type CopyOptions, type CopyResult, copyImage } from "./copy.ts";
export type { BlobEvent, CopyEvent } from "./copy-events.ts";
export { forgetCredentials, type Kept, keepCredentials } from "./credentials/keep.ts";
export type { Credentials } from "./credentials/types.ts";
export { digestOf, isDigest, verifier, verifyBytes } from "./digest.ts";
export { archiveWriter } from "./formats/archive-writer.ts";
export { namesInArchive } from "./formats/open-archive.ts";
export { fileOutput, streamOutput } from "./formats/outputs.ts";
export { compareLayers, compareTrees, packDifference, type TreeChange } from "./layer/compare-trees.ts";
export { packMerged } from "./layer/merged-tree.ts";
export { type PackOptions, packUpper } from "./layer/pack.ts";
export { readTar } from "./layer/read-tar.ts";
export { removeTree } from "./layer/remove-tree.ts";
export type { LayerIds } from "./layer/session-program.ts";
export { type UnpackedLayer, type UnpackOptions, unpackTar } from "./layer/unpack.ts";
export { writeTar } from "./layer/write-tar.ts";
export { type Location, parseLocation } from "./location.ts";
export { login, logout, parseRegistry } from "./login.ts";
export { readConfig, readDocument } from "./manifest.ts";
export { openDestination, openSource } from "./open.ts";
export { formatPlatform, hostPlatform, parsePlatform, runsOn } from "./platform.ts";
export { familiarName, formatReference, type ImageReference, parseReference } from "./reference.ts";
export type { RegistryOptions } from "./registry/connect.ts";
export { addLayer } from "./store/add-blob.ts";
export { type CommitOptions, commitImage, reconfigureImage } from "./store/commit.ts";
export { type ContainerLayer, listPins, pinLayers, readPin } from "./store/containers.ts";
export { hexOf, shortDigest } from "./store/digest.ts";
export { storeSource } from "./store/endpoints.ts";
export { type Collected, collectGarbage } from "./store/garbage.ts";
export { adding } from "./store/holding.ts";
export { type FoundImage, findImage, listImages, readImage, requireImage, type StoredImage } from "./store/images.ts";
export { hasLayer, hidesBelow, layerSize, layerTree, listLayers } from "./store/layer-place.ts";
export { type LayerWorker, unpackLayer } from "./store/layers.ts";
export { canonicalName, listNames, type NamedImage, nameImage, readName, removeName } from "./store/names.ts";
export type { Store } from "./store/place.ts";
export { type Received, type ReceiveEvent, receiveImage } from "./store/receive.ts";
export { removeContainer } from "./store/remove-container.ts";
export { treePath, treesDirectory } from "./store/trees.ts";
export {
  isEmptyVolume,
  isVolumeName,
  listVolumes,
  makeVolume,
  noSuchVolume,
  readVolume,
  removeVolume,
  type Volume,
  volumeData,
} from "./store/volumes.ts";
export type * from "./types.ts";
