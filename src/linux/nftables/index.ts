export { decodeObjects, encodeBatch } from "./batch.ts";
export * from "./constants.ts";
export type { Data, Expression } from "./expressions.ts";
export {
  type Chain,
  type Change,
  decodeObject,
  dumpRequest,
  type Element,
  type Elements,
  getRequest,
  type NftSet,
  type ObjectKind,
  type Rule,
  type Table,
  type Told,
  type Verb,
} from "./objects.ts";
