import { LibctError } from "../errors.ts";
import type { ManagerKind } from "./address.ts";

/** An error that came over the bus. */
export class BusError extends Error {
  override readonly name = "BusError";
  /** Such as "org.freedesktop.systemd1.NoSuchUnit". */
  readonly errorName: string;

  constructor(errorName: string, text: string) {
    super(text);
    this.errorName = errorName;
  }
}

/** Nobody of that name is on this bus: systemd may be behind another door. */
export const isAbsent = (error: unknown): boolean =>
  error instanceof BusError && /\.DBus\.Error\.(ServiceUnknown|NameHasNoOwner|Spawn\..*)$/.test(error.errorName);

export const isBusError = (error: unknown, ...names: readonly string[]): boolean =>
  error instanceof BusError && names.some((name) => error.errorName === `org.freedesktop.${name}`);

const DENIED = ["DBus.Error.AccessDenied", "DBus.Error.InteractiveAuthorizationRequired", "DBus.Error.AuthFailed"];

/** What a failed call to systemd means to the user. */
export function callError(what: string, kind: ManagerKind, member: string, cause: unknown): LibctError {
  if (cause instanceof LibctError) return cause;
  if (isBusError(cause, ...DENIED)) {
    return new LibctError("ERR_CT_NOT_PERMITTED", `systemd does not let this user ${what}: ${text(cause)}`, {
      member,
      hint: kind === "system" ? "use the user's own manager, or let polkit permit it" : undefined,
      cause,
    });
  }
  return new LibctError("ERR_CT_SYSTEMD", `systemd could not ${what}: ${text(cause)}`, { member, cause });
}

function text(cause: unknown): string {
  if (cause instanceof BusError) return `${cause.message} (${cause.errorName})`;
  return cause instanceof Error ? cause.message : String(cause);
}

export const notBooted = () =>
  new LibctError("ERR_CT_NOT_SUPPORTED", "systemd does not run this machine: there is no /run/systemd/system", {
    path: "/run/systemd/system",
    member: "cgroup.driver",
    hint: 'use the driver "cgroupfs"',
  });

/** A socket that could not be used, and why. */
export interface Refusal {
  readonly path: string;
  readonly why: string;
  /** The other side does not want this user. */
  readonly denied: boolean;
}

export function noDoor(kind: ManagerKind, refusals: readonly Refusal[]): LibctError {
  const list = refusals.map(({ path, why }) => `${path}: ${why}`).join("; ");
  const denied = refusals.find((one) => one.denied);
  const whose = kind === "system" ? "systemd" : "this user's systemd";
  const hint =
    kind === "system"
      ? "is dbus running?"
      : "log in with a session, or let the manager run without one: loginctl enable-linger";
  return new LibctError(
    denied ? "ERR_CT_NOT_PERMITTED" : "ERR_CT_NOT_SUPPORTED",
    `${whose} cannot be reached: ${list}`,
    { path: (denied ?? refusals[0])?.path, member: "cgroup.driver", hint: denied ? undefined : hint },
  );
}
