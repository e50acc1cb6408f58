import { type Container, Host } from "../../host/index.ts";
import { type Globals, withDirectories } from "../command.ts";
import { EXIT, reportError } from "../exit.ts";
import { print } from "../output.ts";
import { usage } from "../syntax.ts";

export async function withHost<T>(globals: Globals, use: (host: Host) => Promise<T>): Promise<T> {
  await using host = await Host.open(withDirectories(globals));
  return await use(host);
}

/** The one container that is named. */
export function onlyName(words: readonly string[]): string {
  const [name] = words;
  if (name === undefined) throw usage("the name of a container is missing", "`ct ps` lists them");
  return name;
}

export interface ForEach {
  readonly names: readonly string[];
  readonly globals: Globals;
  readonly json: boolean;
}

/** Does the same to each of several containers, and tells its name, or what `act` gives. One that fails does not keep the others from their turn. */
export async function forEach(
  { names, globals, json }: ForEach,
  act: (container: Container) => Promise<Readonly<Record<string, unknown>> | undefined>,
  tell: (name: string, result: Readonly<Record<string, unknown>>) => string = (name) => name,
): Promise<number> {
  onlyName(names);
  let status = 0;
  await withHost(globals, async (host) => {
    for (const name of names) {
      try {
        const result = (await act(await host.open(name))) ?? {};
        await print(process.stdout, `${json ? JSON.stringify({ name, ...result }) : tell(name, result)}\n`);
      } catch (error) {
        await reportError(error, json);
        status = EXIT.FAILED;
      }
    }
  });
  return status;
}
