import { E, MSG, O } from "../linux/index.ts";
import type { DataRef, Label, Register } from "../program/index.ts";
import type { NetPlace, NetStep, PlannedNic } from "../spec/index.ts";
import type { Context } from "./context.ts";
import { pathOfProcess, receive } from "./namespaces.ts";
import { endAfterUndo } from "./net-nftables.ts";
import { openOwner, startNetProcess } from "./net-processes.ts";
import { askQuestion } from "./net-questions.ts";
import type { MemberStep } from "./net-requests.ts";
import { doSteps, goTo } from "./net-steps.ts";
import { closeOpened, type NetWorker, netWorker } from "./net-worker.ts";

/** All of them, in their order. */
export interface NicPlans {
  readonly plans: readonly PlannedNic[];
  /**
   * Who works in the container's namespace. Init, where the monitor may not go there: setns(2) wants CAP_SYS_ADMIN in one's own user namespace. Then nothing is
   * done on the host but what the monitor holds.
   */
  readonly worker: "monitor" | "init";
  /** An empty directory on the host that something may be mounted over where nobody else sees it. */
  readonly scratch: string;
}

export const stepsOf = (c: Context, pick: "setUp" | "tearDown"): readonly MemberStep[] =>
  (c.resolved.nics?.plans ?? []).flatMap((plan, nic) =>
    (plan[pick] ?? []).map((step) => ({ member: plan.member, step, nic })),
  );

export function openOwnNamespace(c: Context): Register {
  const own = c.monitor.at("nics").str("self/ns/net");
  return c.monitor.sysResult("ns_host", "openat", [c.proc, own, O.RDONLY | O.CLOEXEC, 0]);
}

export const works = (c: Context, who: NicPlans["worker"]): boolean => c.resolved.nics?.worker === who;

/** Init waits for its interfaces: kernel parameters may be about them, and its command must not come sooner. */
export function awaitNics(c: Context): void {
  if (!works(c, "monitor")) return;
  const { init } = c;
  init.at("nics");
  const got = init.sysResult("received", "recvfrom", [c.sync.child, init.memory.zeroed(8), 1, 0, 0, 0]);
  init.expect(got, 1, E.ECANCELED, "the interfaces were not made");
}

/** Without privileges: init has them over the network namespace that was made with it. */
export function makeOwnNics(c: Context): void {
  if (!works(c, "init")) return;
  const steps = stepsOf(c, "setUp");
  if (steps.some(isCarried)) awaitCarriers(c);
  const worker = workerOf(c, c.init, "container");
  doSteps(worker, steps);
  c.init.at("nics");
  closeOpened(worker);
}

export const isCarried = ({ step }: MemberStep): boolean => step.do === "process" || step.do === "send";

/** A program that carries traffic is the monitor's child: one of init's would be in the container. */
function awaitCarriers(c: Context): void {
  const { init } = c;
  const byte = init.memory.zeroed(8);
  // Its ids are mapped now: in a namespace without any nobody can make a file.
  init.at("nics").sys("sendto", [c.sync.child, byte, 1, 0, 0, 0]);
  const got = init.sysResult("received", "recvfrom", [c.sync.child, byte, 1, 0, 0, 0]);
  init.expect(got, 1, E.ECANCELED, "the network was not connected");
}

/** The monitor's side. */
function startCarriers(c: Context, pid: Register, ended: Label): void {
  const { monitor, program } = c;
  const steps = stepsOf(c, "setUp").filter(isCarried);
  if (steps.length === 0) return;
  const namespace = program.register("ns_container");
  openNamespace(c, namespace, pid, ended);
  receive(c, monitor.memory.zeroed(8), 1, ended);
  for (const { member, step } of steps) {
    monitor.at(member);
    carrierOf(c, namespace, pid, ended)(step);
  }
  monitor.at("nics").sys("close", [namespace]);
  letGo(c, ended);
}

/** Init goes on; one that was killed meanwhile does not. */
function letGo({ monitor, sync }: Context, ended: Label): void {
  const jump = { on: [E.EPIPE], to: ended };
  monitor.sys("sendto", [sync.monitor, monitor.str("n"), 1, MSG.NOSIGNAL, 0, 0], { jump });
}

/** Starts what carries the traffic of the container's network. */
export function carrierOf(c: Context, network: Register, pid: Register, ended: Label): (step: NetStep) => void {
  const { created, joined, nics } = c.resolved;
  const owned = created.has("user") || joined.has("user");
  return (step) => {
    if (step.do === "send") askQuestion(c, step);
    if (step.do !== "process") return;
    const owner = owned ? openOwner(c, pid, ended) : undefined;
    startNetProcess(c, step, { network, owner, scratch: nics?.scratch ?? "" });
    if (owner) c.monitor.sys("close", [owner]);
  };
}

