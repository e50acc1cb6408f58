export { dir } from "./dir.ts";
export { fuseOverlay } from "./fuse-overlay.ts";
export { type HostRootOptions, hostRoot } from "./host-root.ts";
export { type ImageOptions, image } from "./image.ts";
export { mountTree } from "./mount-tree.ts";
export { type MountInfo, parseMountInfo, readMountInfo } from "./mountinfo.ts";
export { type OverlayOptions, overlay } from "./overlay.ts";
export { sandboxRoot } from "./sandbox-root.ts";
export { tmpfsRoot } from "./tmpfs.ts";
