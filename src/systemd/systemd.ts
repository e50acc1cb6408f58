import { readFileSync } from "node:fs";
import { LibctError } from "../errors.ts";
import { type Door, doors, type ManagerKind } from "./address.ts";
import { AuthRefused, Connection } from "./connection.ts";
import { callError, isAbsent, isBusError, noDoor, notBooted, type Refusal } from "./errors.ts";
import { isBooted, waitForJob } from "./jobs.ts";
import { asArray, type Property } from "./properties.ts";
import type { Value, Variant } from "./value.ts";

const NAME = "org.freedesktop.systemd1";
const PATH = "/org/freedesktop/systemd1";
const MANAGER = `${NAME}.Manager`;
const SCOPE = `${NAME}.Scope`;
const MEMBER = "cgroup";

export interface SystemdOptions {
  readonly kind: ManagerKind;
  readonly uid: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** @internal Other sockets than the usual ones. */
  readonly doors?: readonly Door[];
  /** Milliseconds that a reply or a job may take. */
  readonly timeout?: number;
}

/** A running systemd, the machine's or the user's. It is asked over D-Bus; who opens it closes it. */
export class Systemd {
  readonly kind: ManagerKind;
  /** Such as 252 */
  readonly version: number;
  /** Of systemd itself: what it makes lies below. "" is the top. */
  readonly controlGroup: string;
  readonly #connection: Connection;

  private constructor(connection: Connection, kind: ManagerKind, version: number, controlGroup: string) {
    this.#connection = connection;
    this.kind = kind;
    this.version = version;
    this.controlGroup = controlGroup;
  }

  /**
   * Goes to the first door that leads to systemd. Throws LibctError ERR_CT_NOT_SUPPORTED when the machine was not booted with systemd, or it is behind none of
   * them; ERR_CT_NOT_PERMITTED when it does not take this user.
   */
  static async open({ kind, uid, env = process.env, timeout, ...options }: SystemdOptions): Promise<Systemd> {
    if (!options.doors && !isBooted()) throw notBooted();
    const refusals: Refusal[] = [];
    const id = outerId(uid);
    for (const door of options.doors ?? doors(kind, id, env)) {
      const found = await enter(door, kind, id, timeout);
      if (found instanceof Systemd) return found;
      refusals.push(found);
    }
    throw noDoor(kind, refusals);
  }

  /** @internal Behind this connection, if it is there. */
  static async behind(connection: Connection, kind: ManagerKind): Promise<Systemd> {
    const version = await property(connection, PATH, MANAGER, "Version");
    const group = await property(connection, PATH, MANAGER, "ControlGroup");
    const number = Number(/\d+/.exec(String(version.value))?.[0] ?? 0);
    return new Systemd(connection, kind, number, String(group.value).replace(/\/$/, ""));
  }

