import type { ImageSource } from "../types.ts";
export async function rootfsSource(path: string): Promise<ImageSource> {
  throw new Error(path);
}
