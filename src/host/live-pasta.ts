import { LibctError } from "../errors.ts";
import { lock } from "../executor/index.ts";
import { type Joined, MOST_INTERFACES, portsInterface, publishByPasta, type WithHostPort } from "../net/index.ts";
import type { ContainerNetworks } from "../spec/index.ts";
import type { Inside } from "./inside-network.ts";

/** Publishes a port of an ordinary user's container: whoever stays has a pasta for it, which ends with him. One after the other, as each wants an interface that nobody has. */
export async function publishLater(
  { surroundings, look, change }: Inside,
  { directory }: Joined,
  port: WithHostPort,
  kept: { readonly keep: string; readonly networks: ContainerNetworks },
): Promise<void> {
  await lock(surroundings.runner, `${directory}/ports.lock`, async () => {
    const names = new Set((await look()).links.map(({ name }) => name));
    const number = Array.from({ length: MOST_INTERFACES }, (_, one) => one).find(
      (one) => !names.has(portsInterface(one)),
    );
    if (number === undefined) throw tooMany();
    const { setUp, tearDown } = await publishByPasta([port], number);
    const member = "ports";
    await change(
      setUp.map((step) => ({ member, step })),
      { ...kept, tearDown: tearDown.map((step) => ({ member, step })) },
    );
  });
}

const tooMany = () =>
  new LibctError("ERR_CT_STATE", `ports were published ${MOST_INTERFACES} times while the container ran`, {
    member: "ports",
    hint: "unpublish some of them, or publish a range of ports at once",
  });
