import { LibctError } from "../../errors.ts";
import type { Container } from "../../host/index.ts";
import type { Runtime } from "./runtime.ts";
import { type RuntimeSyntax, readCommand } from "./syntax.ts";

/** A command that is given one container and no flags. */
export const onlyContainer = (summary: string): RuntimeSyntax<Record<never, never>> => ({
  summary,
  usage: "CONTAINER",
  words: [1, 1],
  flags: {},
});

export async function openContainer(runtime: Runtime, id: string | undefined): Promise<Container> {
  if (id === undefined || id === "" || id.includes("/") || id.startsWith(".")) {
    throw new LibctError("ERR_CT_USAGE", `invalid container ID ${JSON.stringify(id ?? "")}`);
  }
  return await (await runtime.host()).open(id);
}

/** Reads the line and opens the container that its first word names. */
export async function open<T>(
  runtime: Runtime,
  name: string,
  syntax: RuntimeSyntax<T>,
  line: readonly string[],
): Promise<{ readonly container: Container; readonly flags: T; readonly words: readonly string[] }> {
  const { flags, words } = readCommand(name, syntax, line);
  return { container: await openContainer(runtime, words[0]), flags, words: words.slice(1) };
}
