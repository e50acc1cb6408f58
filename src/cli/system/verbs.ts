import type { Globals } from "../command.ts";
import { withHost } from "../containers/with-host.ts";
import { print } from "../output.ts";
import { bytes, table } from "../table.ts";
import type { PruneFlags } from "./commands.ts";

/** `ct system df` */
export function df({ json }: { readonly json?: true }, globals: Globals): Promise<number> {
  return withHost(globals, async (host) => {
    const usage = await host.images.usage();
    const { images, blobs, containers, volumes, partial } = usage;
    const rows = [
      ["images", images.count, images.size],
      ["compressed layers", blobs.count, blobs.size],
      ["containers", containers.count, containers.size],
      ["volumes", volumes.count, volumes.size],
      ["broken-off downloads", partial.count, partial.size],
    ] as const;
    const text = table([
      ["WHAT", "COUNT", "SIZE"],
      ...rows.map(([what, count, size]) => [what, `${count}`, bytes(size)]),
    ]);
    await print(process.stdout, `${json ? JSON.stringify(usage) : text}\n`);
    return 0;
  });
}

/** `ct system prune` */
export function prune(
  { all = false, volumes = false, json }: { readonly [K in keyof PruneFlags]: boolean },
  globals: Globals,
) {
  return withHost(globals, async (host) => {
    const containers: string[] = [];
    for (const one of await host.list()) {
      if ("error" in one || one.status !== "stopped" || one.restarting) continue;
      await (await host.open(one.name)).remove();
      containers.push(one.name);
    }
    const gone = volumes ? await host.volumes.prune() : [];
    const images = await host.images.prune({ all });
    const lines = [
      ...containers.map((name) => `removed the container ${name}`),
      ...gone.map((name) => `removed the volume ${name}`),
      `removed ${images.layers} layers and ${images.blobs} blobs: ${bytes(images.bytes)}`,
    ];
    await print(process.stdout, `${json ? JSON.stringify({ containers, volumes: gone, images }) : lines.join("\n")}\n`);
    return 0;
  });
}
