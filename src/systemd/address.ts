/** The sockets that an address of D-Bus names, in their order; other transports are left out ("D-Bus Specification", "Server Addresses"). */
export function socketPaths(address: string): readonly string[] {
  return address.split(";").flatMap((one): string[] => {
    const [transport, list = ""] = splitOnce(one, ":");
    if (transport !== "unix") return [];
    const keys = new Map(list.split(",").map((pair) => splitOnce(pair, "=")));
    const path = keys.get("path");
    const abstract = keys.get("abstract");
    if (path) return [unescapeAddress(path)];
    return abstract ? [`\0${unescapeAddress(abstract)}`] : [];
  });
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** Bytes are written as %2d. */
function unescapeAddress(text: string): string {
  const bytes = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return text.includes("%") ? Buffer.from(bytes, "latin1").toString("utf8") : text;
}

/** Which instance of systemd: the machine's, or a user's own. */
export type ManagerKind = "system" | "user";

/** A socket behind which systemd may be. */
export interface Door {
  readonly path: string;
  /** A bus with many on it, or systemd alone. */
  readonly bus: boolean;
}

/** Where to look for systemd, the usual place first. Its private socket is there when no bus is (yet). */
export function doors(
  kind: ManagerKind,
  uid: number,
  env: Readonly<Record<string, string | undefined>>,
): readonly Door[] {
  if (kind === "system") {
    const address = env.DBUS_SYSTEM_BUS_ADDRESS ?? "unix:path=/run/dbus/system_bus_socket";
    return unique([...buses(address), { path: "/run/systemd/private", bus: false }]);
  }
  const runtime = env.XDG_RUNTIME_DIR || `/run/user/${uid}`;
  const usual: readonly Door[] = [
    { path: `${runtime}/bus`, bus: true },
    { path: `${runtime}/systemd/private`, bus: false },
  ];
  return unique([...buses(env.DBUS_SESSION_BUS_ADDRESS ?? ""), ...usual]);
}

const buses = (address: string) => socketPaths(address).map((path): Door => ({ path, bus: true }));

const unique = (list: readonly Door[]) =>
  list.filter(({ path }, index) => list.findIndex((one) => one.path === path) === index);
