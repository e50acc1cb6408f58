import { IFA_F, type LinkAddress, RT_SCOPE_UNIVERSE } from "../linux/index.ts";

/**
 * An address that an interface is to have again in another namespace, or nothing: "all permanent IP addresses of any family with global scope" (config-linux.md,
 * netDevices); others are the old namespace's. Of its flags only those that somebody has chosen.
 */
export const keptAddresses = (address: LinkAddress): readonly LinkAddress[] =>
  (address.flags & IFA_F.PERMANENT) !== 0 && address.scope === RT_SCOPE_UNIVERSE
    ? [{ ...address, index: 0, flags: address.flags & (IFA_F.NODAD | IFA_F.HOMEADDRESS | IFA_F.NOPREFIXROUTE) }]
    : [];
