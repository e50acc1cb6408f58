import type { ContainerHost } from "./container-host.ts";
import { unlessEnded } from "./health.ts";
import { type LinkEvent, linkEvents } from "./link-events.ts";
import { namespacesOf, type RunningContainer } from "./running-container.ts";

/** What has happened to an interface of a container. */
export interface ContainerLinkEvent {
  readonly type: "link";
  readonly count: 1;
  readonly link: LinkEvent;
}

/** Of the present run; of a container that has a network of its own. */
export async function* containerLinks(
  host: Pick<ContainerHost, "surroundings">,
  look: () => Promise<RunningContainer>,
  signal: AbortSignal,
): AsyncGenerator<ContainerLinkEvent, void, undefined> {
  const running = await unlessEnded(look);
  if (!running || !namespacesOf(running.spec).has("network")) return;
  const links = linkEvents(await host.surroundings(), running, signal);
  for (;;) {
    const next = await unlessEnded(() => links.next());
    if (!next || next.done) return;
    yield { type: "link", count: 1, link: next.value };
  }
}
