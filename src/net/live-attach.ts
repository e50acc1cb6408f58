import { deleteLink, E } from "../linux/index.ts";
import type { NetStep, NetValue, PlannedNic } from "../spec/index.ts";
import { request } from "./request.ts";

/** A step of a change, and what takes it back, in this order. */
export interface UndoableStep {
  readonly member: string;
  readonly step: NetStep;
  /** Which of the plans it is of. */
  readonly nic?: number;
  readonly undo?: readonly NetStep[];
}

/** Adds an interface. What was made is removed; one that was only lent goes back by its own plan. */
export function planAttachment(name: string, plans: readonly PlannedNic[]): readonly UndoableStep[] {
  const why = `the container has an interface ${name} already`;
  const isFree: UndoableStep = { member: `nics.${name}`, step: { do: "absent", place: "container", name, why } };
  const steps = plans.flatMap((plan, nic) =>
    plan.setUp.map((step): UndoableStep => ({ member: plan.member, step, nic })),
  );
  const lent = plans.some(({ keepsNamespace }) => keepsNamespace);
  // What is held comes before everything, and the first thing that is done may be what makes the interface.
  const made = steps.findIndex(({ step }) => step.do !== "lock" && step.do !== "bind");
  const withUndo = lent ? steps : steps.map((one, at) => (at === made ? { ...one, undo: [removal(name)] } : one));
  return [isFree, ...withUndo];
}

/** Gone is as good as removed. */
export const removal = (name: string): NetStep =>
  request("container", deleteLink<NetValue>({ name }), `remove ${name}`, [E.ENODEV]);
