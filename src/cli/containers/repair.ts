import type { Globals } from "../command.ts";
import { print } from "../output.ts";
import { withHost } from "./with-host.ts";

/** `ct doctor --repair`: removes what killed containers have left behind, and tells what it was. */
export function repair(json: boolean, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const done = await host.repair();
    const lines = done.map(({ what, path }) =>
      what === "interface" ? `gave the interface ${path} back` : `removed the ${what} ${path}`,
    );
    const text = lines.length > 0 ? lines.join("\n") : "nothing was left behind";
    await print(process.stdout, `${json ? JSON.stringify(done) : text}\n`);
    return 0;
  });
}
