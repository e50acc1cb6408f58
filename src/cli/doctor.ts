import { Host } from "../host/index.ts";

/** `ct doctor`: what this kernel and this user can do, and what is missing for the rest. */
export async function doctor(json: boolean): Promise<number> {
  const host = await Host.open();
  try {
    const features = await host.features();
    process.stdout.write(json ? `${JSON.stringify(features)}\n` : `${table(features)}\n`);
    return features.ok ? 0 : 1;
  } finally {
    await host[Symbol.asyncDispose]();
  }
}

function table(features: Awaited<ReturnType<Host["features"]>>): string {
  const width = Math.max(...features.checks.map(({ title }) => title.length));
  const lines = features.checks.flatMap((check) => {
    const line = `${check.available ? "yes" : "NO "}  ${check.title.padEnd(width)}  ${check.detail}`;
    const more = [check.cost && `without it: ${check.cost}`, check.remedy && `to get it: ${check.remedy}`];
    return check.available
      ? [line]
      : [line, ...more.filter(Boolean).map((text) => `     ${" ".repeat(width)}  ${text}`)];
  });
  const user = features.caller.privileged ? "with privileges" : "without privileges";
  const verdict = features.ok ? "Containers can be run." : "Containers cannot be run.";
  return [`Linux ${features.kernel.release}, user ${features.caller.uid}, ${user}. ${verdict}`, "", ...lines].join(
    "\n",
  );
}
