import type { NicDriver } from "../spec/index.ts";

/** It is there with every network namespace. */
export const loopback = (): NicDriver => ({ type: "loopback", plan: () => ({ setUp: [] }) });
