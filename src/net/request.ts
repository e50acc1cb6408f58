/** Also a part of what drivers of others are made of (spec/netlink.ts). */
export { indexOf, namespaceOf, request } from "../spec/index.ts";
