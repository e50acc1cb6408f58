import type { ImageInfo } from "../../host/index.ts";

/** Twelve digits, as docker shows them. */
export const shortId = (digest: string): string => digest.slice(digest.indexOf(":") + 1).slice(0, 12);

/** As short as it can be typed: "alpine:latest" of docker.io/library/alpine:latest. */
export const shownName = ({ name }: Pick<ImageInfo, "name">): string =>
  name === undefined ? "<none>" : name.replace(/^docker\.io\/(?:library\/(?=[^/]*$))?/, "");
