import { isatty, WriteStream } from "node:tty";

/** The size of the terminal that ct runs in, if it does. process.stdout would make a descriptor non-blocking that the container shares. */
export function windowSize(): { readonly height: number; readonly width: number } | undefined {
  if (!isatty(1)) return undefined;
  const [width, height] = new WriteStream(1).getWindowSize();
  return { height, width };
}
