const LABEL = /^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?$/;

/** RFC 1123, section 2.1, and the underscore, which containers' names have. */
export const isHostName = (name: string): boolean =>
  name.length <= 253 && name.split(".").every((label) => LABEL.test(label));
