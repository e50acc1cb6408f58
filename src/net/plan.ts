import { invalid, LibctError } from "../errors.ts";
import { type KernelFeatures, randomHex } from "../linux/index.ts";
import {
  drawnName,
  type NetStep,
  type Nic,
  type NicContext,
  type PlannedNic,
  type PublishedPort,
} from "../spec/index.ts";
import { limitBandwidth } from "./bandwidth.ts";
import { driverOf } from "./drivers.ts";
import type { HostNicContext } from "./host-nic.ts";
import { giveRoutes, raiseLoopback, settle } from "./settle.ts";
import { publishingNic } from "./user-mode/ports.ts";

export interface NicSurroundings extends HostNicContext {
  readonly containerName: string;
  readonly features: KernelFeatures;
  readonly restarts: boolean;
  readonly stateDirectory: string;
  readonly runtime: string;
  readonly privileged: boolean;
}

/** What is to be done for the interfaces of a container: first all of them are made, then what each is to have, then the loopback, then routes, which may need any. */
export async function planNics(
  nics: Readonly<Record<string, Nic>>,
  { runner, kept, ...surroundings }: NicSurroundings,
  ports: readonly PublishedPort[] = [],
): Promise<readonly PlannedNic[]> {
  const unique = randomHex(4);
  const publishing = publishingNic(nics);
  const containerId = `libct-${surroundings.containerName.replaceAll("+", "-")}-${unique}`;
  const made: PlannedNic[] = [];
  const settled: PlannedNic[] = [];
  const routes: PlannedNic[] = [];
  for (const [index, [name, nic]] of Object.entries(nics).entries()) {
    const member = `nics.${name}`;
    const context: NicContext = {
      ...surroundings,
      name,
      hostName: `ct${unique}.${index}`,
      drawnName: drawnName(index),
      containerId,
      member,
      nic,
      ports: nic === publishing ? ports : [],
    };
    const plan = await driverOf(nic, { runner, kept }).plan(context);
    made.push({ ...plan, member });
    const limits = nic.bandwidth ? limitBandwidth(name, nic.bandwidth, plan.outside, member) : [];
    settled.push({ member, setUp: [...settle(name, nic, plan.sees), ...limits] });
    for (const { at, step } of giveRoutes(name, nic, plan.sees))
      routes.push({ member: `${member}.routes[${at}]`, setUp: [step] });
  }
  return [...made, ...settled, { member: "nics", setUp: [raiseLoopback()] }, ...routes].filter(
    ({ setUp, tearDown }) => setUp.length > 0 || tearDown !== undefined,
  );
}

const ON_HOST: ReadonlySet<NetStep["do"]> = new Set(["nftables", "pin", "execute"]);

/** Without privileges there is only the container's own namespace. */
export function requirePrivileges(plans: readonly PlannedNic[]): void {
  for (const { member, setUp } of plans) {
    const step = setUp.find((one) => ("place" in one ? one.place === "host" : ON_HOST.has(one.do)));
    if (!step) continue;
    throw new LibctError("ERR_CT_NOT_PERMITTED", `only root may ${step.why} on the host`, {
      member,
      hint: "an ordinary user's containers reach the network through pasta, or have interfaces of their own alone",
    });
  }
}

export const noOrphan = (): LibctError =>
  invalid("lifetime", "orphan", "another lifetime, since these interfaces need a monitor as long as they are there");
