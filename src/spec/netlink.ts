/**
 * What a driver of one's own is made of: messages of rtnetlink(7), and how they become steps of a plan.
 *
 * @example
 * netlink.request("container", netlink.createLink({ name: "wg0", kind: "wireguard" }), "make the wireguard wg0");
 */
export {
  addAddress,
  addRoute,
  attribute,
  changeLink,
  createLink,
  deleteLink,
  formatIp,
  formatMac,
  innerLink,
  parseIp,
  parseIpPrefix,
  parseMac,
} from "../linux/index.ts";
export { indexOf, namespaceOf, request } from "./net-request.ts";
