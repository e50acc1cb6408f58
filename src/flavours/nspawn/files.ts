import { image, overlay, tmpfsRoot } from "../../fs/index.ts";
import type { ContainerSpec, Link, Mount } from "../../spec/index.ts";
import type { ImportContext, Settings } from "../index.ts";
import type { Machine } from "./find.ts";
import { absolute, parts, yes } from "./value.ts";

export interface Files {
  readonly root: NonNullable<ContainerSpec["root"]>;
  readonly readonlyRoot?: true;
  readonly mounts: readonly Mount[];
  readonly links: readonly Link[];
  readonly maskedPaths: readonly string[];
}

const TRUE = /^(1|yes|y|true|t|on)$/i;

/** [Files], and what keeps the machine's own files from being changed. */
export function translateFiles(settings: Settings, machine: Machine): Files {
  const volatile = settings.last("Files.Volatile") ?? "no";
  const passing = yes(settings, "Exec.Ephemeral") || volatile === "overlay";
  const { path, kind } = machine.root;
  const whole = TRUE.test(volatile) && kind === "directory";
  if (TRUE.test(volatile) && !whole) settings.ignore("Files.Volatile", "the files are in an image");
  const state: readonly Mount[] =
    volatile === "state" ? [{ destination: "/var", type: "tmpfs", source: "tmpfs", options: ["mode=755"] }] : [];
  const readonlyRoot = yes(settings, "Files.ReadOnly") || volatile === "state";
  return {
    root: whole ? tmpfsRoot() : rootOf(path, kind, passing, readonlyRoot),
    ...(readonlyRoot ? { readonlyRoot } : {}),
    mounts: [
      ...(whole ? [usr(path)] : state),
      ...binds(settings, machine),
      ...temporary(settings),
      ...overlays(settings),
    ],
    links: whole ? MERGED : [],
    maskedPaths: settings.all("Files.Inaccessible").map((one) => absolute("Files.Inaccessible", one)),
  };
}

function rootOf(path: string, kind: "directory" | "raw", passing: boolean, readonly: boolean): Files["root"] {
  if (kind === "raw") return image(path, { changes: passing ? "memory" : readonly ? "none" : "direct" });
  return passing ? overlay({ lower: [path] }) : path;
}

const usr = (path: string): Mount => ({
  destination: "/usr",
  type: "bind",
  source: `${path}/usr`,
  options: ["rbind", "ro"],
});

/** What lies outside of /usr leads into it in any system that can start from it alone. */
const MERGED: readonly Link[] = ["bin", "sbin", "lib", "lib64"].map((name) => ({
  path: `/${name}`,
  target: `usr/${name}`,
}));

function binds(settings: Settings, machine: Machine): readonly Mount[] {
  return ["Files.Bind", "Files.BindReadOnly"].flatMap((key) =>
    settings.all(key).flatMap((value): Mount[] => {
      const [source = "", destination = source, options = ""] = parts(value);
      const more = key === "Files.BindReadOnly" ? ["ro"] : [];
      if (source === "") {
        settings.change(key, "it is in memory, and not below /var/tmp", value);
        return [
          { destination: absolute(key, destination), type: "tmpfs", source: "tmpfs", options: ["mode=755", ...more] },
        ];
      }
      const inImage = source.startsWith("+");
      if (inImage && machine.root.kind === "raw") {
        settings.ignore(key, "the source is in an image", value);
        return [];
      }
      const from = inImage ? `${machine.root.path}${source.slice(1)}` : absolute(key, source);
      const to = absolute(key, destination.replace(/^\+/, ""));
      return [{ destination: to, type: "bind", source: from, options: [...bindOptions(options), ...more] }];
    }),
  );
}

function bindOptions(text: string): readonly string[] {
  const given = text.split(",");
  const idmap = given.includes("idmap") || given.includes("rootidmap");
  return [given.includes("norbind") ? "bind" : "rbind", ...(idmap ? ["idmap"] : [])];
}

function temporary(settings: Settings): readonly Mount[] {
  return settings.all("Files.TemporaryFileSystem").map((value) => {
    const [path = "", options] = parts(value);
    const destination = absolute("Files.TemporaryFileSystem", path);
    return {
      destination,
      type: "tmpfs",
      source: "tmpfs",
      options: options === undefined ? ["mode=755"] : options.split(","),
    };
  });
}

/** Only those that need no directory of overlayfs's own beside the upper one. */
function overlays(settings: Settings): readonly Mount[] {
  settings.ignore("Files.Overlay", "an overlay that is written to is made of the root alone");
  return settings.all("Files.OverlayReadOnly").flatMap((value): Mount[] => {
    const paths = parts(value);
    const destination = paths.at(-1) ?? "";
    const lower = (paths.length > 2 ? paths.slice(0, -1) : paths).toReversed();
    if (lower.some((path) => !path.startsWith("/") || /[,:\\]/.test(path))) {
      settings.ignore("Files.OverlayReadOnly", "its layers are not all directories of the host", value);
      return [];
    }
    return [{ destination, type: "overlay", source: "overlay", options: ["ro", `lowerdir=${lower.join(":")}`] }];
  });
}

/** ResolvConf=: the host's file, where the container shares the host's network or the settings ask for it. */
export function resolvConf(settings: Settings, privateNetwork: boolean, { kind }: ImportContext): readonly Mount[] {
  const value = settings.last("Exec.ResolvConf") ?? "auto";
  const wanted = value === "auto" ? !privateNetwork : /^(bind|copy|replace)-/.test(value);
  if (value === "delete") settings.ignore("Exec.ResolvConf", "the container's files are not changed");
  else if (wanted && value !== "auto" && value !== "bind-host") {
    settings.change("Exec.ResolvConf", "the host's /etc/resolv.conf is shown, and not copied");
  }
  if (!wanted || kind("/etc/resolv.conf") !== "file") return [];
  return [{ destination: "/etc/resolv.conf", type: "bind", source: "/etc/resolv.conf", options: ["bind", "ro"] }];
}
