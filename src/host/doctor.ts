export type Check = never;
export type HostFeatures = never;
export const inspectHost = (..._: unknown[]): never => {
  throw new Error("todo");
};