/** The monitor's side: it has rights over the host's interfaces, which the container must not have. */
export function makeNics(c: Context, pid: Register, ended: Label): ReadonlyMap<string, DataRef> {
  if (works(c, "init")) startCarriers(c, pid, ended);
  if (!works(c, "monitor")) return new Map();
  const { monitor, program } = c;
  monitor.at("nics");
  const joined = c.resolved.joined.has("network");
  const carry = carrierOf(c, program.register("ns_container"), pid, ended);
  const worker = workerOf(c, monitor, joined ? "container" : "host", { carry });
  openNamespace(c, worker.namespace.container, pid, ended);
  if (!joined) openOwnNamespace(c);
  doSteps(worker, stepsOf(c, "setUp"));
  monitor.at("nics");
  goTo(worker, joined ? "container" : "host");
  closeOpened(worker);
  const keeps = tearsDown(c);
  if (!keeps) monitor.sys("close", [worker.namespace.host]);
  if (!keeps || !keepsNamespace(c)) monitor.sys("close", [program.register("ns_container")]);
  letGo(c, ended);
  return new Map([...worker.indexes].filter(([key]) => worker.lasting.has(key)));
}

/** Init is in the container's user namespace, in whose terms it speaks of ids. */
export function workerOf(
  c: Context,
  block: Context["monitor"],
  place: NetPlace | undefined,
  more: Pick<NetWorker, "carry" | "failed"> & Partial<Pick<NetWorker, "indexes">> = {},
): NetWorker {
  const idOf: NetWorker["idOf"] = (kind, id) => (block === c.init ? id : onHost(c, kind, id));
  return netWorker(block, place, { proc: c.proc, resolved: c.resolved, idOf, ...more });
}

function onHost(c: Context, kind: "uid" | "gid", id: number): number {
  const map = c.resolved.idMaps?.[kind];
  if (!map) return id;
  const range = map.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return range ? range.hostID + id - range.containerID : NO_ID;
}

/** (uid_t)-1 is nobody's. */
const NO_ID = 0xffff_ffff;

/** The descriptor keeps the namespace, whatever becomes of init; if that has ended, it has said why. */
export function openNamespace(c: Context, dst: Register, pid: Register, ended: Label): void {
  const { monitor } = c;
  const path = pathOfProcess(monitor, pid, "ns/net");
  const jump = { on: [E.ENOENT, E.ESRCH], to: ended };
  monitor.sys("openat", [c.proc, path, O.RDONLY | O.CLOEXEC, 0], { dst, jump });
}

const tearsDown = (c: Context): boolean => stepsOf(c, "tearDown").length > 0 || keepsNamespace(c);
const keepsNamespace = (c: Context): boolean =>
  c.resolved.nics?.plans.some((plan) => plan.keepsNamespace || plan.tearDown?.some(isInside)) ?? false;
/** Whether it is about the container's network namespace. */
export const isInside = (step: NetStep): boolean =>
  step.do === "release" ||
  step.do === "verify" ||
  ("place" in step && step.place === "container") ||
  (step.do === "request" &&
    (step.fills ?? []).some(({ value }) => ("namespace" in value ? value.namespace : value.place) === "container"));

/**
 * When the container has ended, however it did. Each plan has sockets of its own: on one that has failed there may be answers that nobody has read. `found` are
 * indexes that were looked up when the interfaces were made: they may have other names by now, and others theirs.
 */
export function unmakeNics(c: Context, found: ReadonlyMap<string, DataRef>): void {
  if (!works(c, "monitor") || stepsOf(c, "tearDown").length === 0) return;
  const epilogue = c.program.epilogue().at("nics");
  const nothing = epilogue.label();
  const [host, container] = [c.program.register("ns_host"), c.program.register("ns_container")];
  epilogue.jumpIf(host, 0, nothing);
  if (keepsNamespace(c)) epilogue.jumpIf(container, 0, nothing);
  for (const { member, tearDown = [] } of c.resolved.nics?.plans ?? []) {
    if (tearDown.length === 0) continue;
    const failed = epilogue.label();
    // It may have failed anywhere, in either namespace. What is looked up is known until the end: an interface may get another name in between.
    const worker = workerOf(c, epilogue, "container", { indexes: new Map(found), failed });
    goTo(worker, "host");
    for (const step of tearDown) doSteps(worker, [{ member, step }]);
    goTo(worker, "host");
    closeOpened(worker);
    epilogue.place(failed);
  }
  // In a further run they would be those of this one, until they are looked up.
  for (const slot of found.values()) epilogue.store(slot, 0, 4);
  epilogue.place(nothing);
}

/** The very last. One that is to be run again has not ended. */
export function endNics(c: Context): void {
  if (!works(c, "monitor") || c.resolved.record?.restart) return;
  if (stepsOf(c, "tearDown").some(({ step }) => step.do === "undo")) endAfterUndo(c.program.epilogue().at("ports"));
}

/** Whether the application has to answer while the interfaces are made. */
export const asksForNics = ({ nics }: { readonly nics?: NicPlans }): boolean =>
  nics?.plans.some(({ answer }) => answer !== undefined) ?? false;
const HELD: ReadonlySet<string> = new Set(["lock", "bind", "process"]);

/** Descriptors that are open as long as the container is there: an orphan has nobody who would hold them. */
export const needsMonitor = ({ plans }: Pick<NicPlans, "plans">): boolean =>
  plans.some(
    ({ setUp, tearDown = [], keepsNamespace: keeps }) =>
      keeps || tearDown.length > 0 || setUp.some(({ do: what }) => HELD.has(what)),
  );
