import type { NicChange, NicState } from "../net/index.ts";
import type { Nic, PublishedPort } from "../spec/index.ts";
import type { LinkEvent } from "./link-events.ts";

/**
 * The network interfaces of a container that runs.
 *
 * @example
 * await container.nics.attach("eth1", { type: "veth", master: "br0", addresses: ["10.0.0.9/24"] });
 * await container.nics.set("eth1", { mtu: 1400, addresses: ["10.0.0.9/24", "10.0.0.10/24"] });
 * await container.nics.detach("eth1");
 * await container.nics.publish({ hostPort: 8080, containerPort: 80 });
 * await container.nics.unpublish({ hostPort: 8080 });
 */
export interface ContainerNics {
  /** As the kernel has them now, the loopback among them. */
  list(): Promise<readonly NicState[]>;
  /** Adds one of any kind: all of it, or nothing. It goes when the container has ended, whoever has added it. */
  attach(name: string, nic: Nic): Promise<void>;
  /** Takes one away, with everything that was made for it. */
  detach(name: string): Promise<void>;
  /** Changes what is named: all of it, or nothing. Of `addresses` and `routes` all are named that are wanted. */
  set(name: string, change: NicChange): Promise<void>;
  /** Publishes ports of a container on a managed network until it has ended, and gives them with the port of the host that was chosen. */
  publish(port: PublishedPort): Promise<PublishedPort>;
  /** Takes away what `publish` has published: by the first port of the host. */
  unpublish(port: Pick<PublishedPort, "hostPort" | "hostIP" | "protocol">): Promise<void>;
  /** Asks the CNI plugins that have made one whether it is as it should be. Throws ERR_CT_CNI with what they say. */
  check(name: string): Promise<void>;
  /** What happens to them from now on, until the container has ended or `signal` fires. */
  events(options?: { readonly signal?: AbortSignal }): AsyncGenerator<LinkEvent, void, undefined>;
}