  /** Makes a scope with a process in it, and gives its cgroup. Throws LibctError; nothing is left of the scope then. */
  async startScope(unit: string, properties: readonly Property[]): Promise<string> {
    await this.#do(`make the scope ${unit}`, async () => {
      for (const pause of [50, 200, 800, 0]) {
        try {
          await this.#startOnce(unit, properties);
          return;
        } catch (error) {
          if (!isBusError(error, "systemd1.UnitExists")) throw error;
          // One that has just ended goes by itself, and one that has failed when it is told to.
          await this.reset(unit);
          if (pause === 0 || (await this.#isActive(unit))) throw unitExists(unit, error);
          await new Promise((resolve) => setTimeout(resolve, pause));
        }
      }
    });
    return await this.#do(`tell where ${unit} is`, async () => {
      const { value } = await property(this.#connection, await this.#pathOf(unit), SCOPE, "ControlGroup");
      return String(value);
    });
  }

  async #startOnce(unit: string, properties: readonly Property[]): Promise<void> {
    const body: readonly Value[] = [unit, "fail", asArray(properties), []];
    const start = () => this.#manager("StartTransientUnit", "ssa(sv)a(sa(sv))", body);
    const result = await waitForJob(this.#connection, start);
    if (result === "done") return;
    await this.reset(unit);
    throw jobFailed(`the scope ${unit}`, result);
  }

  async #isActive(unit: string): Promise<boolean> {
    try {
      const { value } = await property(this.#connection, await this.#pathOf(unit), `${NAME}.Unit`, "ActiveState");
      return value === "active" || value === "activating" || value === "reloading";
    } catch (error) {
      if (isBusError(error, "systemd1.NoSuchUnit")) return false;
      throw error;
    }
  }

  /** What a scope has of these properties now; one that this systemd does not know is left out. */
  async scopeProperties(unit: string, names: readonly string[]): Promise<readonly Property[]> {
    return await this.#do(`tell of ${unit}`, async () => {
      const [all] = await this.#connection.call({
        destination: NAME,
        path: await this.#pathOf(unit),
        interface: "org.freedesktop.DBus.Properties",
        member: "GetAll",
        signature: "s",
        body: [SCOPE],
      });
      return (all as readonly Property[]).filter(([name]) => names.includes(name));
    });
  }

  /** Until the next boot. Resolves when the cgroup's files say so as well. */
  async setProperties(unit: string, properties: readonly Property[]): Promise<void> {
    if (properties.length === 0) return;
    await this.#do(`change ${unit}`, async () => {
      await this.#manager("SetUnitProperties", "sba(sv)", [unit, true, asArray(properties)]);
      // Files are written when the reply is on its way, and before anything else is answered.
      await property(this.#connection, PATH, MANAGER, "Version");
    });
  }

  /** Puts a process into a scope, also one that its user could not move there: the machine's systemd does it for the user's. `below` is a cgroup in the scope's own. */
  async attach(unit: string, below: string, pid: number): Promise<void> {
    await this.#do(`put a process into ${unit}`, () =>
      this.#manager("AttachProcessesToUnit", "ssau", [unit, below, [pid]]),
    );
  }

  /** Kills what is in it, and waits until it is gone. */
  async stop(unit: string): Promise<void> {
    await this.#do(`stop ${unit}`, async () => {
      try {
        const result = await waitForJob(this.#connection, () => this.#manager("StopUnit", "ss", [unit, "replace"]));
        if (result !== "done" && result !== "canceled") throw jobFailed(`the end of ${unit}`, result);
      } catch (error) {
        if (!isBusError(error, "systemd1.NoSuchUnit")) throw error; // It has gone by itself.
      }
      await this.reset(unit);
    });
  }

  /** Lets go of what is left of a unit that has failed. */
  async reset(unit: string): Promise<void> {
    try {
      await this.#manager("ResetFailedUnit", "s", [unit]);
    } catch (error) {
      if (!isBusError(error, "systemd1.NoSuchUnit")) throw error; // Nothing is left.
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  #manager(member: string, signature: string, body: readonly Value[]): Promise<readonly Value[]> {
    return this.#connection.call({ destination: NAME, path: PATH, interface: MANAGER, member, signature, body });
  }

  async #pathOf(unit: string): Promise<string> {
    return String((await this.#manager("GetUnit", "s", [unit]))[0]);
  }

  async #do<T>(what: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw callError(what, this.kind, MEMBER, error);
    }
  }
}

async function property(connection: Connection, path: string, from: string, name: string): Promise<Variant> {
  const [value] = await connection.call({
    destination: NAME,
    path,
    interface: "org.freedesktop.DBus.Properties",
    member: "Get",
    signature: "ss",
    body: [from, name],
  });
  return value as Variant;
}

const BUS = { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus" };
const JOBS = `type='signal',sender='${NAME}',interface='${MANAGER}',member='JobRemoved'`;

/** Systemd behind a socket, or why it is not there. */
async function enter(door: Door, kind: ManagerKind, uid: number, timeout?: number): Promise<Systemd | Refusal> {
  const { path, bus } = door;
  let connection: Connection | undefined;
  try {
    connection = await Connection.open(path, uid, timeout);
    if (bus) {
      await connection.call({ ...BUS, member: "Hello" });
      await connection.call({ ...BUS, member: "AddMatch", signature: "s", body: [JOBS] });
    }
    return await Systemd.behind(connection, kind);
  } catch (error) {
    connection?.close();
    const code = (error as NodeJS.ErrnoException).code;
    if (error instanceof AuthRefused) return { path, why: `${uid} is refused, as ${error.message}`, denied: true };
    if (code !== undefined) return { path, why: code, denied: code === "EACCES" || code === "EPERM" };
    if (isAbsent(error)) return { path, why: "systemd is not on this bus", denied: false };
    throw callError("answer", kind, "cgroup.driver", error);
  }
}

/** In a user namespace the other side, which is outside of it, knows this user by another id (user_namespaces(7)). */
function outerId(uid: number): number {
  for (const line of readFileSync("/proc/self/uid_map", "utf8").trim().split("\n")) {
    const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (uid >= inside && uid < inside + count) return outside + uid - inside;
  }
  return uid;
}

const jobFailed = (what: string, result: string) =>
  new LibctError("ERR_CT_SYSTEMD", `systemd's job for ${what} has ended with "${result}"`, {
    member: MEMBER,
    hint: "see journalctl for why",
  });

const unitExists = (unit: string, cause: unknown) =>
  new LibctError("ERR_CT_STATE", `systemd has a unit ${unit} already`, {
    member: "cgroup.name",
    hint: "choose another name, or end what is in it: systemctl stop",
    cause,
  });
