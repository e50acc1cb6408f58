import type { NicDriver, TunNic } from "../spec/index.ts";

/** It stays when nobody has it open: whoever may use it in the container finds it by its name, through /dev/net/tun. */
export function tun({ type, uid, gid, multiQueue }: TunNic): NicDriver {
  return {
    type,
    plan: ({ name }) => ({
      setUp: [
        {
          do: "tun",
          name,
          kind: type,
          ...(uid === undefined ? {} : { uid }),
          ...(gid === undefined ? {} : { gid }),
          ...(multiQueue === undefined ? {} : { multiQueue }),
          why: `make the ${type} ${name}`,
        },
      ],
    }),
  };
}
